#include "queue/schema.h"

#include <fstream>

#include <gmock/gmock.h>

#include "unit/queue/support.h"

namespace mailramp::queue {
namespace {

using ::testing::HasSubstr;

// A plain connection, as the sqlite3 command would open one.
struct Visitor {
    explicit Visitor(const std::filesystem::path& file) { sqlite3_open(file.c_str(), &connection); }
    ~Visitor() { sqlite3_close(connection); }
    Visitor(const Visitor&) = delete;
    Visitor& operator=(const Visitor&) = delete;
    int execute(const char* sql) { return sqlite3_exec(connection, sql, nullptr, nullptr, nullptr); }
    std::int64_t integer(const char* sql) {
        sqlite3_stmt* statement = nullptr;
        EXPECT_EQ(sqlite3_prepare_v2(connection, sql, -1, &statement, nullptr), SQLITE_OK) << sql;
        EXPECT_EQ(sqlite3_step(statement), SQLITE_ROW) << sql;
        const std::int64_t value = sqlite3_column_int64(statement, 0);
        sqlite3_finalize(statement);
        return value;
    }
    std::string text(const char* sql) {
        sqlite3_stmt* statement = nullptr;
        EXPECT_EQ(sqlite3_prepare_v2(connection, sql, -1, &statement, nullptr), SQLITE_OK) << sql;
        EXPECT_EQ(sqlite3_step(statement), SQLITE_ROW) << sql;
        std::string value(reinterpret_cast<const char*>(sqlite3_column_text(statement, 0)));
        sqlite3_finalize(statement);
        return value;
    }
    sqlite3* connection = nullptr;
};

TEST(Schema, StoresWhatCannotBeChangedLater) {
    const TemporaryFolder temporary;
    {
        const CoreOnDisk queue(temporary.queue());
    }
    Visitor file(temporary.queue() / "queue.db");
    EXPECT_EQ(file.integer("PRAGMA page_size"), 4096);
    EXPECT_EQ(file.integer("PRAGMA auto_vacuum"), 2);
    EXPECT_EQ(file.integer("PRAGMA application_id"), application_id);
    EXPECT_EQ(file.integer("PRAGMA user_version"), schema_version);
    EXPECT_EQ(file.integer("SELECT count(*) FROM pragma_index_list('recipient')"), 3);
    EXPECT_EQ(file.integer("SELECT count(*) FROM pragma_integrity_check WHERE integrity_check<>'ok'"), 0);
}

TEST(Schema, SetsWhatHoldsForTheConnection) {
    const TemporaryFolder temporary;
    const Folder folder = Folder::open(temporary.queue()).value();
    const auto database = Database::open(folder.database(), nullptr).value();
    ASSERT_TRUE(prepare_schema(*database, Deletion::quick, noon));
    EXPECT_EQ(database->text("PRAGMA locking_mode").value(), "exclusive");
    EXPECT_EQ(database->text("PRAGMA journal_mode").value(), "wal");
    EXPECT_EQ(database->integer("PRAGMA synchronous").value(), 2);
    EXPECT_EQ(database->integer("PRAGMA wal_autocheckpoint").value(), 0);
    EXPECT_EQ(database->integer("PRAGMA secure_delete").value(), 0);
    EXPECT_EQ(database->integer("PRAGMA temp_store").value(), 2);
    EXPECT_FALSE(std::filesystem::exists(temporary.queue() / "queue.db-shm"));
}

TEST(Schema, OverwritesDeletedContentOnlyWhenAsked) {
    for (const Deletion deletion : {Deletion::quick, Deletion::overwriting}) {
        const TemporaryFolder temporary;
        const std::string secret(3000, 'S');
        {
            CoreOnDisk queue(temporary.queue(), CoreOptions{.deletion = deletion});
            const QueueId id = queue.accept(acceptance_for({{"a@example.com", "m"}}), secret);
            ASSERT_TRUE(queue.operate(Verb::remove, id));
        }
        std::ifstream file(temporary.queue() / "queue.db", std::ios::binary);
        const std::string content{std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
        EXPECT_EQ(content.find(secret.substr(0, 100)) != std::string::npos, deletion == Deletion::quick);
    }
}

TEST(Schema, KeepsEverybodyElseOutWhileItIsOpen) {
    const TemporaryFolder temporary;
    CoreOnDisk queue(temporary.queue());
    queue.accept(acceptance_for({{"a@example.com", "m"}}));
    Visitor visitor(temporary.queue() / "queue.db");
    EXPECT_EQ(visitor.execute("SELECT count(*) FROM message"), SQLITE_BUSY);
    EXPECT_EQ(visitor.execute("DELETE FROM message"), SQLITE_BUSY);
}

TEST(Schema, WaitsForNobodyWhoHasTheFileOpen) {
    const TemporaryFolder temporary;
    {
        const CoreOnDisk queue(temporary.queue());
    }
    Visitor visitor(temporary.queue() / "queue.db");
    ASSERT_EQ(visitor.execute("PRAGMA locking_mode=EXCLUSIVE; BEGIN EXCLUSIVE; SELECT * FROM message"),
              SQLITE_OK);
    const Folder folder = Folder::open(temporary.queue()).value();
    CoreOptions options;
    options.database = folder.database();
    const auto core = Core::open(options, noon);
    ASSERT_FALSE(core);
    EXPECT_EQ(core.error().kind, base::ErrorKind::conflict);
}

base::Error refusal_after(const char* sql) {
    const TemporaryFolder temporary;
    {
        const CoreOnDisk queue(temporary.queue());
    }
    EXPECT_EQ(Visitor(temporary.queue() / "queue.db").execute(sql), SQLITE_OK);
    const Folder folder = Folder::open(temporary.queue()).value();
    CoreOptions options;
    options.database = folder.database();
    const auto core = Core::open(options, noon);
    EXPECT_FALSE(core);
    return core ? base::Error{} : core.error();
}

TEST(Schema, RefusesAQueueOfANewerVersion) {
    const base::Error error = refusal_after("PRAGMA user_version=99");
    EXPECT_EQ(error.kind, base::ErrorKind::invalid);
    EXPECT_THAT(error.message, HasSubstr("newer mailramp (schema 99, this one knows "));
}

TEST(Schema, RefusesAQueueOfAnOlderVersionWithWhatToDo) {
    const base::Error error = refusal_after("PRAGMA user_version=1");
    EXPECT_EQ(error.kind, base::ErrorKind::invalid);
    EXPECT_THAT(error.message, HasSubstr("from before 0.1.0 (schema 1): let that one empty it"));
}

TEST(Schema, BringsAQueueOfTheVersionBeforeToThisOneAndKeepsItsMail) {
    const TemporaryFolder temporary;
    QueueId id;
    std::string tables;
    const auto describe = [&temporary] {
        return Visitor(temporary.queue() / "queue.db")
            .text(
                "SELECT group_concat(line, ';') FROM (SELECT t.name || '.' || c.name || ' ' || c.type || ' ' "
                "|| coalesce(c.dflt_value, '') AS line FROM sqlite_schema t, pragma_table_info(t.name) c "
                "WHERE t.type='table' ORDER BY line)");
    };
    {
        CoreOnDisk queue(temporary.queue());
        id = queue.accept(acceptance_for({{"a@example.com", "m"}}));
    }
    tables = describe();
    EXPECT_EQ(Visitor(temporary.queue() / "queue.db")
                  .execute("DROP INDEX recipient_unreported; ALTER TABLE recipient DROP COLUMN unreported;"
                           "ALTER TABLE message DROP COLUMN origin;"
                           "DROP TABLE event; ALTER TABLE mailbox DROP COLUMN by_operator;"
                           "PRAGMA user_version=2"),
              SQLITE_OK);
    EXPECT_NE(describe(), tables);
    {
        CoreOnDisk queue(temporary.queue());
        EXPECT_EQ(queue.state_of(id), RecipientState::queued);
        EXPECT_TRUE(queue.operate(Verb::hold, id)) << "which writes into a new table";
        EXPECT_EQ(queue.core->trace(id)->events.size(), 1u);
    }
    EXPECT_EQ(describe(), tables);
    EXPECT_EQ(Visitor(temporary.queue() / "queue.db").integer("PRAGMA user_version"), schema_version);
}

// Whoever changes a table changes the version with it, or queues of yesterday open as good and then fail at
// each message. Names and types of the columns, by FNV-1a.
TEST(Schema, HasTheTablesOfItsVersion) {
    const TemporaryFolder temporary;
    {
        const CoreOnDisk queue(temporary.queue());
    }
    Visitor file(temporary.queue() / "queue.db");
    const std::string columns = file.text(
        "SELECT group_concat(line, ';') FROM (SELECT t.name || '.' || c.name || ' ' || c.type AS line "
        "FROM sqlite_schema t, pragma_table_info(t.name) c WHERE t.type='table' ORDER BY line)");
    std::uint64_t hash = 0xcbf29ce484222325;
    for (const char octet : columns)
        hash = (hash ^ static_cast<unsigned char>(octet)) * 0x100000001b3;
    EXPECT_EQ(schema_version, 4);
    EXPECT_EQ(hash, 5437386296111546499U) << "the columns are: " << columns;
}

TEST(Schema, RefusesTheDatabaseOfAnotherProgram) {
    const base::Error error = refusal_after("PRAGMA application_id=7");
    EXPECT_THAT(error.message, HasSubstr("another program"));
}

TEST(Schema, RefusesAFileThatIsNoDatabase) {
    const TemporaryFolder temporary;
    {
        const CoreOnDisk queue(temporary.queue());
    }
    std::ofstream(temporary.queue() / "queue.db", std::ios::binary) << std::string(8192, 'x');
    const Folder folder = Folder::open(temporary.queue()).value();
    CoreOptions options;
    options.database = folder.database();
    const auto core = Core::open(options, noon);
    ASSERT_FALSE(core);
    EXPECT_THAT(core.error().message, HasSubstr("not a database"));
}

TEST(Schema, NumbersEveryStateAndReadsItBack) {
    for (const RecipientState state :
         {RecipientState::queued, RecipientState::claimed, RecipientState::held, RecipientState::uncertain,
          RecipientState::delivered, RecipientState::failed, RecipientState::deleted}) {
        EXPECT_EQ(state_from_number(state_number(state)), state);
        EXPECT_EQ(recipient_state_from(to_string(state)), state);
    }
    EXPECT_EQ(state_from_number(99), RecipientState::held);
    EXPECT_EQ(recipient_state_from("lost"), std::nullopt);
}

TEST(Schema, NumbersEveryReasonToHoldAndReadsItBack) {
    for (const HoldReason reason :
         {HoldReason::none, HoldReason::refused, HoldReason::expired, HoldReason::uncertain,
          HoldReason::crashed, HoldReason::damaged, HoldReason::sender_stopped, HoldReason::by_operator})
        EXPECT_EQ(hold_reason_from_number(hold_reason_number(reason)), reason) << to_string(reason);
    EXPECT_EQ(hold_reason_from_number(99), HoldReason::none);
}

}  // namespace
}  // namespace mailramp::queue
