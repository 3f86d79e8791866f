// app/daemon.h: the object graph of a running daemon, and its life: begin, run until a signal, drain, end.
#pragma once

#include <memory>

#include "app/log_sink.h"
#include "app/service_manager.h"
#include "mailramp/base/result.h"
#include "mailramp/config/settings.h"

namespace mailramp::app {

// Why a daemon did not come up.
struct StartFailure {
    int status = 70;  // sysexits(3)
    base::Error error;
};

class Daemon {
  public:
    // `log` must outlive the daemon.
    Daemon(config::Settings settings, ManagerTerms manager, LogSink& log);
    ~Daemon();

    // Opens listeners, queue, upstream and admin socket, then runs the event loop until SIGTERM or SIGINT and
    // drains. Returns the exit status. Does not join threads that wait for DNS or HTTP: the caller ends the
    // process with _exit.
    [[nodiscard]] int run();

  private:
    struct Impl;
    std::unique_ptr<Impl> impl_;
};

}  // namespace mailramp::app
