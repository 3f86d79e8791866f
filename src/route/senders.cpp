#include "mailramp/route/senders.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <optional>

#include "mailramp/base/text.h"
#include "mailramp/mail/address.h"
#include "mailramp/route/router.h"

namespace mailramp::route {
namespace {

bool may_send_as(const SenderPolicy& policy, std::string_view address) {
    if (base::equals_ignoring_case(address, policy.mailbox)) return true;
    return std::ranges::any_of(
        policy.allowed, [address](const std::string& pattern) { return matches_pattern(pattern, address); });
}

// What a sender becomes. `text` is its address, or a bare word like "root", or empty: the null sender, or a
// From with nothing in it.
std::string replaced(const SenderPolicy& policy, std::string_view text) {
    if (policy.mode == SenderMode::map) {
        for (const SenderMapping& mapping : policy.map)
            if (matches_pattern(mapping.pattern, text)) return mapping.address;
    }
    // Nobody knows whether Exchange Online takes the null sender from a client; the mailbox is always right.
    if (!mail::domain_of(text).empty() && may_send_as(policy, text)) return std::string(text);
    return policy.mailbox;
}

void plan_from(const SenderPolicy& policy, const mail::Originators& header, SenderPlan& plan) {
    const std::string_view old = header.from.address();
    const auto& mailboxes = header.from.mailboxes;
    const std::string_view written =
        !old.empty() || mailboxes.empty() ? old : std::string_view(mailboxes.front().words);
    plan.from = replaced(policy, written);
    const bool stays = header.from.proper() && base::equals_ignoring_case(old, plan.from);
    if (stays) return;
    plan.change.from = plan.from;
    const bool other = !old.empty() && !base::equals_ignoring_case(old, plan.from);
    if (other && !header.has_reply_to && is_routable(old, policy.own_names)) plan.change.reply_to = old;
}

// Sender is for a message that somebody else hands in than From names; a From that was replaced needs none.
void plan_sender(const SenderPolicy& policy, const mail::Originators& header, SenderPlan& plan) {
    using Sender = mail::OriginatorChange::Sender;
    const bool fine =
        header.sender.count == 0 || (header.sender.proper() && may_send_as(policy, header.sender.address()));
    if (fine) return;
    if (!plan.change.from.empty() || base::equals_ignoring_case(plan.from, policy.mailbox)) {
        plan.change.sender_field = Sender::remove;
    } else {
        plan.change.sender_field = Sender::replace;
        plan.change.sender = policy.mailbox;
    }
}

}  // namespace

SenderPlan plan_senders(const SenderPolicy& policy, std::string_view envelope_sender,
                        const mail::Originators& header) {
    SenderPlan plan;
    if (policy.mode == SenderMode::keep) {
        plan.envelope_sender = envelope_sender;
        plan.from = header.from.address();
        return plan;
    }
    plan.envelope_sender = replaced(policy, envelope_sender);
    plan_from(policy, header, plan);
    plan_sender(policy, header, plan);
    return plan;
}

bool is_routable(std::string_view address, const std::vector<std::string>& own_names) {
    static constexpr std::array<std::string_view, 14> reserved{
        "local", "localhost", "localdomain", "internal", "intranet", "private", "corp",
        "home",  "lan",       "test",        "example",  "invalid",  "onion",   "alt"};
    const std::string_view domain = mail::domain_of(address);
    if (domain.empty() || domain.front() == '[') return false;
    const std::size_t dot = domain.rfind('.');
    if (dot == std::string_view::npos) return false;
    const auto is_name = [domain](std::string_view name) { return base::equals_ignoring_case(domain, name); };
    if (std::ranges::any_of(own_names, is_name)) return false;
    const std::string_view top = domain.substr(dot + 1);
    const auto is_top = [top](std::string_view name) { return base::equals_ignoring_case(top, name); };
    return std::ranges::none_of(reserved, is_top) && !matches_pattern("*.home.arpa", domain);
}

}  // namespace mailramp::route
