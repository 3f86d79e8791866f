#include "simulation/book.h"

#include <algorithm>
#include <cmath>

namespace mailramp::simulation {
namespace {

using queue::RecipientState;

constexpr base::Duration window = std::chrono::seconds(60);
constexpr base::Duration rounding = std::chrono::milliseconds(2);
constexpr std::size_t secret_shown_bytes = 24;  // so much of one in a row is that secret
constexpr std::size_t secrets_watched = 6;      // the latest
constexpr std::size_t broken_max = 20;
constexpr std::string_view tag_field = "X-Tag: ";

std::string tag_of(const std::string& content) {
    const std::size_t begin = content.find(tag_field);
    if (begin == std::string::npos) return {};
    const std::size_t at = begin + tag_field.size();
    return content.substr(at, content.find('\r', at) - at);
}

bool is_in_queue(RecipientState state) {
    return state == RecipientState::queued || state == RecipientState::claimed ||
           state == RecipientState::held || state == RecipientState::uncertain;
}

}  // namespace

std::string_view name_of(Rule rule) {
    switch (rule) {
        case Rule::durable:
            return "durable";
        case Rule::intact:
            return "intact";
        case Rule::once:
            return "once";
        case Rule::plan:
            return "plan";
        case Rule::rate:
            return "rate";
        case Rule::connections:
            return "connections";
        case Rule::token_alone:
            return "token alone";
        case Rule::token_pace:
            return "token pace";
        case Rule::drains:
            return "drains";
        case Rule::secrets:
            return "secrets";
        case Rule::counts:
            return "counts";
    }
    return "?";
}

void Book::broke(Rule rule, const std::string& what) {
    machine_.note("broken");
    if (broken_.size() >= broken_max) return;
    const double seconds = std::chrono::duration<double>(machine_.now().time_since_epoch()).count();
    broken_.emplace_back(rule, std::string(name_of(rule)) + " at " + std::to_string(seconds) + " s: " + what);
}

// ------------------------------------------------------------------ mail

void Book::accepted(const std::string& tag, queue::QueueId id) {
    machine_.note("acknowledged " + tag);
    Parcel& parcel = parcels_[tag];
    parcel.answer = Parcel::Answer::accepted;
    parcel.id = id;
}

void Book::delivered(const std::string& mailbox, const std::string& content,
                     const std::vector<std::string>& recipients) {
    const std::string tag = tag_of(content);
    machine_.note("delivered " + tag);
    const auto found = parcels_.find(tag);
    if (found == parcels_.end()) return broke(Rule::intact, "nobody has sent what has the tag '" + tag + "'");
    Parcel& parcel = found->second;
    if (!content.ends_with(parcel.content)) broke(Rule::intact, tag + " was altered");
    if (parcel.answer == Parcel::Answer::refused) {
        refused_sent_.insert(tag);
        if (refused_sent_.size() > maybe_kept_ + maybe_kept_before_)
            broke(Rule::once, tag + " was refused, and goes out nevertheless");
    }
    for (const std::string& recipient : recipients) {
        ++copies_;
        if (++parcel.copies[recipient] == 1) continue;
        ++duplicates_;
        if (duplicates_ > repeated_ + repeated_before_)
            broke(Rule::once, recipient + " got another copy of " + tag +
                                  ", which the daemon does not count as perhaps repeated");
    }
    if (restarted_jumped_) return;  // what it knows of the time before, it knows by that clock
    std::deque<base::SteadyTime>& times = recent_[mailbox];
    times.push_back(machine_.now());
    while (times.front() <= machine_.now() - window)
        times.pop_front();
    if (times.size() > terms_.messages_max)
        broke(Rule::rate, mailbox + ": " + std::to_string(times.size()) + " messages in a minute");
}

void Book::connections(const std::string& mailbox, std::size_t number) {
    if (number > terms_.connections_max)
        broke(Rule::connections, mailbox + ": " + std::to_string(number) + " connections");
}

void Book::started() {
    repeated_before_ += std::exchange(repeated_, 0);
    maybe_kept_before_ += std::exchange(maybe_kept_, 0);
    restarted_jumped_ = jumped_;
    token_failures_ = 0;
    token_not_before_ = {};
    token_granted_.clear();
    tokens_in_flight_ = 0;
}

void Book::may_repeat(std::uint64_t recipients, std::uint64_t refused) {
    repeated_ = recipients;
    maybe_kept_ = refused;
}

// ------------------------------------------------------------------ the retry plan

void Book::claimed(const queue::ClaimedMessage& message) {
    for (const queue::ClaimedRecipient& recipient : message.recipients) {
        // The numbers of rows are given again.
        addresses_[recipient.row] = recipient.recipient.address;
        Plan& plan = plans_[{message.id, recipient.recipient.address}];
        plan.ended.reset();
        if (plan.counted >= terms_.retry.attempts_max)
            broke(Rule::plan, recipient.recipient.address + " is tried once more after " +
                                  std::to_string(plan.counted) + " attempts");
        if (machine_.now() + rounding < plan.not_before)
            broke(Rule::plan, recipient.recipient.address + " is tried too soon, after " +
                                  std::to_string(plan.counted) + " attempts");
    }
}

// A disk that fails or is slow takes nothing from the time between two attempts.
void Book::settling(const queue::Settlement& settlement) {
    for (const queue::RecipientSettlement& one : settlement.recipients) {
        Plan& plan = plans_[{settlement.id, addresses_[one.row]}];
        if (!plan.ended) plan.ended = machine_.now();
    }
}

void Book::settled(const queue::Settlement& settlement) {
    for (const queue::RecipientSettlement& one : settlement.recipients) {
        Plan& plan = plans_[{settlement.id, addresses_[one.row]}];
        plan.not_before = {};
        if (one.counts_as_attempt) ++plan.counted;
        base::Duration least{};
        if (one.state == RecipientState::uncertain) {
            least = terms_.retry.uncertain_delay;
        } else if (one.state == RecipientState::queued && one.counts_as_attempt) {
            const double doubled = static_cast<double>(terms_.retry.first_delay.count()) *
                                   std::pow(terms_.retry.factor, static_cast<double>(plan.counted) - 1);
            const double most = static_cast<double>(terms_.retry.delay_max.count());
            least = base::Duration(std::llround(std::min(doubled, most) * (1 - terms_.retry.jitter)));
        }
        if (least > base::Duration::zero() && !jumped_)
            plan.not_before = plan.ended.value_or(machine_.now()) + least;
    }
}

void Book::made_due() {
    for (auto& [recipient, plan] : plans_) {
        plan.not_before = {};
        plan.counted = 0;
    }
}

// The queue keeps its plan by the wall clock.
void Book::clock_jumped() {
    jumped_ = true;
    for (auto& [recipient, plan] : plans_)
        plan.not_before = {};
}

// ------------------------------------------------------------------ tokens

void Book::token_asked() {
    machine_.note("token asked");
    if (++tokens_in_flight_ > 1) broke(Rule::token_alone, "a second token request is under way");
    if (machine_.now() + rounding < token_not_before_)
        broke(Rule::token_pace,
              "a token is asked for too soon after failure number " + std::to_string(token_failures_));
}

void Book::token_answered(TokenEnd end, base::Duration retry_after) {
    --tokens_in_flight_;
    const base::SteadyTime now = machine_.now();
    switch (end) {
        case TokenEnd::granted:
            token_failures_ = 0;
            token_not_before_ = {};
            token_granted_.push_back(now);
            // The second may be forced by a refusal of the first; the third comes a minute later.
            if (token_granted_.size() > 3) token_granted_.pop_front();
            if (token_granted_.size() == 3 && now - token_granted_.front() < terms_.token_refresh_min)
                broke(Rule::token_pace, "three tokens within a minute");
            break;
        case TokenEnd::refused:
            ++token_failures_;
            token_not_before_ = now + std::max(terms_.token_refusal_pause, retry_after);
            break;
        case TokenEnd::failed: {
            base::Duration pause = terms_.token_pause_min;
            for (int i = 0; i < token_failures_ && pause < terms_.token_pause_max; ++i)
                pause *= 2;
            ++token_failures_;
            token_not_before_ = now + std::max(std::min(pause, terms_.token_pause_max), retry_after);
            break;
        }
    }
}

// ------------------------------------------------------------------ the log

void Book::logged(const base::LogRecord& record) {
    ++lines_;
    if (record.level != base::LogLevel::debug) machine_.note(record.event);
    if (machine_.trace && record.level != base::LogLevel::debug) {
        std::string line = "  " + std::string(record.message);
        for (const base::LogField& field : record.fields)
            line += " " + std::string(field.key) + "=" + field.value;
        machine_.trace(machine_.now(), line);
    }
    const std::size_t first = secrets_.size() > secrets_watched ? secrets_.size() - secrets_watched : 0;
    const auto shows = [&](std::string_view text) {
        if (text.size() < secret_shown_bytes) return false;
        for (std::size_t i = first; i < secrets_.size(); ++i)
            if (text.find(std::string_view(secrets_[i]).substr(0, secret_shown_bytes)) != text.npos)
                return true;
        return false;
    };
    bool shown = shows(record.message);
    for (const base::LogField& field : record.fields)
        shown = shown || shows(field.value);
    if (shown) broke(Rule::secrets, "in a line of " + std::string(record.event));
}

// ------------------------------------------------------------------ the queue

std::set<std::string> Book::promised() const {
    std::set<std::string> tags;
    for (const auto& [tag, parcel] : parcels_)
        if (parcel.answer == Parcel::Answer::accepted && !parcel.removed) tags.insert(tag);
    return tags;
}

void Book::audit(const std::vector<queue::MessageRow>& rows, const std::set<std::string>& promised) {
    std::map<queue::QueueId, std::set<std::string>> waiting;
    for (const queue::MessageRow& message : rows)
        for (const queue::RecipientRow& recipient : message.recipients)
            if (is_in_queue(recipient.state)) waiting[message.id].insert(recipient.address);
    for (const std::string& tag : promised) {
        const Parcel& parcel = parcels_.at(tag);
        for (const std::string& recipient : parcel.recipients) {
            const auto copies = parcel.copies.find(recipient);
            const bool delivered = copies != parcel.copies.end() && copies->second > 0;
            if (!delivered && !waiting[*parcel.id].contains(recipient) && !parcel.removed)
                broke(Rule::durable,
                      tag + " was acknowledged as " + parcel.id->text() + " and is lost to " + recipient);
        }
    }
}

void Book::compare_counts(const queue::QueueCounts& counts, const std::vector<queue::MessageRow>& rows) {
    std::map<RecipientState, std::uint64_t> states;
    for (const queue::MessageRow& message : rows)
        for (const queue::RecipientRow& recipient : message.recipients)
            ++states[recipient.state];
    const bool same = counts.messages == rows.size() && counts.queued == states[RecipientState::queued] &&
                      counts.claimed == states[RecipientState::claimed] &&
                      counts.held == states[RecipientState::held] &&
                      counts.uncertain == states[RecipientState::uncertain];
    if (same) return;
    const auto said = [](std::uint64_t one, std::uint64_t other) {
        return std::to_string(one) + "/" + std::to_string(other) + " ";
    };
    broke(Rule::counts, "counted and listed: " + said(counts.messages, rows.size()) + "messages, " +
                            said(counts.queued, states[RecipientState::queued]) + "queued, " +
                            said(counts.claimed, states[RecipientState::claimed]) + "claimed, " +
                            said(counts.held, states[RecipientState::held]) + "held, " +
                            said(counts.uncertain, states[RecipientState::uncertain]) + "uncertain");
}

}  // namespace mailramp::simulation
