// queue/database.h: a thin owner of one SQLite connection and its prepared statements.
//
// Not thread-safe: whoever uses it is one thread at a time (the store's). Errors of SQLite become base::Error
// with SQLite's words; Database remembers whether one of them concerned writing to the disk.
#pragma once

#include <concepts>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>

#include <sqlite3.h>

#include "mailramp/base/result.h"

namespace mailramp::queue {

// What SQLite has complained about since clear_damage().
enum class Damage {
    none,
    one_operation,  // a page cannot be read, memory is short, a constraint: others may still succeed
    disk,           // a write, sync or truncation failed, or the disk is full: nothing may be promised
};

// How far a checkpoint came, in frames of the WAL.
struct CheckpointProgress {
    int frames = 0;
    int done = 0;
};

class Database {
  public:
    // Opens an existing file (an empty one is a new database) through the named VFS (null: SQLite's own).
    // Never follows a symbolic link; the path must be canonical.
    [[nodiscard]] static base::Result<std::unique_ptr<Database>> open(const std::filesystem::path& file,
                                                                      const char* vfs);
    ~Database();
    Database(const Database&) = delete;
    Database& operator=(const Database&) = delete;

    // Statements without parameters and results, for pragmas, the schema, BEGIN, COMMIT.
    [[nodiscard]] base::Result<> execute(const char* sql);
    // The first column of the first row; an error when there is none.
    [[nodiscard]] base::Result<std::int64_t> integer(const char* sql);
    [[nodiscard]] base::Result<std::string> text(const char* sql);

    [[nodiscard]] bool in_transaction() const { return sqlite3_get_autocommit(connection_.get()) == 0; }
    // A WAL of which some may be in the kernel's memory only, although its sync says that all is well (an
    // earlier one has failed, perhaps in an earlier run), is written anew first: while the checkpoint
    // overwrites the database file, a power cut leaves nothing but what the WAL has on the disk.
    [[nodiscard]] base::Result<CheckpointProgress> checkpoint(int mode);
    // Makes wal_frames() follow the commits. After PRAGMA wal_autocheckpoint, which takes the same hook away.
    void watch_wal();
    // Frames in the WAL after the last commit.
    [[nodiscard]] int wal_frames() const { return wal_frames_; }
    [[nodiscard]] std::int64_t last_rowid() const { return sqlite3_last_insert_rowid(connection_.get()); }
    [[nodiscard]] std::int64_t changes() const { return sqlite3_changes64(connection_.get()); }

    [[nodiscard]] Damage damage() const { return damage_; }
    void clear_damage() { damage_ = Damage::none; }

  private:
    friend class Query;

    struct CloseConnection {
        void operator()(sqlite3* connection) const { sqlite3_close_v2(connection); }
    };
    struct Finalize {
        void operator()(sqlite3_stmt* statement) const { sqlite3_finalize(statement); }
    };
    using Statement = std::unique_ptr<sqlite3_stmt, Finalize>;

    explicit Database(sqlite3* connection);
    [[nodiscard]] base::Result<sqlite3_stmt*> prepared(std::string_view sql);
    [[nodiscard]] base::Error error(int code, std::string_view doing);
    [[nodiscard]] base::Result<> write_wal_anew();

    std::unique_ptr<sqlite3, CloseConnection> connection_;
    std::unordered_map<std::string_view, Statement> statements_;  // keys are string literals
    Damage damage_ = Damage::none;
    bool wal_in_doubt_ = true;  // what an earlier run has seen is not known
    int wal_frames_ = 0;
};

// Octets for a BLOB column. They must outlive the Query.
struct Blob {
    std::string_view octets;
};

// One run of a prepared statement. `sql` must be a string literal: it is the key under which the prepared
// statement is kept. Failures to prepare or bind are reported by next() and run().
class Query {
  public:
    template <class... Parameters>
    Query(Database& database, std::string_view sql, const Parameters&... parameters) : database_(database) {
        prepare(sql);
        (bind(parameters), ...);
    }
    ~Query();
    Query(const Query&) = delete;
    Query& operator=(const Query&) = delete;

    // True: there is a row, and the columns may be read. False: there are no more.
    [[nodiscard]] base::Result<bool> next();
    // For statements that give no rows.
    [[nodiscard]] base::Result<> run();

    // Columns count from 0, as everywhere in SQLite.
    [[nodiscard]] std::int64_t integer(int column) const;
    [[nodiscard]] std::string text(int column) const;
    [[nodiscard]] std::string_view blob(int column) const;  // valid until next() or the end of the Query
    [[nodiscard]] bool is_null(int column) const;

  private:
    void prepare(std::string_view sql);
    void bind(std::string_view text);
    void bind(const Blob& blob);
    void bind(const std::optional<std::int64_t>& value);  // nothing is NULL
    void bind_integer(std::int64_t value);
    void bind(std::integral auto value) { bind_integer(static_cast<std::int64_t>(value)); }
    void bound(int code);

    Database& database_;
    sqlite3_stmt* statement_ = nullptr;
    int parameter_ = 0;
    std::optional<base::Error> failure_;
};

template <class... Parameters>
[[nodiscard]] base::Result<> run(Database& database, std::string_view sql, const Parameters&... parameters) {
    return Query(database, sql, parameters...).run();
}

}  // namespace mailramp::queue
