#include "cli/content.h"

#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <string_view>
#include <utility>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <boost/json/array.hpp>
#include <boost/json/serialize.hpp>
#include <boost/json/value.hpp>

#include "cli/reading.h"
#include "cli/words.h"
#include "mailramp/base/result.h"
#include "mailramp/base/text.h"

namespace mailramp::cli {
namespace {

namespace json = boost::json;

constexpr std::string_view end_of_header = "\r\n\r\n";

// Gives every piece to `take`, until it says that this was enough.
std::expected<void, Failure> for_each_piece(
    const Content& content, const std::string& id,
    const std::function<std::expected<bool, Failure>(std::string_view)>& take) {
    for (std::uint64_t offset = 0;;) {
        const auto piece = content(message_target(id) + "/content?offset=" + std::to_string(offset));
        if (!piece) return std::unexpected(piece.error());
        if (piece->empty()) return {};
        offset += piece->size();
        const auto more = take(*piece);
        if (!more) return std::unexpected(more.error());
        if (!*more) return {};
    }
}

// Finds where the header section ends, although the end may lie in two pieces.
class HeaderEnd {
  public:
    // How much of the piece belongs to the header section and its empty line.
    std::size_t within(std::string_view piece) {
        const std::size_t before = tail_.size();
        const std::string seen = tail_ + std::string(piece);
        const std::size_t end = seen.find(end_of_header);
        if (end != std::string::npos) {
            found_ = true;
            return end + end_of_header.size() - before;
        }
        tail_ = seen.substr(seen.size() - std::min(seen.size(), end_of_header.size() - 1));
        return piece.size();
    }
    [[nodiscard]] bool found() const { return found_; }

  private:
    std::string tail_;
    bool found_ = false;
};

// Lines stay lines, and nothing else of it is obeyed. A character that lies in two pieces is not shown.
std::string harmless(std::string_view octets) {
    std::string out;
    out.reserve(octets.size());
    while (!octets.empty()) {
        const std::size_t end = std::min(octets.find_first_of("\r\n\t"), octets.size());
        out += base::printable(octets.substr(0, end), octets.size());
        if (end < octets.size() && octets[end] != '\r') out += octets[end];
        octets.remove_prefix(std::min(end + 1, octets.size()));
    }
    return out;
}

Failure failed_to(const std::string& doing, int error) {
    return {ExitStatus::io_error, base::system_error(doing, error).message};
}

// A file that was not there before; without keep() it goes away again.
class NewFile {
  public:
    static std::expected<NewFile, Failure> create(const std::filesystem::path& path) {
        const int file = ::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
        if (file < 0) return std::unexpected(failed_to("make " + path.string(), errno));
        return NewFile(path, file);
    }
    NewFile(NewFile&& other) noexcept
        : path_(std::move(other.path_)), file_(std::exchange(other.file_, -1)) {}
    NewFile& operator=(NewFile&&) = delete;
    ~NewFile() {
        if (file_ < 0) return;
        ::close(file_);
        ::unlink(path_.c_str());
    }

    std::expected<void, Failure> write(std::string_view octets) {
        while (!octets.empty()) {
            const ssize_t written = ::write(file_, octets.data(), octets.size());
            if (written < 0 && errno == EINTR) continue;
            if (written < 0) return std::unexpected(failed_to("write " + path_.string(), errno));
            octets.remove_prefix(static_cast<std::size_t>(written));
        }
        return {};
    }
    // Onto the disk: whoever moves mail elsewhere deletes it here next.
    std::expected<void, Failure> keep() {
        if (::fsync(file_) != 0) return std::unexpected(failed_to("sync " + path_.string(), errno));
        ::close(std::exchange(file_, -1));
        return {};
    }

  private:
    NewFile(std::filesystem::path path, int file) : path_(std::move(path)), file_(file) {}
    std::filesystem::path path_;
    int file_;
};

std::expected<void, Failure> make_folder(const std::filesystem::path& folder) {
    if (::mkdir(folder.c_str(), 0700) == 0 || errno == EEXIST) return {};
    return std::unexpected(failed_to("make the folder " + folder.string(), errno));
}

std::expected<void, Failure> sync_folder(const std::filesystem::path& folder) {
    const int file = ::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    const bool synced = file >= 0 && ::fsync(file) == 0;
    const int error = errno;
    if (file >= 0) ::close(file);
    if (!synced) return std::unexpected(failed_to("sync the folder " + folder.string(), error));
    return {};
}

bool has_ended(const json::value& recipient) {
    const std::string state = recipient.is_object() ? text_at(recipient.get_object(), "state") : "";
    return state == "delivered" || state == "failed" || state == "deleted";
}

// The envelope of what is left to send.
json::object envelope_of(json::object message) {
    message.erase("now");
    json::array recipients;
    for (const json::value& recipient : array_at(message, "recipients"))
        if (!has_ended(recipient)) recipients.push_back(recipient);
    message["recipients_total"] = recipients.size();
    message["recipients"] = std::move(recipients);
    return message;
}

std::expected<void, Failure> export_one(const Daemon& daemon, const Content& content, const std::string& id,
                                        const std::filesystem::path& folder) {
    const Reply message = daemon("GET", message_target(id));
    if (!message) return std::unexpected(message.error());
    auto mail = NewFile::create(folder / (id + ".eml"));
    if (!mail) return std::unexpected(mail.error());
    auto envelope = NewFile::create(folder / (id + ".json"));
    if (!envelope) return std::unexpected(envelope.error());
    const auto take = [&mail](std::string_view piece) -> std::expected<bool, Failure> {
        if (auto written = mail->write(piece); !written) return std::unexpected(written.error());
        return true;
    };
    if (auto whole = for_each_piece(content, id, take); !whole) return whole;
    if (auto written = envelope->write(json::serialize(envelope_of(*message)) + "\n"); !written)
        return written;
    if (auto kept = mail->keep(); !kept) return kept;
    return envelope->keep();
}

// What an export has come to.
struct Exported {
    std::uint64_t messages = 0;
    std::uint64_t gone = 0;  // delivered in the meantime
};

std::expected<void, Failure> export_matching(const Daemon& daemon, const Content& content, const View& view,
                                             const Which& which, const std::filesystem::path& folder,
                                             Exported& exported) {
    std::string after;
    for (;;) {
        std::string query = which.filter.query(view);
        if (!after.empty()) add_field(query, "after", after);
        const Reply page = daemon("GET", with_query("/v1/messages", query));
        if (!page) return std::unexpected(page.error());
        for (const json::value& message : array_at(*page, "messages")) {
            if (!message.is_object()) continue;
            const std::string id = text_at(message.get_object(), "id");
            // It becomes the name of a file.
            if (const auto bad = bad_id(id)) return std::unexpected(*bad);
            auto done = export_one(daemon, content, id, folder);
            if (!done && done.error().status != ExitStatus::data) return done;
            ++(done ? exported.messages : exported.gone);
        }
        const std::string next = text_at(*page, "next");
        if (next.empty() || next == after) return {};
        after = next;
    }
}

}  // namespace

ExitStatus queue_cat(const Content& content, const Console& console, const std::string& id,
                     ContentPart part) {
    if (const auto bad = bad_id(id)) return complain(console, *bad);
    HeaderEnd end;
    const auto take = [&](std::string_view piece) -> std::expected<bool, Failure> {
        if (part == ContentPart::header) piece = piece.substr(0, end.within(piece));
        console.out << (console.view.terminal ? harmless(piece) : std::string(piece));
        return !end.found() && bool(console.out);
    };
    if (const auto shown = for_each_piece(content, id, take); !shown) return complain(console, shown.error());
    return finished(console, ExitStatus::done);
}

ExitStatus queue_export(const Daemon& daemon, const Content& content, const Console& console,
                        const Which& which, const std::filesystem::path& folder) {
    if (const auto wrong = unclear("queue export", which)) return complain(console, *wrong);
    if (!which.id.empty())
        if (const auto bad = bad_id(which.id)) return complain(console, *bad);
    Exported exported;
    auto done = make_folder(folder);
    if (done && which.id.empty()) {
        done = export_matching(daemon, content, console.view, which, folder, exported);
    } else if (done) {
        done = export_one(daemon, content, which.id, folder);
        if (done) ++exported.messages;
    }
    if (done) done = sync_folder(folder);
    if (!done) {
        if (exported.messages > 0)
            console.err << counted(exported.messages, "message") << " had been exported before:\n";
        return complain(console, done.error());
    }
    std::string text = counted(exported.messages, "message") + " exported to " + folder.string() + ".\n";
    if (exported.gone > 0) text += counted(exported.gone, "message") + " left the queue meanwhile.\n";
    return print(console,
                 {{"messages", exported.messages}, {"gone", exported.gone}, {"folder", folder.string()}},
                 text);
}

}  // namespace mailramp::cli
