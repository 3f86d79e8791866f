// What most tests look at in the report of an attempt.
#pragma once

#include <optional>
#include <utility>

#include <gtest/gtest.h>

#include "mailramp/delivery/courier.h"
#include "mailramp/io/async.h"
#include "mailramp/upstream/smtp_courier.h"

namespace mailramp::upstream {

inline void expect_all(const delivery::AttemptReport& report, delivery::Fate fate) {
    ASSERT_EQ(report.recipients.size(), 2u);
    for (const delivery::RecipientReport& recipient : report.recipients)
        EXPECT_EQ(recipient.fate, fate) << mail::to_string(recipient.answer);
}

inline const mail::Answer& answer(const delivery::AttemptReport& report) {
    return report.recipients.at(0).answer;
}

inline io::Task<> deliver_into(SmtpCourier& courier, delivery::Submission submission,
                               std::optional<delivery::AttemptReport>& report) {
    report = co_await courier.deliver(std::move(submission));
}

}  // namespace mailramp::upstream
