#include "mailramp/inbound/alias_book.h"

#include <algorithm>
#include <cerrno>
#include <utility>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "mailramp/base/events.h"

namespace mailramp::inbound {
namespace {

constexpr std::int64_t ns_in_a_second = 1'000'000'000;

FileStamp stamp_from(const struct stat& status) {
    const auto ns = [](const timespec& time) { return time.tv_sec * ns_in_a_second + time.tv_nsec; };
    return {.device = status.st_dev,
            .inode = status.st_ino,
            .size_bytes = status.st_size,
            .modified_ns = ns(status.st_mtim),
            .changed_ns = ns(status.st_ctim)};
}

base::Error cannot_read(const std::string& path, int error) {
    base::Error result = base::system_error(path, error);
    if (error == ENOENT) result.message += "; create it, or leave aliases_file out";
    if (error == EACCES)
        result.message +=
            ": user id " + std::to_string(::geteuid()) + " must be able to read it: chmod 644 " + path;
    return result;
}

base::Result<std::string> read_all(int file, const std::string& path) {
    // One octet more than allowed tells that there is more.
    std::string content(alias_file_bytes_max + 1, '\0');
    std::size_t filled = 0;
    while (filled < content.size()) {
        const ssize_t got = ::read(file, content.data() + filled, content.size() - filled);
        if (got < 0 && errno == EINTR) continue;
        if (got < 0) return std::unexpected(base::system_error(path, errno));
        if (got == 0) break;
        filled += static_cast<std::size_t>(got);
    }
    if (filled > alias_file_bytes_max)
        return base::fail(base::ErrorKind::limit, path + " is larger than " +
                                                      std::to_string(alias_file_bytes_max) +
                                                      " octets; no list of aliases is");
    content.resize(filled);
    return content;
}

base::Result<AliasFileReading> read_open(int file, const std::string& path) {
    struct stat status{};
    if (::fstat(file, &status) != 0) return std::unexpected(base::system_error(path, errno));
    if (!S_ISREG(status.st_mode))
        return base::fail(base::ErrorKind::invalid, path + " is not a regular file; aliases_file names one");
    const auto content = read_all(file, path);
    if (!content) return std::unexpected(content.error());
    return AliasFileReading{route::parse_alias_file(*content, path), stamp_from(status)};
}

}  // namespace

base::Result<AliasFileReading> read_alias_file(const std::filesystem::path& path) {
    // O_NONBLOCK: opening a FIFO must not wait for its writer.
    const int file = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    if (file < 0) return std::unexpected(cannot_read(path.string(), errno));
    auto reading = read_open(file, path.string());
    ::close(file);
    return reading;
}

std::vector<std::string> remarks_on(const route::AliasFile& file, const std::filesystem::path& path,
                                    const route::Recipients& in_use) {
    std::vector<std::string> remarks;
    for (const route::AliasProblem& problem : file.problems)
        remarks.push_back(path.string() + ":" + std::to_string(problem.line) + ": " + problem.text);
    for (const route::DeadEnd& end : in_use.dead_ends())
        remarks.push_back(end.alias->place + ": " + end.text);
    if (remarks.size() <= alias_remarks_max) return remarks;
    const std::size_t untold = remarks.size() - alias_remarks_max;
    remarks.resize(alias_remarks_max);
    remarks.push_back(path.string() + ": " + std::to_string(untold) + " further remarks are not listed");
    return remarks;
}

AliasBook::AliasBook(route::RecipientOptions options, std::filesystem::path file, base::Logger logger)
    : options_(std::move(options)),
      file_(std::move(file)),
      logger_(std::move(logger)),
      recipients_(options_) {}

base::Result<> AliasBook::open() {
    if (file_.empty()) return {};
    auto reading = read_alias_file(file_);
    if (!reading) return std::unexpected(std::move(reading.error()));
    judged_ = reading->stamp;
    names_in_file_ = reading->file.aliases.size();
    recipients_ = route::Recipients(options_, std::move(reading->file.aliases));
    logger_.info(base::events::aliases_read, "", {{"file", file_.string()}, {"names", names_in_file_}});
    return {};
}

void AliasBook::look() {
    if (file_.empty()) return;
    struct stat status{};
    if (::stat(file_.c_str(), &status) != 0) return keep(cannot_read(file_.string(), errno).message);
    const FileStamp stamp = stamp_from(status);
    if (stamp == judged_) {
        coming_.reset();
    } else if (coming_ != stamp) {
        coming_ = stamp;
    } else {
        read_again(stamp);
    }
}

void AliasBook::read_again(const FileStamp& stamp) {
    coming_.reset();
    auto reading = read_alias_file(file_);
    if (reading && reading->stamp != stamp) return;  // it changes right now: the next look will see
    judged_ = stamp;
    if (!reading) return keep(reading.error().message);
    if (const auto objection = objection_to(reading->file)) return keep(*objection);
    trouble_.clear();
    names_in_file_ = reading->file.aliases.size();
    recipients_ = route::Recipients(options_, reading->file.aliases);
    for (const std::string& remark : remarks_on(reading->file, file_, recipients_))
        logger_.warning(base::events::aliases_remark, remark);
    logger_.info(base::events::aliases_read, "the file has changed",
                 {{"file", file_.string()}, {"names", names_in_file_}});
}

// Once for each trouble, not with every look.
void AliasBook::keep(const std::string& reason) {
    if (std::exchange(trouble_, reason) == reason) return;
    logger_.error(base::events::aliases_kept, reason, {{"file", file_.string()}, {"names", names_in_file_}});
}

// At the start such lines are skipped, since nothing would work without the rest; here the aliases from
// before are better than some of the new ones.
std::optional<std::string> AliasBook::objection_to(const route::AliasFile& file) const {
    if (const route::AliasProblem* const problem = file.first_malformed())
        return file_.string() + ":" + std::to_string(problem->line) + ": " + problem->text;
    if (file.aliases.empty() && names_in_file_ > 0)
        return file_.string() + " has no alias any more; if that is meant, restart mailramp";
    return {};
}

}  // namespace mailramp::inbound
