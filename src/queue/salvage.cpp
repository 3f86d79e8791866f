#include "mailramp/queue/salvage.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <memory>
#include <optional>
#include <set>
#include <span>
#include <system_error>
#include <utility>

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "queue/body_files.h"
#include "queue/checksum.h"
#include "queue/database.h"
#include "queue/schema.h"
#include "queue/tree_scan.h"

namespace mailramp::queue {
namespace {

using base::ErrorKind;
using Path = std::filesystem::path;

constexpr std::size_t copy_bytes = 1 << 20;
constexpr std::size_t page_size = static_cast<std::size_t>(page_bytes);

// A descriptor that closes itself.
class OpenFile {
  public:
    OpenFile(const Path& path, int flags)
        : path_(path), value_(::open(path.c_str(), flags | O_CLOEXEC, 0600)) {}
    OpenFile(const OpenFile&) = delete;
    OpenFile& operator=(const OpenFile&) = delete;
    ~OpenFile() {
        if (value_ >= 0) ::close(value_);
    }
    [[nodiscard]] bool good() const { return value_ >= 0; }
    [[nodiscard]] int get() const { return value_; }
    [[nodiscard]] std::unexpected<base::Error> error(const char* doing) const {
        return std::unexpected(base::system_error(std::string(doing) + " " + path_.string(), errno));
    }
    [[nodiscard]] base::Result<> write(std::string_view octets) const {
        while (!octets.empty()) {
            const ssize_t written = ::write(value_, octets.data(), octets.size());
            if (written < 0 && errno == EINTR) continue;
            if (written < 0) return error("write");
            octets.remove_prefix(static_cast<std::size_t>(written));
        }
        return {};
    }
    [[nodiscard]] base::Result<> sync() const {
        if (::fsync(value_) != 0) return error("sync");
        return {};
    }
    // What is there at `offset`; shorter at the end of the file only.
    [[nodiscard]] std::optional<std::size_t> read(std::span<char> buffer, std::uint64_t offset) const {
        std::size_t done = 0;
        while (done < buffer.size()) {
            const ssize_t octets = ::pread(value_, buffer.data() + done, buffer.size() - done,
                                           static_cast<off_t>(offset + done));
            if (octets < 0 && errno == EINTR) continue;
            if (octets < 0) return std::nullopt;
            if (octets == 0) break;
            done += static_cast<std::size_t>(octets);
        }
        return done;
    }

  private:
    Path path_;
    int value_;
};

base::Result<> sync_path(const Path& folder) {
    const OpenFile opened(folder, O_RDONLY | O_DIRECTORY);
    if (!opened.good()) return opened.error("open");
    return opened.sync();
}

// ------------------------------------------------------------------ the copy

// Pages that the disk does not give are zeros in the copy. Returns how many.
base::Result<std::uint64_t> copy_readable(const Path& from, const Path& to) {
    const OpenFile source(from, O_RDONLY | O_NOFOLLOW);
    if (!source.good()) return source.error("open");
    const OpenFile target(to, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW);
    if (!target.good()) return target.error("make");
    struct stat found{};
    if (::fstat(source.get(), &found) != 0) return source.error("look at");
    const auto size = static_cast<std::uint64_t>(found.st_size);
    std::uint64_t lost = 0;
    std::string buffer(copy_bytes, '\0');
    for (std::uint64_t offset = 0; offset < size;) {
        auto octets = source.read(buffer, offset);
        if (!octets) {
            // One bad page shall not cost its neighbours.
            octets = source.read(std::span(buffer).first(page_size), offset);
            if (!octets) {
                ++lost;
                octets = static_cast<std::size_t>(std::min<std::uint64_t>(page_size, size - offset));
                std::fill_n(buffer.begin(), *octets, '\0');
            }
        }
        if (*octets == 0) break;
        if (auto written = target.write(std::string_view(buffer).substr(0, *octets)); !written)
            return std::unexpected(written.error());
        offset += *octets;
    }
    return lost;
}

// What an empty queue of this version consists of: where its tables are stands in the same pages in every
// queue.
struct EmptyQueue {
    std::string octets;
    std::set<std::int64_t> schema_pages;  // numbered from 1
};

base::Result<EmptyQueue> make_empty_queue(const Path& file) {
    EmptyQueue empty;
    {
        const OpenFile made(file, O_RDWR | O_CREAT | O_EXCL);
        if (!made.good()) return made.error("make");
        auto opened = Database::open(file, nullptr);
        if (!opened) return std::unexpected(opened.error());
        Database& database = **opened;
        if (auto ready = prepare_schema(database, Deletion::quick, base::WallTime{}); !ready)
            return std::unexpected(ready.error());
        if (auto written = database.checkpoint(SQLITE_CHECKPOINT_TRUNCATE); !written)
            return std::unexpected(written.error());
        const auto pages = database.integer("PRAGMA page_count");
        if (!pages) return std::unexpected(pages.error());
        for (std::int64_t page = 1; page <= *pages; ++page)
            empty.schema_pages.insert(page);
        // Page 2 says to which tree the others belong, and every other tree of an empty queue is one page.
        empty.schema_pages.erase(2);
        Query roots(database, "SELECT rootpage FROM sqlite_schema WHERE rootpage>0");
        for (auto row = roots.next(); row && *row; row = roots.next())
            empty.schema_pages.erase(roots.integer(0));
    }
    const OpenFile source(file, O_RDONLY);
    empty.octets.resize(static_cast<std::size_t>(std::filesystem::file_size(file)));
    if (!source.good() || source.read(empty.octets, 0) != empty.octets.size()) return source.error("read");
    return empty;
}

// SQLite opens nothing without these pages.
base::Result<> replace_schema(const Path& database, const Path& scratch) {
    auto empty = make_empty_queue(scratch / "empty.db");
    if (!empty) return std::unexpected(empty.error());
    struct stat found{};
    if (::stat(database.c_str(), &found) != 0)
        return std::unexpected(base::system_error("look at " + database.string(), errno));
    const auto put = [&octets = empty->octets](std::size_t at, std::uint64_t value) {
        for (int shift = 24; shift >= 0; shift -= 8)
            octets[at++] = static_cast<char>(value >> shift);
    };
    // https://www.sqlite.org/fileformat2.html, 1.3: pages; first free page and their number; and the two
    // counters, which say by being equal that the number of pages counts.
    put(28, static_cast<std::uint64_t>(found.st_size) / page_size);
    put(32, 0);
    put(36, 0);
    put(92, 1);
    put(24, 1);
    const OpenFile target(database, O_WRONLY);
    if (!target.good()) return target.error("open");
    for (const std::int64_t page : empty->schema_pages) {
        const std::size_t at = static_cast<std::size_t>(page - 1) * page_size;
        if (::lseek(target.get(), static_cast<off_t>(at), SEEK_SET) < 0) return target.error("seek in");
        if (auto written = target.write(std::string_view(empty->octets).substr(at, page_size)); !written)
            return written;
    }
    return {};
}

// ------------------------------------------------------------------ reading

struct Part {
    std::int64_t message = 0;
    std::int64_t row = 0;
    friend auto operator<=>(const Part&, const Part&) = default;
};

class Salvage {
  public:
    Salvage(const SalvageOptions& options, const OnSalvaged& on_message)
        : options_(options), on_message_(on_message), bodies_(options.from / "bodies") {}

    base::Result<SalvageReport> run() {
        if (auto ready = prepare_folders(); !ready) return std::unexpected(ready.error());
        auto done = copy_and_open();
        if (done) {
            find_rows();
            done = save_all();
        }
        database_.reset();
        std::error_code ignored;
        std::filesystem::remove_all(scratch_, ignored);
        if (done) done = sync_path(options_.to);
        if (!done) return std::unexpected(done.error());
        return report_;
    }

  private:
    base::Result<> prepare_folders();
    base::Result<> lock_queue();
    base::Result<> copy_and_open();
    base::Result<> open_copy();
    void find_rows();
    void scan(const char* what, const TreeReader& reader);
    TreeReader message_reader();
    TreeReader content_reader();
    TreeReader recipient_reader();
    RowFound remember(Query& query, int message);
    void find_files();
    base::Result<> save_all();
    base::Result<> save(std::int64_t id);
    void read_envelope(std::int64_t id, SalvagedMessage& saved);
    void read_recipients(std::int64_t id, SalvagedMessage& saved);
    base::Result<> save_content(std::int64_t id, SalvagedMessage& saved);
    base::Result<> save_file_content(const Path& source, SalvagedMessage& saved);
    base::Result<> save_inline_content(std::int64_t id, SalvagedMessage& saved);
    base::Result<> keep(const OpenFile& file, const Path& name, bool whole, SalvagedMessage& saved);

    const SalvageOptions& options_;
    const OnSalvaged& on_message_;
    const Path bodies_;
    Path scratch_;
    std::unique_ptr<OpenFile> lock_;
    std::unique_ptr<Database> database_;
    std::set<std::int64_t> ids_;   // of messages: of all that rows or files speak of
    std::set<std::int64_t> rows_;  // of all that rows speak of
    std::vector<Part> recipients_;
    std::vector<BodyName> files_;
    std::size_t gaps_ = 0;
    // Of the message that is being saved.
    std::uint64_t checksum_ = 0;
    std::optional<std::int64_t> body_instance_;
    SalvageReport report_;
};

base::Result<> Salvage::prepare_folders() {
    std::error_code failure;
    const Path from = std::filesystem::canonical(options_.from, failure);
    if (failure || !std::filesystem::exists(from / "queue.db", failure))
        return base::fail(ErrorKind::not_found, "there is no queue in " + options_.from.string() +
                                                    ": name the folder that has queue.db");
    if (auto locked = lock_queue(); !locked) return locked;
    if (::mkdir(options_.to.c_str(), S_IRWXU) != 0 && errno != EEXIST)
        return std::unexpected(base::system_error("make the folder " + options_.to.string(), errno));
    const Path to = std::filesystem::canonical(options_.to, failure);
    if (failure)
        return std::unexpected(base::system_error("resolve " + options_.to.string(), failure.value()));
    const auto [end, rest] = std::ranges::mismatch(from, to);
    if (end == from.end())
        return base::fail(ErrorKind::invalid, to.string() +
                                                  " is in the queue's own folder, into which nothing "
                                                  "is written: name another one");
    scratch_ = to / ".scratch";
    if (::mkdir(scratch_.c_str(), S_IRWXU) != 0)
        return std::unexpected(base::system_error(
            "make the folder " + scratch_.string() + " (if an earlier try left it, remove it)", errno));
    return {};
}

base::Result<> Salvage::lock_queue() {
    lock_ = std::make_unique<OpenFile>(options_.from / "lock", O_RDONLY | O_NOFOLLOW);
    // Without it no daemon has the queue.
    if (!lock_->good() || ::flock(lock_->get(), LOCK_EX | LOCK_NB) == 0) return {};
    return base::fail(ErrorKind::conflict, "a daemon has the queue " + options_.from.string() +
                                               ": stop it first (systemctl stop mailramp)");
}

base::Result<> Salvage::copy_and_open() {
    for (const char* name : {"queue.db", "queue.db-wal"}) {
        std::error_code failure;
        if (!std::filesystem::exists(options_.from / name, failure)) continue;
        const auto lost = copy_readable(options_.from / name, scratch_ / name);
        if (!lost) return std::unexpected(lost.error());
        if (*lost > 0)
            report_.damage.push_back("the disk does not give " + std::to_string(*lost) + " pages of " + name);
    }
    if (auto opened = open_copy(); opened) return {};
    database_.reset();
    report_.damage.emplace_back(
        "the first pages of queue.db are damaged; they were replaced by what every queue has there");
    if (auto replaced = replace_schema(scratch_ / "queue.db", scratch_); !replaced) return replaced;
    if (auto opened = open_copy(); opened) return {};
    database_.reset();
    report_.damage.emplace_back(
        "nothing of queue.db can be read: the envelopes and the smaller messages are lost");
    return {};
}

base::Result<> Salvage::open_copy() {
    auto opened = Database::open(std::filesystem::canonical(scratch_ / "queue.db"), nullptr);
    if (!opened) return std::unexpected(opened.error());
    database_ = std::move(*opened);
    // The index of the WAL in memory. Nothing is to be found wrong with a schema that is only looked at.
    if (auto set = database_->execute("PRAGMA locking_mode=EXCLUSIVE"); !set) return set;
    const auto tables = database_->integer(
        "SELECT count(*) FROM sqlite_schema WHERE type='table' AND name IN ('message','recipient','body')");
    if (!tables) return std::unexpected(tables.error());
    if (*tables != 3) return base::fail(ErrorKind::invalid, "its tables are not those of a queue");
    return {};
}

// What one tree does not say another may: a message stands in three.
void Salvage::scan(const char* what, const TreeReader& reader) {
    const std::vector<std::int64_t> hints(ids_.begin(), ids_.end());
    const std::size_t gaps = scan_tree(reader, hints);
    gaps_ += gaps;
    if (gaps > 0)
        report_.damage.push_back(std::string(what) + " cannot be read in " + std::to_string(gaps) +
                                 (gaps == 1 ? " place" : " places"));
}

void Salvage::find_rows() {
    find_files();
    for (const BodyName& file : files_)
        ids_.insert(file.id.value());
    if (database_) {
        scan("the table of recipients", recipient_reader());
        scan("the table of contents", content_reader());
        scan("the table of messages", message_reader());
    }
    std::ranges::sort(recipients_);
    const auto [first, last] = std::ranges::unique(recipients_);
    recipients_.erase(first, last);
    // A file that no row names was never promised, or has been delivered; unless its row is what is lost.
    if (database_ && gaps_ == 0) ids_ = rows_;
}

TreeReader Salvage::message_reader() {
    return {[this](std::int64_t at) {
                Query query(*database_, "SELECT id FROM message NOT INDEXED WHERE id>=? ORDER BY id LIMIT 1",
                            at);
                return remember(query, 0);
            },
            [this](std::int64_t at) {
                Query query(*database_,
                            "SELECT id FROM message NOT INDEXED WHERE id<=? ORDER BY id DESC LIMIT 1", at);
                return remember(query, 0);
            }};
}

TreeReader Salvage::content_reader() {
    return {[this](std::int64_t at) {
                Query query(*database_, "SELECT message FROM body WHERE message>=? ORDER BY message LIMIT 1",
                            at);
                return remember(query, 0);
            },
            [this](std::int64_t at) {
                Query query(*database_,
                            "SELECT message FROM body WHERE message<=? ORDER BY message DESC LIMIT 1", at);
                return remember(query, 0);
            }};
}

TreeReader Salvage::recipient_reader() {
    return {[this](std::int64_t at) {
                Query query(
                    *database_,
                    "SELECT row, message FROM recipient NOT INDEXED WHERE row>=? ORDER BY row LIMIT 1", at);
                return remember(query, 1);
            },
            [this](std::int64_t at) {
                Query query(
                    *database_,
                    "SELECT row, message FROM recipient NOT INDEXED WHERE row<=? ORDER BY row DESC LIMIT 1",
                    at);
                return remember(query, 1);
            }};
}

// The row's number is its first column, that of its message may be another.
RowFound Salvage::remember(Query& query, int message) {
    const auto row = query.next();
    if (!row) return std::unexpected(row.error());
    if (!*row) return std::nullopt;
    const std::int64_t number = query.integer(0);
    const std::int64_t id = query.integer(message);
    if (message != 0) recipients_.push_back({id, number});
    ids_.insert(id);
    rows_.insert(id);
    return number;
}

void Salvage::find_files() {
    std::error_code failure;
    std::filesystem::directory_iterator entry(bodies_, failure);
    for (; !failure && entry != std::filesystem::directory_iterator(); entry.increment(failure))
        if (const auto name = BodyName::parse(entry->path().filename().string())) files_.push_back(*name);
    if (failure) report_.damage.push_back(bodies_.string() + " cannot be listed: " + failure.message());
    std::ranges::sort(files_, {}, [](const BodyName& name) { return std::pair(name.id, name.instance); });
}

base::Result<> Salvage::save_all() {
    for (const std::int64_t id : ids_)
        if (auto saved = save(id); !saved) return saved;
    return {};
}

base::Result<> Salvage::save(std::int64_t id) {
    SalvagedMessage saved;
    saved.message.id = QueueId(id);
    read_envelope(id, saved);
    read_recipients(id, saved);
    if (auto written = save_content(id, saved); !written) return written;
    ++report_.messages;
    if (saved.damage.empty()) ++report_.whole;
    return on_message_(saved);
}

void Salvage::read_envelope(std::int64_t id, SalvagedMessage& saved) {
    checksum_ = 0;
    body_instance_.reset();
    MessageRow& message = saved.message;
    if (database_) {
        Query query(
            *database_,
            "SELECT sender, header_from, message_id, client_address, listener, size, accepted, checksum,"
            " body_instance FROM message NOT INDEXED WHERE id=?",
            id);
        const auto row = query.next();
        if (row && *row) {
            message.sender = query.text(0);
            message.header_from = query.text(1);
            message.message_id = query.text(2);
            message.client_address = query.text(3);
            message.listener = query.text(4);
            message.size_bytes = static_cast<std::uint64_t>(query.integer(5));
            message.accepted = wall_time(query.integer(6));
            checksum_ = static_cast<std::uint64_t>(query.integer(7));
            if (!query.is_null(8)) body_instance_ = query.integer(8);
            saved.envelope_known = true;
            return;
        }
    }
    saved.damage.emplace_back("its envelope is lost: who sent it is not known");
}

void Salvage::read_recipients(std::int64_t id, SalvagedMessage& saved) {
    bool unreadable = false;
    const auto parts = std::ranges::equal_range(recipients_, id, {}, &Part::message);
    for (const Part& part : parts) {
        Query query(
            *database_,
            "SELECT address, state, attempts, maybe_delivered, mailbox, route, hold_reason, notify, orcpt"
            " FROM recipient NOT INDEXED WHERE row=?",
            part.row);
        const auto row = query.next();
        if (!row || !*row) {
            unreadable = true;
            continue;
        }
        RecipientRow recipient;
        recipient.row = part.row;
        recipient.address = query.text(0);
        recipient.state = state_from_number(query.integer(1));
        recipient.attempts = static_cast<int>(query.integer(2));
        recipient.maybe_delivered = query.integer(3) != 0;
        recipient.mailbox = query.text(4);
        recipient.route = query.text(5);
        recipient.hold_reason = hold_reason_from_number(query.integer(6));
        saved.message.recipients.push_back(std::move(recipient));
    }
    if (saved.message.recipients.empty())
        saved.damage.emplace_back("its recipients are lost");
    else if (unreadable)
        saved.damage.emplace_back("some of its recipients are lost");
}

base::Result<> Salvage::save_content(std::int64_t id, SalvagedMessage& saved) {
    if (saved.envelope_known && !body_instance_) return save_inline_content(id, saved);
    const auto of_message = [id](const BodyName& name) { return name.id.value() == id; };
    BodyName file{QueueId(id), body_instance_.value_or(0)};
    if (!body_instance_) {
        const auto found = std::ranges::find_if(files_, of_message);
        if (found == files_.end()) return save_inline_content(id, saved);
        file = *found;
    }
    return save_file_content(bodies_ / file.text(), saved);
}

base::Result<> Salvage::save_inline_content(std::int64_t id, SalvagedMessage& saved) {
    const auto lost = [&saved]() -> base::Result<> {
        saved.damage.emplace_back("its content is lost");
        return {};
    };
    if (!database_) return lost();
    Query query(*database_, "SELECT content FROM body WHERE message=?", id);
    const auto row = query.next();
    if (!row || !*row) return lost();
    const std::string content(query.blob(0));
    Checksum checksum;
    checksum.add(content);
    const bool whole =
        saved.envelope_known && content.size() == saved.message.size_bytes && checksum.value() == checksum_;
    const Path name = scratch_ / "content";
    const OpenFile file(name, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW);
    if (!file.good()) return file.error("make");
    if (auto written = file.write(content); !written) return written;
    return keep(file, name, whole, saved);
}

base::Result<> Salvage::save_file_content(const Path& source, SalvagedMessage& saved) {
    const OpenFile content(source, O_RDONLY | O_NOFOLLOW);
    if (!content.good()) {
        saved.damage.push_back("its content is lost: " + source.string() + " cannot be opened");
        return {};
    }
    const Path name = scratch_ / "content";
    const OpenFile file(name, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW);
    if (!file.good()) return file.error("make");
    Checksum checksum;
    std::uint64_t size = 0;
    bool readable = true;
    std::string buffer(copy_bytes, '\0');
    for (;;) {
        const auto octets = content.read(buffer, size);
        readable = octets.has_value();
        if (!octets || *octets == 0) break;
        const std::string_view piece = std::string_view(buffer).substr(0, *octets);
        checksum.add(piece);
        size += *octets;
        if (auto written = file.write(piece); !written) return written;
    }
    if (!readable)
        saved.damage.push_back("the disk does not give " + source.string() + " from octet " +
                               std::to_string(size) + " on");
    const bool whole =
        readable && saved.envelope_known && size == saved.message.size_bytes && checksum.value() == checksum_;
    return keep(file, name, whole, saved);
}

// Gives it its name only when it is on the disk.
base::Result<> Salvage::keep(const OpenFile& file, const Path& name, bool whole, SalvagedMessage& saved) {
    if (!whole)
        saved.damage.emplace_back(saved.envelope_known
                                      ? "its content is not what was accepted: the checksum differs"
                                      : "whether its content is whole cannot be said: its checksum is lost");
    saved.content = whole ? SalvagedContent::whole : SalvagedContent::damaged;
    saved.file = options_.to / (saved.message.id.text() + (whole ? ".eml" : ".damaged.eml"));
    if (auto synced = file.sync(); !synced) return synced;
    if (::link(name.c_str(), saved.file.c_str()) != 0)
        return std::unexpected(base::system_error("make " + saved.file.string(), errno));
    if (::unlink(name.c_str()) != 0)
        return std::unexpected(base::system_error("remove " + name.string(), errno));
    return {};
}

}  // namespace

base::Result<SalvageReport> salvage(const SalvageOptions& options, const OnSalvaged& on_message) {
    return Salvage(options, on_message).run();
}

}  // namespace mailramp::queue
