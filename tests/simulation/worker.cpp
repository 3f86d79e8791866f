// io::Worker without threads: a job happens at once as a whole, a little later, between two turns of the
// event loop. In place of src/io/worker.cpp.
#include "mailramp/io/worker.h"

#include <deque>
#include <list>
#include <utility>

#include "simulation/machine.h"

namespace mailramp::io {

struct Worker::State : std::enable_shared_from_this<Worker::State> {
    // Each job that a thread has taken is an event of the machine; should the worker be gone by then, nothing
    // happens.
    void begin() {
        while (idle > 0 && !waiting.empty()) {
            --idle;
            const auto job = under_way.insert(under_way.end(), std::move(waiting.front()));
            waiting.pop_front();
            auto& machine = *simulation::Machine::current();
            machine.at(machine.up_to(machine.disk_latency_max), [weak = weak_from_this(), job] {
                const auto self = weak.lock();
                if (!self) return;
                Work work = std::move(*job);
                self->under_way.erase(job);
                work();
                work = nullptr;
                ++self->idle;
                self->begin();
            });
        }
    }

    std::deque<Work> waiting;
    std::list<Work> under_way;
    std::size_t idle = 0;
};

Worker::Worker(const std::string&, std::size_t threads) : state_(std::make_shared<State>()) {
    state_->idle = threads;
}

Worker::~Worker() {
    abandon();
    const auto state = std::exchange(state_, nullptr);
    if (simulation::Machine::current()->dying) return;
    for (Work& work : state->under_way)
        work();
    while (!state->waiting.empty()) {
        Work work = std::move(state->waiting.front());
        state->waiting.pop_front();
        work();
    }
}

void Worker::post(Work work) {
    state_->waiting.push_back(std::move(work));
    state_->begin();
}

// Nothing to do: the events of a worker that is gone do nothing.
void Worker::abandon() {}

}  // namespace mailramp::io
