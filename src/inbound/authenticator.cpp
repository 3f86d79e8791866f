#include "inbound/authenticator.h"

#include <cstdint>
#include <optional>
#include <utility>

#include <sys/stat.h>

#include "mailramp/inbound/password_file.h"

namespace mailramp::inbound {
namespace {

struct Stamp {
    std::uint64_t inode = 0, size = 0;
    std::int64_t seconds = 0, nanoseconds = 0;
    friend bool operator==(const Stamp&, const Stamp&) = default;
};

Stamp stamp_of(const std::filesystem::path& path) {
    struct stat status{};
    if (::stat(path.c_str(), &status) != 0) return {};
    return {status.st_ino, static_cast<std::uint64_t>(status.st_size), status.st_ctim.tv_sec,
            status.st_ctim.tv_nsec};
}

}  // namespace

struct Authenticator::Users {
    std::filesystem::path path;
    std::optional<PasswordFile> file;
    Stamp stamp;

    [[nodiscard]] base::Result<> refresh() {
        const Stamp now = stamp_of(path);
        if (file && now == stamp) return {};
        auto loaded = PasswordFile::load(path);
        if (!loaded) return std::unexpected(std::move(loaded.error()));
        file = *std::move(loaded);
        stamp = now;
        return {};
    }

    // A file that cannot be used lets nobody in: whoever was taken out of it must not get in for its sake.
    [[nodiscard]] Judgement judge(const std::string& user, const base::Secret& password) {
        if (auto refreshed = refresh(); !refreshed)
            return {Verdict::unable, std::move(refreshed.error().message)};
        switch (file->judge(user, password)) {
            case PasswordFile::Verdict::good:
                return {Verdict::good, {}};
            case PasswordFile::Verdict::unknown_user:
                return {Verdict::wrong, "there is no such user in " + path.string()};
            case PasswordFile::Verdict::wrong_password:
                return {Verdict::wrong, "wrong password"};
        }
        return {};
    }
};

Authenticator::Authenticator(std::filesystem::path users_file, std::size_t waiting_max)
    : waiting_max_(waiting_max), users_(std::make_shared<Users>(std::move(users_file))), worker_("login") {}

Authenticator::~Authenticator() = default;

io::Task<Authenticator::Judgement> Authenticator::judge(std::string user, base::Secret password) {
    if (waiting_ >= waiting_max_) co_return Judgement(Verdict::busy, "too many clients log in at once");
    // Counted as long as the coroutine is there, also when it is destroyed while it waits.
    struct Place {
        explicit Place(std::size_t& counter) : taken(counter) { ++taken; }
        ~Place() { --taken; }
        Place(const Place&) = delete;
        Place& operator=(const Place&) = delete;
        std::size_t& taken;
    };
    const Place place(waiting_);
    auto work = [users = users_, user = std::move(user), password = std::move(password)] {
        return users->judge(user, password);
    };
    auto judging = io::offload(worker_, std::move(work));
    co_return co_await std::move(judging);
}

}  // namespace mailramp::inbound
