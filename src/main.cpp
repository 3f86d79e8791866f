#include "mailramp/cli/command_line.h"

int main(int argc, char** argv) {
    return mailramp::cli::run(argc, argv);
}
