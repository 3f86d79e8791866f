#include "mailramp/io/command_runner.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <mutex>
#include <optional>
#include <utility>

#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "mailramp/base/text.h"

namespace mailramp::io {
namespace {

using SteadyClock = std::chrono::steady_clock;

constexpr std::size_t error_line_bytes_max = 300;
constexpr std::size_t read_bytes = 4096;
// Where the kernel has no descriptors of processes, the end is looked for so often.
constexpr std::chrono::milliseconds look_interval(50);
// A killed process that has not ended by then hangs in the kernel; nobody waits for it any longer.
constexpr std::chrono::seconds kill_grace(2);
constexpr int standard_descriptors = 3;

class OwnedDescriptor {
  public:
    explicit OwnedDescriptor(int number = -1) : number_(number) {}
    OwnedDescriptor(OwnedDescriptor&& other) noexcept : number_(std::exchange(other.number_, -1)) {}
    OwnedDescriptor& operator=(OwnedDescriptor&& other) noexcept {
        std::swap(number_, other.number_);
        return *this;
    }
    ~OwnedDescriptor() {
        if (number_ >= 0) ::close(number_);
    }
    [[nodiscard]] int get() const { return number_; }
    [[nodiscard]] bool open() const { return number_ >= 0; }

  private:
    int number_;
};

// The numbers 0 to 2 are the child's: what goes there must not stand in the way.
base::Result<OwnedDescriptor> beyond_standard(OwnedDescriptor given, std::string_view doing) {
    if (!given.open()) return std::unexpected(base::system_error(doing, errno));
    if (given.get() >= standard_descriptors) return given;
    OwnedDescriptor moved(::fcntl(given.get(), F_DUPFD_CLOEXEC, standard_descriptors));
    if (!moved.open()) return std::unexpected(base::system_error(doing, errno));
    return moved;
}

// In memory rather than in a pipe: a program that does not read it keeps nobody waiting.
base::Result<OwnedDescriptor> input_file(std::string_view content) {
    constexpr std::string_view doing = "the command's standard input";
    auto file = beyond_standard(OwnedDescriptor(::memfd_create("input", MFD_CLOEXEC)), doing);
    if (!file) return file;
    while (!content.empty()) {
        const ssize_t written = ::write(file->get(), content.data(), content.size());
        if (written < 0 && errno == EINTR) continue;
        if (written < 0) return std::unexpected(base::system_error(doing, errno));
        content.remove_prefix(static_cast<std::size_t>(written));
    }
    if (::lseek(file->get(), 0, SEEK_SET) < 0) return std::unexpected(base::system_error(doing, errno));
    return file;
}

struct ErrorPipe {
    OwnedDescriptor read_end, write_end;
};

base::Result<ErrorPipe> error_pipe() {
    constexpr std::string_view doing = "the command's standard error";
    std::array<int, 2> ends{};
    if (::pipe2(ends.data(), O_CLOEXEC) != 0) return std::unexpected(base::system_error(doing, errno));
    OwnedDescriptor read_end(ends[0]);
    auto write_end = beyond_standard(OwnedDescriptor(ends[1]), doing);
    if (!write_end) return std::unexpected(std::move(write_end.error()));
    if (::fcntl(read_end.get(), F_SETFL, O_NONBLOCK) != 0)
        return std::unexpected(base::system_error(doing, errno));
    return ErrorPipe{std::move(read_end), std::move(*write_end)};
}

struct FileActions {
    FileActions() { posix_spawn_file_actions_init(&value); }
    ~FileActions() { posix_spawn_file_actions_destroy(&value); }
    FileActions(const FileActions&) = delete;
    FileActions& operator=(const FileActions&) = delete;
    posix_spawn_file_actions_t value{};
};

struct Attributes {
    Attributes() { posix_spawnattr_init(&value); }
    ~Attributes() { posix_spawnattr_destroy(&value); }
    Attributes(const Attributes&) = delete;
    Attributes& operator=(const Attributes&) = delete;
    posix_spawnattr_t value{};
};

std::vector<char*> pointers_to(std::vector<std::string>& words) {
    std::vector<char*> pointers;
    for (std::string& word : words)
        pointers.push_back(word.data());
    pointers.push_back(nullptr);
    return pointers;
}

// Threads of ours block every signal, and the process ignores SIGPIPE: the child begins anew.
int set_attributes(posix_spawnattr_t& attributes) {
    sigset_t none, all;
    sigemptyset(&none);
    sigfillset(&all);
    int failed = posix_spawnattr_setsigmask(&attributes, &none);
    if (failed == 0) failed = posix_spawnattr_setsigdefault(&attributes, &all);
    if (failed == 0)
        failed = posix_spawnattr_setflags(
            &attributes, POSIX_SPAWN_SETSID | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
    return failed;
}

int set_descriptors(posix_spawn_file_actions_t& actions, int input, int error) {
    int failed = posix_spawn_file_actions_adddup2(&actions, input, STDIN_FILENO);
    if (failed == 0)
        failed = posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, "/dev/null", O_WRONLY, 0);
    if (failed == 0) failed = posix_spawn_file_actions_adddup2(&actions, error, STDERR_FILENO);
    if (failed == 0) failed = posix_spawn_file_actions_addclosefrom_np(&actions, standard_descriptors);
    if (failed == 0) failed = posix_spawn_file_actions_addchdir_np(&actions, "/");
    return failed;
}

base::Result<pid_t> spawn(CommandRequest& request, const OwnedDescriptor& input,
                          const OwnedDescriptor& error) {
    FileActions actions;
    Attributes attributes;
    int failed = set_attributes(attributes.value);
    if (failed == 0) failed = set_descriptors(actions.value, input.get(), error.get());
    const std::vector<char*> words = pointers_to(request.words);
    const std::vector<char*> environment = pointers_to(request.environment);
    pid_t child = 0;
    if (failed == 0)
        failed = ::posix_spawn(&child, words.front(), &actions.value, &attributes.value, words.data(),
                               environment.data());
    if (failed != 0)
        return std::unexpected(base::system_error(
            "it cannot be started: " + base::printable(request.words.front(), error_line_bytes_max), failed));
    return child;
}

// The first line that a program writes to its standard error; the rest is read and dropped.
class FirstLine {
  public:
    // False at the end.
    bool read_from(int descriptor) {
        std::array<char, read_bytes> buffer{};
        for (;;) {
            const ssize_t got = ::read(descriptor, buffer.data(), buffer.size());
            if (got < 0 && errno == EINTR) continue;
            if (got < 0) return errno == EAGAIN;
            if (got == 0) return false;
            const auto octets = static_cast<std::size_t>(got);
            if (text_.size() < error_line_bytes_max) text_.append(buffer.data(), octets);
        }
    }
    [[nodiscard]] std::string get() const {
        const std::string_view text = base::trim(text_);
        return base::printable(base::trim(text.substr(0, text.find('\n'))), error_line_bytes_max);
    }

  private:
    std::string text_;
};

std::unexpected<base::Error> stopping() {
    return base::fail(base::ErrorKind::cancelled, "the daemon is stopping");
}

}  // namespace

// What the event loop and the thread share.
struct CommandRunner::State {
    // The number of a process stays its own until it is waited for: both happen under the lock.
    std::mutex mutex;
    pid_t running = 0;
    bool abandoned = false;

    [[nodiscard]] base::Result<CommandEnd> run(CommandRequest request);
    [[nodiscard]] base::Result<pid_t> start(CommandRequest& request, const OwnedDescriptor& input,
                                            const OwnedDescriptor& error);
    [[nodiscard]] CommandEnd wait(pid_t child, int error, base::Duration timeout);
    [[nodiscard]] std::optional<CommandEnd> reap(pid_t child);
    void kill_running();
    // Starts nothing more, and kills what runs.
    void abandon();
    [[nodiscard]] bool is_abandoned();
};

base::Result<pid_t> CommandRunner::State::start(CommandRequest& request, const OwnedDescriptor& input,
                                                const OwnedDescriptor& error) {
    const std::lock_guard lock(mutex);
    if (abandoned) return stopping();
    auto child = spawn(request, input, error);
    if (child) running = *child;
    return child;
}

base::Result<CommandEnd> CommandRunner::State::run(CommandRequest request) {
    auto input = input_file(request.input);
    if (!input) return std::unexpected(std::move(input.error()));
    auto error = error_pipe();
    if (!error) return std::unexpected(std::move(error.error()));
    const auto child = start(request, *input, error->write_end);
    if (!child) return std::unexpected(child.error());
    error->write_end = OwnedDescriptor();
    return wait(*child, error->read_end.get(), request.timeout);
}

CommandEnd CommandRunner::State::wait(pid_t child, int error, base::Duration timeout) {
    const OwnedDescriptor process(static_cast<int>(::syscall(SYS_pidfd_open, child, 0)));
    const SteadyClock::time_point deadline = SteadyClock::now() + timeout;
    FirstLine line;
    bool reading = true;
    std::optional<CommandEnd> end = reap(child);
    bool killed = false;
    while (!end) {
        const auto now = SteadyClock::now();
        if (killed && now >= deadline + kill_grace) break;
        if (!killed && now >= deadline) {
            killed = true;
            kill_running();
        }
        auto left =
            std::chrono::ceil<std::chrono::milliseconds>((killed ? deadline + kill_grace : deadline) - now);
        if (!process.open()) left = std::min(left, look_interval);
        // A negative number is none to wait for.
        std::array<pollfd, 2> waited{{{process.get(), POLLIN, 0}, {reading ? error : -1, POLLIN, 0}}};
        ::poll(waited.data(), waited.size(), static_cast<int>(left.count()));
        if (waited[1].revents != 0) reading = line.read_from(error);
        end = reap(child);
    }
    if (reading) line.read_from(error);
    if (!end || killed) {
        end.emplace();
        end->how = CommandEnd::How::timed_out;
    }
    end->first_error_line = line.get();
    return *end;
}

std::optional<CommandEnd> CommandRunner::State::reap(pid_t child) {
    const std::lock_guard lock(mutex);
    int status = 0;
    const pid_t got = ::waitpid(child, &status, WNOHANG);
    if (got == 0 || (got < 0 && errno == EINTR)) return {};
    running = 0;
    CommandEnd end;
    if (got < 0 || WIFSIGNALED(status)) {
        end.how = CommandEnd::How::killed;
        end.number = got < 0 ? 0 : WTERMSIG(status);
    } else {
        end.number = WEXITSTATUS(status);
    }
    return end;
}

void CommandRunner::State::kill_running() {
    const std::lock_guard lock(mutex);
    // Its own number is the number of its session's first group.
    if (running > 0) ::kill(-running, SIGKILL);
}

void CommandRunner::State::abandon() {
    {
        const std::lock_guard lock(mutex);
        abandoned = true;
    }
    kill_running();
}

bool CommandRunner::State::is_abandoned() {
    const std::lock_guard lock(mutex);
    return abandoned;
}

CommandRunner::CommandRunner() : state_(std::make_shared<State>()), worker_("commands") {}

CommandRunner::~CommandRunner() {
    state_->abandon();
}

Task<base::Result<CommandEnd>> CommandRunner::run(CommandRequest request) {
    // The worker would drop it without a word.
    if (state_->is_abandoned()) co_return stopping();
    auto work = [state = state_, wanted = std::move(request)]() mutable {
        return state->run(std::move(wanted));
    };
    co_return co_await offload(worker_, std::move(work));
}

void CommandRunner::abandon() {
    state_->abandon();
    worker_.abandon();
}

}  // namespace mailramp::io
