#include "simulation/machine.h"

#include <algorithm>
#include <cerrno>
#include <string_view>

#include <sys/epoll.h>

namespace mailramp::simulation {
namespace {

Machine* the_machine = nullptr;

constexpr base::WallTime epoch{std::chrono::sys_days(std::chrono::year(2026) / 3 / 2) +
                               std::chrono::hours(8)};
constexpr base::SteadyTime steady_epoch{std::chrono::hours(1000)};

}  // namespace

Machine::Machine(std::uint64_t seed) : random_(seed) {
    the_machine = this;
}
Machine::~Machine() {
    the_machine = nullptr;
}
Machine* Machine::current() {
    return the_machine;
}

base::WallTime Machine::true_wall() const {
    return epoch + std::chrono::floor<base::Duration>(now_ - steady_epoch);
}

void Machine::at(base::Duration after, Work work) {
    events_.emplace(now_ + after, std::move(work));
}

void Machine::run(Loop* loop) {
    loop_wakes_.reset();
    if (loop == nullptr) return;
    running_ = loop;
    loop->restart();
    loop->run();
    running_ = nullptr;
}

void Machine::would_sleep(int timeout) {
    if (timeout > 0) loop_wakes_ = now_ + std::chrono::milliseconds(timeout);
    if (running_ != nullptr) running_->stop();
}

bool Machine::advance(base::SteadyTime end) {
    base::SteadyTime next = end;
    if (!events_.empty()) next = std::min(next, events_.begin()->first);
    if (loop_wakes_) next = std::min(next, *loop_wakes_);
    now_ = std::max(now_, next);
    if (!events_.empty() && events_.begin()->first <= now_) {
        Work work = std::move(events_.extract(events_.begin()).mapped());
        work();
        return true;
    }
    return now_ < end;
}

int Machine::below(int limit) {
    return static_cast<int>(random_() % static_cast<std::uint64_t>(limit));
}

base::Duration Machine::up_to(base::Duration most) {
    if (most <= base::Duration::zero()) return base::Duration::zero();
    return base::Duration(static_cast<std::int64_t>(random_() % static_cast<std::uint64_t>(most.count())));
}

// FNV-1a.
void Machine::note(std::string_view what) {
    const auto add = [this](std::uint64_t octet) { hash_ = (hash_ ^ octet) * 1099511628211ULL; };
    auto ticks = static_cast<std::uint64_t>(now_.time_since_epoch().count());
    for (; ticks != 0; ticks >>= 8U)
        add(ticks & 0xffU);
    for (const char octet : what)
        add(static_cast<unsigned char>(octet));
    if (trace) trace(now_, what);
}

}  // namespace mailramp::simulation

// What the linker puts in the place of the system's functions (--wrap). Without a Machine they are the
// system's.
extern "C" {
std::int64_t __real__ZNSt6chrono3_V212steady_clock3nowEv();
std::int64_t __wrap__ZNSt6chrono3_V212steady_clock3nowEv();
int __real_epoll_wait(int descriptor, epoll_event* events, int events_max, int timeout);
int __wrap_epoll_wait(int descriptor, epoll_event* events, int events_max, int timeout);
int __real_timerfd_create(int clock, int flags);
int __wrap_timerfd_create(int clock, int flags);

// A time_point of nanoseconds is returned as the number in it.
std::int64_t __wrap__ZNSt6chrono3_V212steady_clock3nowEv() {
    const auto* machine = mailramp::simulation::Machine::current();
    if (machine == nullptr) return __real__ZNSt6chrono3_V212steady_clock3nowEv();
    return machine->now().time_since_epoch().count();
}

int __wrap_epoll_wait(int descriptor, epoll_event* events, int events_max, int timeout) {
    auto* machine = mailramp::simulation::Machine::current();
    if (machine == nullptr) return __real_epoll_wait(descriptor, events, events_max, timeout);
    const int ready = __real_epoll_wait(descriptor, events, events_max, 0);
    if (ready == 0 && timeout != 0) machine->would_sleep(timeout);
    return ready;
}

// Without such a descriptor Asio tells epoll_wait() how long it would sleep.
int __wrap_timerfd_create(int clock, int flags) {
    if (mailramp::simulation::Machine::current() == nullptr) return __real_timerfd_create(clock, flags);
    errno = EMFILE;
    return -1;
}
}
