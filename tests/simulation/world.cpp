#include "simulation/world.h"

#include <algorithm>
#include <iterator>
#include <utility>
#include <vector>

namespace mailramp::simulation {
namespace {

using namespace std::chrono_literals;

constexpr base::Duration look_interval = 10min;
constexpr base::Duration tick = 1s;
constexpr int messages_max = 40;
// Longest, in this order: a pause's probe (15 min), a rest (5 min), a retry (an hour and a fifth), several of
// them, and the last reply of a server that has fallen silent (10 min).
constexpr base::Duration nothing_waits_within = 24h;
constexpr base::Duration nothing_is_left_within = 12h;

Terms terms_of(Machine& machine) {
    Terms terms;
    terms.messages_max = 3 + static_cast<std::size_t>(machine.below(6));
    terms.connections_max = 1 + static_cast<std::size_t>(machine.below(3));
    terms.retry.attempts_max = 8;
    return terms;
}

}  // namespace

World::World(std::uint64_t seed, Spoil spoil)
    : seed_(seed),
      machine_(seed),
      terms_(terms_of(machine_)),
      spoil_(spoil),
      disk_(folder_.queue(), seed, queue::TestDisk::As::standard),
      clock_(machine_),
      network_(machine_),
      book_(machine_, terms_),
      provider_(machine_, network_, book_),
      began_(machine_.now()) {
    std::filesystem::create_directory(folder_.queue());
    std::filesystem::permissions(folder_.queue(), std::filesystem::perms::owner_all);
}

World::~World() {
    machine_.dying = true;
    disk_.stop();
    daemon_.reset();
}

World::Seen World::seen() const {
    Seen seen = seen_;
    seen.copies = book_.copies();
    seen.duplicates = book_.duplicates();
    seen.simulated = std::chrono::floor<base::Duration>(machine_.now() - began_);
    return seen;
}

void World::plan() {
    const base::Duration span = 5min + machine_.up_to(90min);
    const auto add = [&](int most, Action action) {
        for (int i = machine_.below(most + 1); i > 0; --i)
            actions_.emplace(began_ + machine_.up_to(span), action);
    };
    for (int i = 5 + machine_.below(16); i > 0; --i)
        actions_.emplace(began_ + machine_.up_to(span), &World::submit);
    add(8, &World::begin_fault);
    add(3, &World::end_faults);
    add(3, &World::change_weather);
    add(1, &World::change_inside);
    add(2, &World::kill);
    add(1, &World::cut_power);
    add(1, &World::cut_power_soon);
    add(1, &World::stop);
    add(2, &World::fail_disk);
    add(2, &World::heal_disk);
    add(2, &World::change_disk_pace);
    add(1, &World::ask_for_retry);
    add(1, &World::hold);
    add(1, &World::release);
    if (machine_.one_in(4)) add(1, &World::pause);
    add(1, &World::resume);
    add(1, &World::audit);
    if (machine_.one_in(4)) add(1, &World::remove_one);
    if (machine_.one_in(4)) add(2, &World::jump);
}

void World::run() {
    if (spoil_ == Spoil::syncs) disk_.obey_syncs(queue::TestDisk::Syncs::ignored);
    start();
    plan();
    for (const auto& [when, action] : actions_) {
        run_until(when);
        (this->*action)();
    }
    calm();
    if (!settle(Until::nothing_waits, nothing_waits_within)) return;
    // A human looks at what is held, finds nothing wrong any more, and lets it go.
    if (daemon_) daemon_->operate(queue::Verb::retry, std::nullopt);
    if (!settle(Until::nothing_is_left, nothing_is_left_within)) return;
    for (const auto& [tag, parcel] : book_.parcels())
        if (parcel.answer == Parcel::Answer::accepted && !parcel.removed)
            for (const std::string& recipient : parcel.recipients)
                if (!parcel.copies.contains(recipient))
                    book_.broke(Rule::durable, tag + " never reached " + recipient);
}

// From here on nothing goes wrong any more.
void World::calm() {
    calm_ = true;
    network_.weather = Network::Weather::fair;
    network_.rough_inside = false;
    machine_.disk_latency_max = 4ms;
    heal_disk();
    disk_.keep_power();
    end_faults();
    if (disk_.power_is_gone()) die(Network::Death::power);
}

bool World::settle(Until until, base::Duration most) {
    const base::SteadyTime end = machine_.now() + most;
    bool resumed = false;
    std::optional<Daemon::Left> left;
    while (machine_.now() < end && book_.broken().empty()) {
        run_until(machine_.now() + look_interval);
        if (!daemon_ || daemon_->life() != Daemon::Life::running) continue;
        if (!std::exchange(resumed, true)) resume();  // what an operator has paused
        left.reset();
        daemon_->audit([&left](std::optional<Daemon::Left> found) { left = std::move(found); });
        run_until(machine_.now() + tick);
        if (left && left->waiting == 0 && (until == Until::nothing_waits || left->held == 0)) return true;
    }
    if (book_.broken().empty())
        book_.broke(Rule::drains, left ? "left: " + left->some : "the queue could not be asked");
    return false;
}

void World::run_until(base::SteadyTime end) {
    for (bool more = true; more;) {
        look_after_daemon();
        machine_.run(daemon_ ? daemon_->loop() : nullptr);
        if (daemon_) daemon_->count();
        book_.connections("one", network_.links_in_use(587));
        book_.connections("two", network_.links_in_use(588));
        if (disk_.power_is_gone()) die(Network::Death::power);
        more = machine_.advance(end);
    }
}

// What a service manager does.
void World::look_after_daemon() {
    if (!daemon_) {
        if (machine_.now() >= restart_at_) start();
        return;
    }
    switch (daemon_->life()) {
        case Daemon::Life::begun:
        case Daemon::Life::running:
        case Daemon::Life::stopping:
            return;
        case Daemon::Life::ended:
            ++seen_.stops;
            daemon_.reset();
            network_.daemon_died(Network::Death::killed);
            break;
        case Daemon::Life::failed:
            ++seen_.starts_failed;
            die(Network::Death::killed);
            break;
    }
    restart_at_ = machine_.now() + 1s + machine_.up_to(20s);
    machine_.at(std::chrono::ceil<base::Duration>(restart_at_ - machine_.now()), [] {});
}

void World::start() {
    machine_.note("start");
    ++seen_.restarts;
    DaemonTerms terms;
    terms.directory = folder_.queue();
    terms.terms = terms_;
    terms.spoil = spoil_;
    terms.seed = static_cast<std::uint64_t>(machine_.below(1'000'000));
    daemon_ = std::make_unique<Daemon>(terms, machine_, network_, book_, provider_, clock_);
}

// Whatever had been written and not synced is there still, or, when the power went, perhaps not.
void World::die(Network::Death death) {
    machine_.note(death == Network::Death::power ? "power" : "killed");
    if (daemon_) {
        disk_.stop();
        machine_.dying = true;
        network_.daemon_died(death);
        daemon_.reset();
        machine_.dying = false;
    }
    if (death == Network::Death::power)
        disk_.cut_power();
    else
        disk_.go_on();
    restart_at_ = machine_.now() + 1s + machine_.up_to(30s);
    machine_.at(std::chrono::ceil<base::Duration>(restart_at_ - machine_.now()), [] {});
}

// ------------------------------------------------------------------ clients and operators

void World::submit() {
    send(machine_.one_in(2) ? "one" : "two");
}

void World::send(std::string mailbox) {
    if (messages_ >= messages_max) return;
    ++seen_.messages;
    const std::string tag = std::to_string(seed_) + "-" + std::to_string(++messages_);
    Parcel& parcel = book_.parcel(tag);
    parcel.mailbox = std::move(mailbox);
    for (int i = 1 + machine_.below(3); i > 0; --i)
        parcel.recipients.push_back("r" + std::to_string(i) + "." + tag + "@example.net");
    parcel.content = "From: " + parcel.mailbox +
                     "@contoso.test\r\nTo: them@example.net\r\nDate: Mon, 2 Mar 2026 08:00:00 +0000\r\n"
                     "Message-ID: <" +
                     tag + "@app.test>\r\nX-Tag: " + tag + "\r\nSubject: number " + tag + "\r\n\r\n";
    const int lines = machine_.one_in(6) ? 200 + machine_.below(400) : machine_.below(20);
    for (int i = 0; i < lines; ++i)
        parcel.content += (machine_.one_in(10) ? ".line " : "line ") + std::to_string(machine_.below(1000)) +
                          " of a text that says nothing\r\n";
    auto client = std::make_shared<Client>(machine_, network_, book_, tag);
    client->begin([this, tag](Client::End end) {
        if (end != Client::End::accepted && machine_.one_in(2)) try_again(tag);
    });
}

// The application does not give up. To everybody else it is another message.
void World::try_again(const std::string& tag) {
    machine_.at(1min + machine_.up_to(5min), [this, mailbox = book_.parcel(tag).mailbox] { send(mailbox); });
}

std::optional<queue::QueueId> World::one_or_all() {
    const std::set<std::string> promised = book_.promised();
    if (promised.empty() || machine_.one_in(2)) return std::nullopt;
    const auto at = machine_.below(static_cast<int>(promised.size()));
    return book_.parcel(*std::next(promised.begin(), at)).id;
}
void World::ask_for_retry() {
    if (daemon_) daemon_->operate(queue::Verb::retry, one_or_all());
}
void World::hold() {
    if (daemon_) daemon_->operate(queue::Verb::hold, one_or_all());
}
void World::release() {
    if (daemon_) daemon_->operate(queue::Verb::release, one_or_all());
}
void World::remove_one() {
    const std::set<std::string> promised = book_.promised();
    if (!daemon_ || promised.empty()) return;
    Parcel& parcel = book_.parcel(*promised.rbegin());
    parcel.removed = true;
    daemon_->operate(queue::Verb::remove, parcel.id);
}

void World::pause() {
    if (daemon_) daemon_->pause(machine_.one_in(2) ? "one" : "two");
}
void World::resume() {
    if (daemon_) daemon_->resume();
}

void World::audit() {
    if (daemon_ && daemon_->life() == Daemon::Life::running)
        daemon_->audit([](const std::optional<Daemon::Left>&) {});
}

// ------------------------------------------------------------------ trouble

void World::begin_fault() {
    const auto names = sandbox::Faults::names();
    sandbox::Fault fault;
    fault.name = names[static_cast<std::size_t>(machine_.below(static_cast<int>(names.size())))].name;
    if (!machine_.one_in(4)) fault.times_left = 1 + static_cast<std::uint64_t>(machine_.below(5));
    if (machine_.one_in(3)) fault.mailbox = machine_.one_in(2) ? "one@contoso.test" : "two@contoso.test";
    ++seen_.faults;
    machine_.note("fault " + fault.name + " " + fault.mailbox);
    static_cast<void>(provider_.faults.arm(std::move(fault)));
}
void World::end_faults() {
    provider_.faults.clear();
}
void World::change_weather() {
    network_.weather = static_cast<Network::Weather>(machine_.below(5));
    machine_.note("weather " + std::to_string(static_cast<int>(network_.weather)));
}
void World::change_inside() {
    network_.rough_inside = true;
}
void World::kill() {
    if (!daemon_) return;
    ++seen_.kills;
    die(Network::Death::killed);
}
void World::cut_power() {
    if (!daemon_) return;
    ++seen_.power_cuts;
    die(Network::Death::power);
}
// At some write or sync of the next ones.
void World::cut_power_soon() {
    ++seen_.power_cuts;
    machine_.note("the power will go");
    disk_.cut_at_call(1 + machine_.below(60));
}
void World::stop() {
    if (daemon_) daemon_->stop();
}
void World::fail_disk() {
    using Lasting = queue::TestDisk::Lasting;
    ++seen_.disk_faults;
    machine_.note("the disk begins to fail");
    const int code = machine_.one_in(2) ? SQLITE_FULL : SQLITE_IOERR_WRITE;
    if (machine_.one_in(4))
        disk_.fail_sync_of(machine_.one_in(2) ? "-wal" : "queue.db", Lasting::until_healed);
    else
        disk_.fail_call(1 + machine_.below(40), machine_.one_in(2) ? Lasting::once : Lasting::until_healed,
                        code);
}
void World::heal_disk() {
    machine_.note("the disk is mended");
    disk_.heal();
}
void World::change_disk_pace() {
    machine_.disk_latency_max = machine_.one_in(2) ? 4ms : machine_.one_in(2) ? 3s : 40s;
}
void World::jump() {
    const base::Duration by[] = {2h, -24h, std::chrono::days(3650), -std::chrono::days(3650), -10min};
    ++seen_.jumps;
    machine_.note("the clock is set");
    clock_.jump(by[machine_.below(5)]);
    book_.clock_jumped();
}

}  // namespace mailramp::simulation
