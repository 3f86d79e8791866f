#include "cli/terminal.h"

#include <algorithm>
#include <cstdlib>
#include <ctime>
#include <iostream>
#include <string_view>

#include <sys/ioctl.h>
#include <unistd.h>

#include "mailramp/base/text.h"
#include "mailramp/io/system_clock.h"

namespace mailramp::cli {
namespace {

constexpr std::size_t columns_min = 60;
constexpr std::size_t columns_max = 100;

std::string_view environment(const char* name) {
    const char* value = std::getenv(name);
    return value == nullptr ? std::string_view() : std::string_view(value);
}

std::chrono::seconds local_offset(base::WallTime time) {
    const std::time_t seconds = std::chrono::floor<std::chrono::seconds>(time.time_since_epoch()).count();
    std::tm local{};
    if (::localtime_r(&seconds, &local) == nullptr) return std::chrono::seconds(0);
    return std::chrono::seconds(local.tm_gmtoff);
}

std::size_t terminal_columns() {
    winsize size{};
    if (::ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) != 0 || size.ws_col == 0) return columns_max;
    return std::clamp<std::size_t>(size.ws_col, columns_min, columns_max);
}

}  // namespace

View view_of_terminal() {
    ::tzset();  // localtime_r need not do it
    View view;
    view.now = io::SystemClock().wall();
    view.zone = local_offset;
    if (::isatty(STDOUT_FILENO) == 0) return view;
    view.terminal = true;
    view.columns = terminal_columns();
    const bool wanted = environment("NO_COLOR").empty() && environment("TERM") != "dumb";
    view.colour = wanted ? Colour::on : Colour::off;
    return view;
}

std::optional<bool> ask_on_terminal(const std::string& question) {
    if (::isatty(STDIN_FILENO) == 0 || ::isatty(STDERR_FILENO) == 0) return {};
    std::cerr << question << std::flush;
    std::string answer;
    std::getline(std::cin, answer);
    const std::string_view word = base::trim(answer);
    return base::equals_ignoring_case(word, "y") || base::equals_ignoring_case(word, "yes");
}

}  // namespace mailramp::cli
