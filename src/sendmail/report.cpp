#include "sendmail/report.h"

#include <algorithm>
#include <utility>

#include "mailramp/base/text.h"

namespace mailramp::sendmail {
namespace {

using smtp::RecipientFate;
using smtp::RecipientOutcome;

struct Group {
    RecipientOutcome outcome;
    std::string recipients;  // joined
};

std::vector<Group> grouped(const std::vector<mail::Recipient>& recipients,
                           const std::vector<RecipientOutcome>& outcomes) {
    std::vector<Group> groups;
    for (std::size_t i = 0; i < outcomes.size(); ++i) {
        const RecipientOutcome& outcome = outcomes[i];
        auto group = std::ranges::find_if(groups, [&outcome](const Group& known) {
            return known.outcome.fate == outcome.fate && known.outcome.answer == outcome.answer;
        });
        if (group == groups.end())
            group = groups.insert(groups.end(), {.outcome = outcome, .recipients = {}});
        const std::string& address = recipients[i].address;
        group->recipients.append(group->recipients.empty() ? "" : ", ");
        group->recipients += base::printable(address, address.size());
    }
    return groups;
}

std::string line_about(const Group& group) {
    std::string answer = mail::to_string(group.outcome.answer);
    switch (group.outcome.fate) {
        case RecipientFate::delivered:
            return "taken for " + group.recipients + ": " + answer;
        case RecipientFate::refused:
        case RecipientFate::not_tried:
            return "not sent to " + group.recipients + ": " + answer;
        case RecipientFate::uncertain:
            return "perhaps not sent to " + group.recipients + ": " + answer +
                   "; the whole message went out and no answer came, so sending it again may deliver it "
                   "twice";
    }
    return answer;
}

}  // namespace

Report report_on(const std::vector<mail::Recipient>& recipients,
                 const std::vector<RecipientOutcome>& outcomes, Talk talk) {
    Report report;
    for (const RecipientOutcome& outcome : outcomes) {
        if (outcome.fate == RecipientFate::delivered) continue;
        const bool known = outcome.fate != RecipientFate::uncertain;
        report.status = worse_of(report.status, known ? status_of(outcome.answer) : ExitStatus::try_again);
    }
    // Who has it is worth a line also when others have not: the caller may want to send it again to those
    // only.
    const bool tell_of_all = talk == Talk::of_everything || report.status != ExitStatus::done;
    for (const Group& group : grouped(recipients, outcomes))
        if (tell_of_all || group.outcome.fate != RecipientFate::delivered)
            report.lines.push_back(line_about(group));
    return report;
}

}  // namespace mailramp::sendmail
