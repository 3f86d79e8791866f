// mailramp/app/serve.h: the daemon, from its configuration file to its exit status.
#pragma once

#include <filesystem>

#include "mailramp/config/load.h"

namespace mailramp::app {

struct ServeOptions {
    std::filesystem::path config_file = "/etc/mailramp/mailramp.yaml";
    config::FileNeed need = config::FileNeed::optional;
    bool hold = false;  // what is in the queue already: see SqliteStoreOptions::hold_at_start
};

// Keys come from the file and from MAILRAMP_… variables. Runs until SIGTERM or SIGINT. Returns a sysexits(3)
// status: 0 after a clean end; 78 configuration; 69 an address that cannot be bound; 73 a queue folder that
// cannot be used; 75 a queue that somebody else holds. What is wrong goes to standard error, with the remedy.
[[nodiscard]] int serve(const ServeOptions& options);

}  // namespace mailramp::app
