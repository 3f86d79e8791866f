// mailramp/io/command_runner.h: runs other programs, one after the other, each for a limited time.
//
// A program gets what it is given and nothing else: its words (no shell), its environment, its standard input
// (a file, read from the beginning); standard output goes to /dev/null, the first line of standard error is
// kept; no descriptor, signal mask or ignored signal of ours reaches it; its folder is /, and it leads a
// session of its own, which is killed as a whole when the time is up.
#pragma once

#include <chrono>
#include <cstddef>
#include <memory>
#include <string>
#include <vector>

#include "mailramp/base/clock.h"
#include "mailramp/base/result.h"
#include "mailramp/io/async.h"
#include "mailramp/io/worker.h"

namespace mailramp::io {

struct CommandRequest {
    std::vector<std::string> words;        // an absolute path and arguments
    std::vector<std::string> environment;  // "NAME=value"
    std::string input;
    base::Duration timeout = std::chrono::seconds(10);
};

struct CommandEnd {
    enum class How { exited, killed, timed_out };
    How how = How::exited;
    int number = 0;                // the exit status, or the signal
    std::string first_error_line;  // printable, cut
};

// Waits in a thread of its own. Lives on one event loop.
class CommandRunner {
  public:
    CommandRunner();
    // Kills what runs.
    ~CommandRunner();
    CommandRunner(const CommandRunner&) = delete;
    CommandRunner& operator=(const CommandRunner&) = delete;

    // An Error: it could not be started.
    [[nodiscard]] Task<base::Result<CommandEnd>> run(CommandRequest request);
    // Kills what runs, starts nothing more, waits for nobody: for shutdown, right before _exit.
    void abandon();

  private:
    struct State;
    std::shared_ptr<State> state_;
    Worker worker_;
};

}  // namespace mailramp::io
