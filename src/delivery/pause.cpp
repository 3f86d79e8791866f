#include "delivery/pause.h"

#include <algorithm>
#include <cmath>
#include <utility>

namespace mailramp::delivery {

using Kind = MailboxNews::Kind;

void Pause::restore(const queue::MailboxRecord& record, Moment now) {
    if (!record.stopped_since) return;
    standing_ = record.paused ? Standing::paused : Standing::resting;
    reason_ = MailboxNews{.kind = record.paused ? Kind::pause : Kind::rest,
                          .reached = record.pause_answer.phase,
                          .answer = record.pause_answer,
                          .cause = record.pause_cause,
                          .remedy = record.pause_remedy,
                          .asked = {}};
    stopped_since_ = record.stopped_since;
    ordered_ = record.paused && record.by_operator;
    probes_ = record.probes;
    const base::Duration longest = record.paused ? options_.later_probes : base::Duration::zero();
    wait(std::clamp<base::Duration>(record.next_probe - now.wall, base::Duration::zero(), longest), now);
}

void Pause::describe(queue::MailboxRecord& record) const {
    record.paused = standing_ == Standing::paused;
    record.by_operator = ordered_;
    record.stopped_since = stopped_since_;
    if (!record.stopped_since) return;
    record.pause_answer = reason_.answer;
    record.pause_cause = reason_.cause;
    record.pause_remedy = reason_.remedy;
    record.next_probe = next_wall_;
    record.probes = probes_;
}

Pause::Leave Pause::leave(base::SteadyTime now) const {
    if (standing_ == Standing::open) return Leave{.granted = true, .ask_again = std::nullopt};
    if (alone_under_way_ || ordered_) return Leave{};
    if (now < next_) return Leave{.granted = false, .ask_again = next_};
    return Leave{.granted = true, .ask_again = std::nullopt};
}

Pause::Ticket Pause::begin() {
    alone_under_way_ = standing_ != Standing::open;
    return Ticket{.epoch = epoch_, .alone = alone_under_way_};
}

void Pause::withdraw(Ticket ticket) {
    if (ticket.epoch == epoch_ && ticket.alone) alone_under_way_ = false;
}

Pause::Change Pause::end(Ticket ticket, const MailboxNews& news, Moment now, double chance) {
    withdraw(ticket);
    const bool stale = ticket.epoch != epoch_;
    if (standing_ == Standing::paused) return stale ? Change::none : end_probe(news, now, chance);
    // A pause is believed also from an attempt that began before a rest: the words are about the mailbox.
    if (news.kind == Kind::pause) {
        start_pause(news, now);
        return Change::paused;
    }
    if (stale) return Change::none;
    if (news.kind == Kind::rest) {
        start_rest(news, now, chance);
        return Change::rests;
    }
    const bool heard = news.kind == Kind::works || news.kind == Kind::crowded;
    if (standing_ == Standing::resting && heard) {
        open();
        return Change::recovered;
    }
    return Change::none;
}

void Pause::order(std::string cause, std::string remedy, Moment now) {
    const base::WallTime since = stopped_since_.value_or(now.wall);
    open();
    standing_ = Standing::paused;
    ordered_ = true;
    reason_ = MailboxNews{.kind = Kind::pause,
                          .reached = mail::Phase::none,
                          .answer = {},
                          .cause = std::move(cause),
                          .remedy = std::move(remedy),
                          .asked = {}};
    stopped_since_ = since;
    next_wall_ = base::WallTime{};
}

bool Pause::resume() {
    const bool closed = standing_ != Standing::open;
    if (closed) open();
    return closed;
}

// The pause is over when the attempt got past the step that had stopped the mailbox: a recipient that is
// unknown shows that the login works again, but not that the quota does.
Pause::Change Pause::end_probe(const MailboxNews& news, Moment now, double chance) {
    if (news.kind == Kind::pause) {
        ++probes_;
        reason_ = news;
        wait(std::max(probe_interval(), std::min(news.asked, options_.rest_asked_max)), now);
        return Change::still_paused;
    }
    const mail::Phase stopped_at = reason_.answer.phase;
    const bool past = news.kind == Kind::works ? news.reached >= stopped_at : news.reached > stopped_at;
    if (!past) {
        wait(options_.first_probe, now);  // it did not show anything: soon again, but no step further
        return Change::still_paused;
    }
    open();
    if (news.kind == Kind::rest) start_rest(news, now, chance);
    return Change::resumed;
}

base::Duration Pause::probe_interval() const {
    if (probes_ <= 0) return options_.first_probe;
    return probes_ == 1 ? options_.second_probe : options_.later_probes;
}

void Pause::start_pause(const MailboxNews& news, Moment now) {
    open();
    standing_ = Standing::paused;
    reason_ = news;
    stopped_since_ = now.wall;
    wait(std::max(probe_interval(), std::min(news.asked, options_.rest_asked_max)), now);
}

void Pause::start_rest(const MailboxNews& news, Moment now, double chance) {
    const int rests = rests_;
    const base::WallTime since = stopped_since_.value_or(now.wall);
    open();
    standing_ = Standing::resting;
    reason_ = news;
    rests_ = rests + 1;
    if (!news.of_message) stopped_since_ = since;
    const bool answered = news.answer.channel == mail::Channel::smtp && news.answer.code != 0;
    const base::Duration most = answered ? options_.refused_rest_max : options_.unreachable_rest_max;
    // Doubling, then up to a quarter less by chance, so that many mailboxes do not knock together.
    const double plain = std::ldexp(static_cast<double>(options_.rest_min.count()), std::min(rests, 40));
    const double length = std::min(plain, static_cast<double>(most.count())) * (1.0 - 0.25 * chance);
    wait(std::max(base::Duration(std::llround(length)), std::min(news.asked, options_.rest_asked_max)), now);
}

void Pause::open() {
    standing_ = Standing::open;
    ++epoch_;
    alone_under_way_ = false;
    ordered_ = false;
    reason_ = MailboxNews{};
    stopped_since_.reset();
    probes_ = 0;
    rests_ = 0;
}

void Pause::wait(base::Duration duration, Moment now) {
    next_ = now.steady + duration;
    next_wall_ = now.wall + duration;
}

}  // namespace mailramp::delivery
