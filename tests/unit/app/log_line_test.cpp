#include "app/log_line.h"

#include <vector>

#include <gtest/gtest.h>

namespace mailramp::app {
namespace {

base::LogRecord record(std::string_view message, const std::vector<base::LogField>& fields) {
    return {base::LogLevel::error, "outcome_unsaved", message, fields};
}

TEST(LogLine, IsAnObjectWithoutItsBraces) {
    const std::vector<base::LogField> fields{{"mailbox", "alerts"}, {"attempt", 3}};
    EXPECT_EQ(
        json_fields(record("it cannot be stored", fields)),
        R"("level":"error","event":"outcome_unsaved","message":"it cannot be stored","mailbox":"alerts","attempt":3)");
}

TEST(LogLine, HasNoMessageWhereTheEventSaysAll) {
    const std::vector<base::LogField> fields{{"pid", 42}};
    EXPECT_EQ(json_fields(record("", fields)), R"("level":"error","event":"outcome_unsaved","pid":42)");
    EXPECT_EQ(text_line(record("", fields)), "outcome_unsaved pid=42");
}

TEST(LogLine, CanBeSplitAgain) {
    const std::vector<base::LogField> fields{{"reply", "451 \"later\""}, {"cause", ""}, {"mailbox", "a"}};
    EXPECT_EQ(text_line(record("not now", fields)),
              R"(outcome_unsaved: not now reply="451 \"later\"" cause="" mailbox=a)");
    EXPECT_EQ(
        json_fields(record("", fields)),
        R"("level":"error","event":"outcome_unsaved","reply":"451 \"later\"","cause":"","mailbox":"a")");
}

}  // namespace
}  // namespace mailramp::app
