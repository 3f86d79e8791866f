// cli/exit_status.h: how a command ended, in the words of sysexits(3).
#pragma once

namespace mailramp::cli {

enum class ExitStatus : int {
    done = 0,
    unhealthy = 1,       // of healthcheck alone: a container engine knows no other word
    usage = 64,          // the command line is wrong
    data = 65,           // what was named does not exist, or cannot be done to it
    unavailable = 69,    // no daemon answers
    software = 70,       // the daemon or the command failed in a way nobody expected
    io_error = 74,       // the output could not be written, or the daemon's disk failed
    try_again = 75,      // not now, perhaps later
    no_permission = 77,  // the socket belongs to others
    configuration = 78,
};

}  // namespace mailramp::cli
