// alert/command.h: runs a command for each alert.
#pragma once

#include <string>
#include <utility>

#include "alert/target.h"
#include "mailramp/alert/condition.h"
#include "mailramp/alert/options.h"
#include "mailramp/io/async.h"
#include "mailramp/io/command_runner.h"

namespace mailramp::alert {

// The alert's JSON on its standard input, and a few variables for scripts that do not read JSON. Status 0:
// taken.
class Command {
  public:
    // Both must outlive the command.
    Command(const Options& options, io::CommandRunner& runner, std::string host)
        : options_(options), runner_(runner), host_(std::move(host)) {}

    [[nodiscard]] io::Task<Sent> send(Alert alert);
    // "exec /usr/local/bin/notify": arguments may be secrets, and are not shown.
    [[nodiscard]] std::string name() const;

  private:
    const Options& options_;
    io::CommandRunner& runner_;
    std::string host_;
};

}  // namespace mailramp::alert
