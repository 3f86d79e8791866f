// mailramp/cli/command_line.h: the commands. docs/commands.md describes them.
#pragma once

namespace mailramp::cli {

// Runs the command that the arguments name. Returns a sysexits(3) status: 0 done; 64 the command line; 65
// what was asked for does not exist or is not possible; 69 no daemon answers; 70 a bug; 73 cannot create; 74
// a disk; 75 try again later; 77 not allowed; 78 configuration. Results go to standard output, talk to
// standard error.
[[nodiscard]] int run(int argc, char** argv);

}  // namespace mailramp::cli
