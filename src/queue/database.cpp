#include "queue/database.h"

#include <algorithm>
#include <cstring>
#include <utility>

namespace mailramp::queue {
namespace {

using base::ErrorKind;

// Reading fails for one operation; whatever else the file layer reports is a disk that cannot be relied on.
Damage damage_of(int code) {
    const int primary = code & 0xFF;
    if (primary == SQLITE_FULL) return Damage::disk;
    if (primary != SQLITE_IOERR) return Damage::one_operation;
    const bool reading =
        code == SQLITE_IOERR_READ || code == SQLITE_IOERR_SHORT_READ || code == SQLITE_IOERR_NOMEM;
    return reading ? Damage::one_operation : Damage::disk;
}

ErrorKind kind_of(int code) {
    switch (code & 0xFF) {
        case SQLITE_FULL:
            return ErrorKind::limit;
        case SQLITE_BUSY:
        case SQLITE_LOCKED:
            return ErrorKind::conflict;
        case SQLITE_NOMEM:
            return ErrorKind::unavailable;
        case SQLITE_CONSTRAINT:
        case SQLITE_MISUSE:
        case SQLITE_ERROR:
            return ErrorKind::internal;
        default:
            return ErrorKind::io;
    }
}

constexpr sqlite3_int64 wal_piece_bytes = 64 * 1024;  // of the WAL in memory at a time

int remember_wal_frames(void* frames, sqlite3*, const char*, int count) {
    *static_cast<int*>(frames) = count;
    return SQLITE_OK;
}

}  // namespace

base::Result<std::unique_ptr<Database>> Database::open(const std::filesystem::path& file, const char* vfs) {
    sqlite3* raw = nullptr;
    const int flags =
        SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_NOFOLLOW | SQLITE_OPEN_EXRESCODE;
    const int code = sqlite3_open_v2(file.c_str(), &raw, flags, vfs);
    std::unique_ptr<Database> database(new Database(raw));
    if (code != SQLITE_OK) return std::unexpected(database->error(code, "open " + file.string()));
    return database;
}

Database::Database(sqlite3* connection) : connection_(connection) {}

// Closing makes a checkpoint of its own, which must not rest on a WAL that may not be on the disk: the next
// run sees to that.
Database::~Database() {
    statements_.clear();
    if (wal_in_doubt_) sqlite3_db_config(connection_.get(), SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, nullptr);
}

base::Result<> Database::execute(const char* sql) {
    const int code = sqlite3_exec(connection_.get(), sql, nullptr, nullptr, nullptr);
    if (code != SQLITE_OK) return std::unexpected(error(code, sql));
    return {};
}

base::Result<std::int64_t> Database::integer(const char* sql) {
    Query query(*this, sql);
    const base::Result<bool> row = query.next();
    if (!row) return std::unexpected(row.error());
    if (!*row) return base::fail(ErrorKind::internal, std::string(sql) + ": no answer");
    return query.integer(0);
}

base::Result<std::string> Database::text(const char* sql) {
    Query query(*this, sql);
    const base::Result<bool> row = query.next();
    if (!row) return std::unexpected(row.error());
    if (!*row) return base::fail(ErrorKind::internal, std::string(sql) + ": no answer");
    return query.text(0);
}

void Database::watch_wal() {
    sqlite3_wal_hook(connection_.get(), remember_wal_frames, &wal_frames_);
}

base::Result<CheckpointProgress> Database::checkpoint(int mode) {
    if (wal_in_doubt_)
        if (auto written = write_wal_anew(); !written) return std::unexpected(written.error());
    CheckpointProgress progress;
    const int code =
        sqlite3_wal_checkpoint_v2(connection_.get(), nullptr, mode, &progress.frames, &progress.done);
    if (code != SQLITE_OK) return std::unexpected(error(code, "checkpoint"));
    // When all of it is copied, the next commit starts the WAL from its beginning.
    if (progress.done == progress.frames) wal_frames_ = 0;
    return progress;
}

// After a failed sync the kernel takes the pages for clean: only what is written again can be synced again.
// Where the WAL is on the disk already, the same octets change nothing.
base::Result<> Database::write_wal_anew() {
    // Makes SQLite open the WAL, if there is one.
    if (auto looked = integer("PRAGMA schema_version"); !looked) return std::unexpected(looked.error());
    sqlite3_file* wal = nullptr;
    int code = sqlite3_file_control(connection_.get(), "main", SQLITE_FCNTL_JOURNAL_POINTER, &wal);
    if (code == SQLITE_OK && wal != nullptr && wal->pMethods != nullptr) {
        sqlite3_int64 size = 0;
        code = wal->pMethods->xFileSize(wal, &size);
        std::string piece;
        for (sqlite3_int64 at = 0; code == SQLITE_OK && at < size; at += wal_piece_bytes) {
            piece.resize(static_cast<std::size_t>(std::min(size - at, wal_piece_bytes)));
            const int length = static_cast<int>(piece.size());
            code = wal->pMethods->xRead(wal, piece.data(), length, at);
            if (code == SQLITE_OK) code = wal->pMethods->xWrite(wal, piece.data(), length, at);
        }
        if (code == SQLITE_OK && size > 0) code = wal->pMethods->xSync(wal, SQLITE_SYNC_NORMAL);
    }
    if (code != SQLITE_OK) return std::unexpected(error(code, "write the WAL anew"));
    wal_in_doubt_ = false;
    return {};
}

base::Result<sqlite3_stmt*> Database::prepared(std::string_view sql) {
    if (const auto known = statements_.find(sql); known != statements_.end()) {
        base::check(sqlite3_stmt_busy(known->second.get()) == 0, "a statement runs once at a time");
        return known->second.get();
    }
    sqlite3_stmt* raw = nullptr;
    const int code = sqlite3_prepare_v3(connection_.get(), sql.data(), static_cast<int>(sql.size()),
                                        SQLITE_PREPARE_PERSISTENT, &raw, nullptr);
    Statement statement(raw);
    if (code != SQLITE_OK) return std::unexpected(error(code, sql));
    statements_.emplace(sql, std::move(statement));
    return raw;
}

base::Error Database::error(int code, std::string_view doing) {
    std::string message = "queue database: " + std::string(doing) + ": ";
    message += connection_ ? sqlite3_errmsg(connection_.get()) : sqlite3_errstr(code);
    message += " (SQLite code " + std::to_string(code);
    const int system = connection_ ? sqlite3_system_errno(connection_.get()) : 0;
    if (system != 0 && (code & 0xFF) != SQLITE_CONSTRAINT)
        message += std::string(", ") + strerrordesc_np(system);
    message += ")";
    damage_ = std::max(damage_, damage_of(code));
    if (damage_of(code) == Damage::disk) wal_in_doubt_ = true;
    return base::Error{kind_of(code), std::move(message)};
}

Query::~Query() {
    if (statement_ == nullptr) return;
    sqlite3_reset(statement_);
    sqlite3_clear_bindings(statement_);
}

base::Result<bool> Query::next() {
    if (failure_) return std::unexpected(*failure_);
    const int code = sqlite3_step(statement_);
    if (code == SQLITE_ROW) return true;
    if (code == SQLITE_DONE) return false;
    return std::unexpected(database_.error(code, sqlite3_sql(statement_)));
}

base::Result<> Query::run() {
    const base::Result<bool> row = next();
    if (!row) return std::unexpected(row.error());
    base::check(!*row, "a statement that changes the queue gives no rows");
    return {};
}

std::int64_t Query::integer(int column) const {
    return sqlite3_column_int64(statement_, column);
}

std::string Query::text(int column) const {
    const unsigned char* begin = sqlite3_column_text(statement_, column);
    if (begin == nullptr) return {};
    return {reinterpret_cast<const char*>(begin),
            static_cast<std::size_t>(sqlite3_column_bytes(statement_, column))};
}

std::string_view Query::blob(int column) const {
    const void* begin = sqlite3_column_blob(statement_, column);
    if (begin == nullptr) return {};
    return {static_cast<const char*>(begin),
            static_cast<std::size_t>(sqlite3_column_bytes(statement_, column))};
}

bool Query::is_null(int column) const {
    return sqlite3_column_type(statement_, column) == SQLITE_NULL;
}

void Query::prepare(std::string_view sql) {
    base::Result<sqlite3_stmt*> statement = database_.prepared(sql);
    if (statement)
        statement_ = *statement;
    else
        failure_ = statement.error();
}

void Query::bind(std::string_view text) {
    if (failure_) return;
    // A null pointer would be bound as NULL; an empty text is a text.
    const char* begin = text.data() == nullptr ? "" : text.data();
    bound(
        sqlite3_bind_text(statement_, ++parameter_, begin, static_cast<int>(text.size()), SQLITE_TRANSIENT));
}

void Query::bind(const Blob& blob) {
    if (failure_) return;
    const char* begin = blob.octets.data() == nullptr ? "" : blob.octets.data();
    bound(sqlite3_bind_blob64(statement_, ++parameter_, begin, blob.octets.size(), SQLITE_STATIC));
}

void Query::bind(const std::optional<std::int64_t>& value) {
    if (value) return bind_integer(*value);
    if (!failure_) bound(sqlite3_bind_null(statement_, ++parameter_));
}

void Query::bind_integer(std::int64_t value) {
    if (failure_) return;
    bound(sqlite3_bind_int64(statement_, ++parameter_, value));
}

void Query::bound(int code) {
    if (code != SQLITE_OK) failure_ = database_.error(code, sqlite3_sql(statement_));
}

}  // namespace mailramp::queue
