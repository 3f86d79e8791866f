#include "queue/schema.h"

#include <algorithm>
#include <string>

#include "mailramp/base/text.h"

namespace mailramp::queue {
namespace {

using base::ErrorKind;

// Rows of `recipient` and `message` are in the order of their numbers, and so is recipient_of_message: a new
// message is written at the end of each, whatever the size of the queue.
constexpr const char* tables = R"sql(
CREATE TABLE meta(
    key   TEXT PRIMARY KEY,
    value INTEGER NOT NULL
) WITHOUT ROWID;

CREATE TABLE mailbox(
    name           TEXT PRIMARY KEY,
    paused         INTEGER NOT NULL DEFAULT 0,
    pause_channel  TEXT NOT NULL DEFAULT 'none',
    pause_phase    TEXT NOT NULL DEFAULT 'none',
    pause_code     INTEGER NOT NULL DEFAULT 0,
    pause_enhanced TEXT NOT NULL DEFAULT '',
    pause_text     TEXT NOT NULL DEFAULT '',
    pause_cause    TEXT NOT NULL DEFAULT '',
    pause_remedy   TEXT NOT NULL DEFAULT '',
    stopped_since   INTEGER NOT NULL DEFAULT 0,
    next_probe     INTEGER NOT NULL DEFAULT 0,
    probes         INTEGER NOT NULL DEFAULT 0,
    stopped_total    INTEGER NOT NULL DEFAULT 0,
    budget         BLOB NOT NULL DEFAULT x'',
    by_operator    INTEGER NOT NULL DEFAULT 0
) WITHOUT ROWID;

CREATE TABLE message(
    id             INTEGER PRIMARY KEY,
    accepted       INTEGER NOT NULL,
    sender         TEXT NOT NULL,
    header_from    TEXT NOT NULL,
    message_id     TEXT NOT NULL,
    client_address TEXT NOT NULL,
    listener       TEXT NOT NULL,
    priority       INTEGER NOT NULL,
    size           INTEGER NOT NULL,
    checksum       INTEGER NOT NULL,
    eight_bit      INTEGER NOT NULL,
    smtputf8       INTEGER NOT NULL,
    ret            TEXT NOT NULL,
    envid          TEXT NOT NULL,
    body_instance  INTEGER,
    origin         INTEGER NOT NULL DEFAULT 0
);

CREATE TABLE body(
    message INTEGER PRIMARY KEY,
    content BLOB NOT NULL
);

CREATE TABLE recipient(
    row             INTEGER PRIMARY KEY,
    message         INTEGER NOT NULL,
    address         TEXT NOT NULL,
    notify          TEXT NOT NULL,
    orcpt           TEXT NOT NULL,
    mailbox         TEXT NOT NULL,
    route           TEXT NOT NULL,
    state           INTEGER NOT NULL,
    priority        INTEGER NOT NULL,
    due             INTEGER NOT NULL,
    attempts        INTEGER NOT NULL DEFAULT 0,
    maybe_delivered INTEGER NOT NULL DEFAULT 0,
    uncertain_endings INTEGER NOT NULL DEFAULT 0,
    first_tried     INTEGER NOT NULL DEFAULT 0,
    mailbox_stopped_total_at_accept INTEGER NOT NULL,
    claim_instance  INTEGER NOT NULL DEFAULT 0,
    claim_attempt   INTEGER NOT NULL DEFAULT 0,
    claim_until     INTEGER NOT NULL DEFAULT 0,
    claim_ending    INTEGER NOT NULL DEFAULT 0,
    hold_reason     INTEGER NOT NULL DEFAULT 0,
    answer_channel  TEXT NOT NULL DEFAULT 'none',
    answer_phase    TEXT NOT NULL DEFAULT 'none',
    answer_code     INTEGER NOT NULL DEFAULT 0,
    answer_enhanced TEXT NOT NULL DEFAULT '',
    answer_text     TEXT NOT NULL DEFAULT '',
    unreported      INTEGER NOT NULL DEFAULT 0
);
CREATE INDEX recipient_of_message ON recipient(message);
CREATE INDEX recipient_due ON recipient(mailbox, state, priority, due);
CREATE INDEX recipient_unreported ON recipient(message) WHERE unreported=1;

CREATE TABLE history(
    row             INTEGER PRIMARY KEY,
    ended           INTEGER NOT NULL,
    message         INTEGER NOT NULL,
    recipient_row   INTEGER NOT NULL,
    accepted        INTEGER NOT NULL,
    sender          TEXT NOT NULL,
    header_from     TEXT NOT NULL,
    message_id      TEXT NOT NULL,
    client_address  TEXT NOT NULL,
    listener        TEXT NOT NULL,
    size            INTEGER NOT NULL,
    address         TEXT NOT NULL,
    mailbox         TEXT NOT NULL,
    route           TEXT NOT NULL,
    state           INTEGER NOT NULL,
    attempts        INTEGER NOT NULL,
    maybe_delivered INTEGER NOT NULL,
    answer_channel  TEXT NOT NULL,
    answer_phase    TEXT NOT NULL,
    answer_code     INTEGER NOT NULL,
    answer_enhanced TEXT NOT NULL,
    answer_text     TEXT NOT NULL,
    receipt         TEXT NOT NULL
);
CREATE INDEX history_of_message ON history(message);
)sql";

// What happened to messages between their acceptance and their end. `message` is 0 for an order that was
// given for many; it may have concerned those from `first_message` to `last_message`.
constexpr const char* event_table = R"sql(
CREATE TABLE event(
    row             INTEGER PRIMARY KEY,
    at              INTEGER NOT NULL,
    message         INTEGER NOT NULL,
    first_message   INTEGER NOT NULL DEFAULT 0,
    last_message    INTEGER NOT NULL DEFAULT 0,
    kind            INTEGER NOT NULL,
    state           INTEGER NOT NULL,
    hold_reason     INTEGER NOT NULL DEFAULT 0,
    recipients      INTEGER NOT NULL,
    address         TEXT NOT NULL DEFAULT '',
    mailbox         TEXT NOT NULL DEFAULT '',
    due             INTEGER NOT NULL DEFAULT 0,
    answer_channel  TEXT NOT NULL DEFAULT 'none',
    answer_phase    TEXT NOT NULL DEFAULT 'none',
    answer_code     INTEGER NOT NULL DEFAULT 0,
    answer_enhanced TEXT NOT NULL DEFAULT '',
    answer_text     TEXT NOT NULL DEFAULT '',
    verb            TEXT NOT NULL DEFAULT '',
    actor           TEXT NOT NULL DEFAULT '',
    scope           TEXT NOT NULL DEFAULT ''
);
CREATE INDEX event_of_message ON event(message);
)sql";

// What makes a queue of one version one of the next. The first of them was never released with another.
struct Step {
    std::int64_t from;
    const char* sql;
};

constexpr const char* add_operators_pause =
    "ALTER TABLE mailbox ADD COLUMN by_operator INTEGER NOT NULL DEFAULT 0;";

constexpr const char* add_reports =
    "ALTER TABLE message ADD COLUMN origin INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE recipient ADD COLUMN unreported INTEGER NOT NULL DEFAULT 0;"
    "CREATE INDEX recipient_unreported ON recipient(message) WHERE unreported=1;";

constexpr Step steps[] = {{2, event_table}, {2, add_operators_pause}, {3, add_reports}};

struct Setting {
    const char* set;
    const char* read;
    const char* expected;
};

base::Result<> apply(Database& database, const Setting& setting) {
    if (auto set = database.execute(setting.set); !set) return set;
    const base::Result<std::string> value = database.text(setting.read);
    if (!value) return std::unexpected(value.error());
    if (*value != setting.expected)
        return base::fail(ErrorKind::invalid,
                          std::string(setting.set) + " was not obeyed: the value is " + *value);
    return {};
}

// The exclusive lock comes first: it also keeps the WAL's index in our memory instead of a shared file.
base::Result<> configure_connection(Database& database, Deletion deletion) {
    const Setting settings[] = {
        {"PRAGMA locking_mode=EXCLUSIVE", "PRAGMA locking_mode", "exclusive"},
        {"PRAGMA journal_mode=WAL", "PRAGMA journal_mode", "wal"},
        {"PRAGMA synchronous=FULL", "PRAGMA synchronous", "2"},
        {"PRAGMA wal_autocheckpoint=0", "PRAGMA wal_autocheckpoint", "0"},
        {"PRAGMA cache_size=-1024", "PRAGMA cache_size", "-1024"},
        {"PRAGMA temp_store=MEMORY", "PRAGMA temp_store", "2"},
        {"PRAGMA trusted_schema=OFF", "PRAGMA trusted_schema", "0"},
    };
    for (const Setting& setting : settings)
        if (auto applied = apply(database, setting); !applied) return applied;
    database.watch_wal();
    // A build may fix this to 0 for good, and then gives no answer.
    if (auto off = database.execute("PRAGMA mmap_size=0"); !off) return off;
    const bool overwriting = deletion == Deletion::overwriting;
    const Setting secure_delete{overwriting ? "PRAGMA secure_delete=ON" : "PRAGMA secure_delete=OFF",
                                "PRAGMA secure_delete", overwriting ? "1" : "0"};
    return apply(database, secure_delete);
}

// One transaction, so that a power cut leaves either nothing or everything.
base::Result<> create_tables(Database& database, base::WallTime now) {
    const std::string identity = "PRAGMA application_id=" + std::to_string(application_id) +
                                 "; PRAGMA user_version=" + std::to_string(schema_version) + ";";
    // Queue ids start at the time of creation in microseconds: a queue that was deleted and made anew repeats
    // none, unless the old one took more than a million messages a second or the clock went back.
    const std::string first = std::to_string(std::max<std::int64_t>(micros(now), 1));
    const std::string meta = "INSERT INTO meta VALUES('created'," + first + "),('id_mark'," + first +
                             "),('instance',0),('recoveries',0);";
    auto made = database.execute("BEGIN IMMEDIATE");
    if (made) made = database.execute(identity.c_str());
    if (made) made = database.execute(tables);
    if (made) made = database.execute(event_table);
    if (made) made = database.execute(meta.c_str());
    if (made) made = database.execute("COMMIT");
    if (!made && database.in_transaction()) std::ignore = database.execute("ROLLBACK");
    return made;
}

base::Result<> check_identity(Database& database) {
    const auto application = database.integer("PRAGMA application_id");
    if (!application) return std::unexpected(application.error());
    const auto version = database.integer("PRAGMA user_version");
    if (!version) return std::unexpected(version.error());
    if (*application != application_id)
        return base::fail(ErrorKind::invalid,
                          "the file is a database of another program, not a mailramp queue");
    if (*version > schema_version)
        return base::fail(ErrorKind::invalid,
                          "the queue was written by a newer mailramp (schema " + std::to_string(*version) +
                              ", this one knows " + std::to_string(schema_version) +
                              "): start that version again, or let it empty the queue before going back");
    if (*version < 1)
        return base::fail(ErrorKind::invalid, "the queue has no schema version: it was not made whole");
    // No release had these, so nothing converts them.
    if (*version < steps[0].from)
        return base::fail(ErrorKind::invalid,
                          "the queue was written by a mailramp from before 0.1.0 (schema " +
                              std::to_string(*version) + "): let that one empty it, then move it aside");
    return {};
}

// One transaction: a power cut leaves the queue as it was, or new.
base::Result<> upgrade(Database& database) {
    const auto version = database.integer("PRAGMA user_version");
    if (!version) return std::unexpected(version.error());
    if (*version == schema_version) return {};
    auto done = database.execute("BEGIN IMMEDIATE");
    for (const Step& step : steps)
        if (done && step.from >= *version) done = database.execute(step.sql);
    const std::string set_version = "PRAGMA user_version=" + std::to_string(schema_version);
    if (done) done = database.execute(set_version.c_str());
    if (done) done = database.execute("COMMIT");
    if (!done && database.in_transaction()) std::ignore = database.execute("ROLLBACK");
    if (!done) return base::fail("the queue cannot be brought to this version", done.error());
    return {};
}

base::Result<> check_format(Database& database) {
    const auto page = database.integer("PRAGMA page_size");
    if (!page) return std::unexpected(page.error());
    const auto vacuum = database.integer("PRAGMA auto_vacuum");
    if (!vacuum) return std::unexpected(vacuum.error());
    constexpr std::int64_t incremental = 2;
    if (*page != page_bytes || *vacuum != incremental)
        return base::fail(ErrorKind::invalid, "the queue was made with another page size or vacuum mode");
    return {};
}

}  // namespace

base::Result<> prepare_schema(Database& database, Deletion deletion, base::WallTime now) {
    // Before anything is read: the first lock that this connection takes is then one that it keeps.
    if (auto locked = database.execute("PRAGMA locking_mode=EXCLUSIVE"); !locked) return locked;
    const auto objects = database.integer("SELECT count(*) FROM sqlite_schema");
    if (!objects) return std::unexpected(objects.error());
    const auto version = database.integer("PRAGMA user_version");
    if (!version) return std::unexpected(version.error());
    const bool empty = *objects == 0 && *version == 0;
    if (!empty) {
        if (auto ours = check_identity(database); !ours) return ours;
    } else if (auto format = database.execute("PRAGMA page_size=4096; PRAGMA auto_vacuum=INCREMENTAL;");
               !format) {
        return format;
    }
    if (auto configured = configure_connection(database, deletion); !configured) return configured;
    if (empty) {
        if (auto created = create_tables(database, now); !created) return created;
    } else if (auto upgraded = upgrade(database); !upgraded) {
        return upgraded;
    }
    return check_format(database);
}

std::int64_t state_number(RecipientState state) {
    switch (state) {
        case RecipientState::queued:
            return 1;
        case RecipientState::claimed:
            return 2;
        case RecipientState::held:
            return 3;
        case RecipientState::uncertain:
            return 4;
        case RecipientState::delivered:
            return 5;
        case RecipientState::failed:
            return 6;
        case RecipientState::deleted:
            return 7;
    }
    return 0;
}

RecipientState state_from_number(std::int64_t number) {
    for (const RecipientState state :
         {RecipientState::queued, RecipientState::claimed, RecipientState::uncertain,
          RecipientState::delivered, RecipientState::failed, RecipientState::deleted})
        if (state_number(state) == number) return state;
    // A number that nobody wrote: a human should look at it.
    return RecipientState::held;
}

std::int64_t hold_reason_number(HoldReason reason) {
    switch (reason) {
        case HoldReason::none:
            return 0;
        case HoldReason::refused:
            return 1;
        case HoldReason::expired:
            return 2;
        case HoldReason::uncertain:
            return 3;
        case HoldReason::crashed:
            return 4;
        case HoldReason::damaged:
            return 5;
        case HoldReason::sender_stopped:
            return 6;
        case HoldReason::by_operator:
            return 7;
    }
    return 0;
}

HoldReason hold_reason_from_number(std::int64_t number) {
    for (const HoldReason reason :
         {HoldReason::refused, HoldReason::expired, HoldReason::uncertain, HoldReason::crashed,
          HoldReason::damaged, HoldReason::sender_stopped, HoldReason::by_operator})
        if (hold_reason_number(reason) == number) return reason;
    return HoldReason::none;
}

}  // namespace mailramp::queue
