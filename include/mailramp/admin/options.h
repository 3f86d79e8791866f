// mailramp/admin/options.h: the named limits of the socket that operators' commands talk to.
#pragma once

#include <chrono>
#include <cstddef>
#include <filesystem>
#include <string>

#include <sys/types.h>

#include "mailramp/base/clock.h"
#include "mailramp/base/result.h"

namespace mailramp::admin {

struct AdminOptions {
    // HTTP over this Unix socket. Whoever may write to it may retry and delete mail.
    std::filesystem::path socket = "/run/mailramp/admin.sock";
    unsigned socket_mode = 0660;
    // The group that owns the socket; empty: the daemon's own group.
    std::string group;
    // Request line and header fields together; beyond it 431.
    std::size_t header_bytes_max = 8 * 1024;
    // The body of a request; beyond it 413.
    std::size_t body_bytes_max = 64 * 1024;
    // Clients served at once. One more, and the oldest that has not sent a whole request has to go; while all
    // are being answered, it waits.
    std::size_t connections_max = 16;
    // From the first wait for a request to its last octet: commands send theirs at once.
    base::Duration request_timeout = std::chrono::seconds(3);
    // For writing an answer.
    base::Duration answer_timeout = std::chrono::seconds(10);
    // On one connection; then the answer says `Connection: close`.
    std::size_t requests_per_connection_max = 100;
    // Messages on one page of the list.
    std::size_t page_messages_max = 200;
    // Recipients shown with a message of the list; one message alone is shown with all of them.
    std::size_t list_recipients_max = 20;
};

// The group of this name on this machine. ErrorKind::not_found, with the remedy, when there is none.
[[nodiscard]] base::Result<gid_t> find_group(const std::string& name);

}  // namespace mailramp::admin
