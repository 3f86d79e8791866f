// mailramp/io/notify_socket.h: datagrams to the program that started us, as sd_notify(3) describes them.
//
// The protocol is a stable interface of systemd's, and of other managers that have taken it over: a datagram
// of NAME=VALUE lines to the Unix socket that $NOTIFY_SOCKET names. Nobody answers.
#pragma once

#include <memory>
#include <string_view>

#include "mailramp/base/result.h"

namespace mailramp::io {

// Move-only. Sending never blocks.
class NotifySocket {
  public:
    // `name` as the variable has it: an absolute path, or '@' and a name of Linux's abstract namespace.
    // ErrorKind::invalid for anything else. The manager need not listen yet.
    [[nodiscard]] static base::Result<NotifySocket> open(std::string_view name);

    NotifySocket(NotifySocket&&) noexcept;
    NotifySocket& operator=(NotifySocket&&) noexcept;
    ~NotifySocket();

    // Looks the address up anew each time: a manager that has been replaced is found again.
    // ErrorKind::unavailable: its queue is full, later datagrams may arrive; every other failure is
    // ErrorKind::io.
    [[nodiscard]] base::Result<> send(std::string_view datagram) const;

  private:
    struct Impl;
    explicit NotifySocket(std::unique_ptr<Impl> impl);
    std::unique_ptr<Impl> impl_;
};

}  // namespace mailramp::io
