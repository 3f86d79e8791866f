#include "mailramp/io/worker.h"

#include <condition_variable>
#include <deque>
#include <mutex>
#include <thread>
#include <utility>
#include <vector>

#include "io/thread.h"

namespace mailramp::io {

struct Worker::State {
    enum class Mode { running, finishing, abandoned };

    std::mutex mutex;
    std::condition_variable posted;
    std::deque<Work> waiting;
    std::size_t idle = 0;
    Mode mode = Mode::running;
    std::vector<std::thread> threads;  // touched by the owner of the Worker only

    // The life of one thread.
    void serve() {
        std::unique_lock lock(mutex);
        for (;;) {
            if (waiting.empty()) {
                if (mode != Mode::running) return;
                ++idle;
                posted.wait(lock);
                --idle;
                continue;
            }
            Work work = std::move(waiting.front());
            waiting.pop_front();
            lock.unlock();
            work();
            work = nullptr;  // What it captured ends without the lock.
            lock.lock();
        }
    }
};

Worker::Worker(const std::string& name, std::size_t threads) : state_(std::make_shared<State>()) {
    for (std::size_t i = 0; i < threads; ++i)
        state_->threads.push_back(start_thread(name, [state = state_] { state->serve(); }));
}

Worker::~Worker() {
    {
        const std::lock_guard lock(state_->mutex);
        if (state_->mode == State::Mode::abandoned) return;
        state_->mode = State::Mode::finishing;
    }
    state_->posted.notify_all();
    for (std::thread& thread : state_->threads)
        thread.join();
}

void Worker::post(Work work) {
    bool wake = false;
    {
        const std::lock_guard lock(state_->mutex);
        if (state_->mode == State::Mode::abandoned) return;
        state_->waiting.push_back(std::move(work));
        wake = state_->idle > 0;
    }
    if (wake) state_->posted.notify_one();
}

void Worker::abandon() {
    std::deque<Work> dropped;  // destroyed after the lock
    {
        const std::lock_guard lock(state_->mutex);
        if (state_->mode == State::Mode::abandoned) return;
        state_->mode = State::Mode::abandoned;
        dropped.swap(state_->waiting);
    }
    state_->posted.notify_all();
    for (std::thread& thread : state_->threads)
        thread.detach();
}

}  // namespace mailramp::io
