#include "mailramp/io/worker.h"

#include <future>
#include <optional>
#include <thread>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <pthread.h>

#include "mailramp/io/timer.h"
#include "unit/io/loop.h"

namespace mailramp::io {
namespace {

using testing::Loop;

Task<int> add_on(Worker& worker, int a, int b) {
    auto work = [a, b] { return a + b; };
    co_return co_await offload(worker, std::move(work));
}

Task<bool> comes_back_to(Worker& worker, std::thread::id loop_thread) {
    std::thread::id worker_thread;
    auto work = [&worker_thread] { worker_thread = std::this_thread::get_id(); };
    co_await offload(worker, std::move(work));
    co_return worker_thread != loop_thread&& std::this_thread::get_id() == loop_thread;
}

Task<std::string> name_of(Worker& worker) {
    auto work = [] {
        std::array<char, 16> name{};
        pthread_getname_np(pthread_self(), name.data(), name.size());
        return std::string(name.data());
    };
    co_return co_await offload(worker, std::move(work));
}

Task<std::unique_ptr<int>> move_only(Worker& worker) {
    auto work = [value = std::make_unique<int>(42)]() mutable { return std::move(value); };
    co_return co_await offload(worker, std::move(work));
}

Task<> wait_for_gate(Worker& worker, std::shared_future<void> gate) {
    auto work = [gate] { gate.wait(); };
    co_await offload(worker, std::move(work));
}

TEST(Offload, ReturnsWhatTheWorkReturned) {
    Loop loop;
    Worker worker("test");
    EXPECT_EQ(loop.run(add_on(worker, 40, 2)), 42);
}

TEST(Offload, RunsElsewhereAndGoesOnOnTheEventLoop) {
    Loop loop;
    Worker worker("test");
    EXPECT_TRUE(loop.run(comes_back_to(worker, std::this_thread::get_id())));
}

TEST(Offload, CarriesValuesThatCanOnlyBeMoved) {
    Loop loop;
    Worker worker("test");
    EXPECT_EQ(*loop.run(move_only(worker)), 42);
}

TEST(Worker, NamesItsThreads) {
    Loop loop;
    Worker worker("a name that is far too long");
    EXPECT_EQ(loop.run(name_of(worker)), "a name that is ");
}

TEST(Worker, RunsInOrderAndFinishesBeforeItEnds) {
    std::vector<int> order;
    {
        Worker worker("test");
        for (int i = 0; i < 1000; ++i)
            worker.post([&order, i] { order.push_back(i); });
    }
    ASSERT_EQ(order.size(), 1000u);
    EXPECT_TRUE(std::ranges::is_sorted(order));
}

TEST(Worker, WithTwoThreadsDoesTwoThingsAtOnce) {
    std::promise<void> first_runs;
    std::promise<void> second_runs;
    Worker worker("test", 2);
    worker.post([&] {
        first_runs.set_value();
        second_runs.get_future().wait();
    });
    first_runs.get_future().wait();
    worker.post([&] { second_runs.set_value(); });
}

TEST(Offload, MayFinishAfterItsEventLoopIsGone) {
    std::promise<void> gate;
    Worker worker("test");
    std::optional<Loop> loop(std::in_place);
    loop->spawn(wait_for_gate(worker, gate.get_future().share()));
    loop->context().poll();
    loop.reset();
    gate.set_value();
}

TEST(Worker, AbandonedDropsWhatHasNotStartedAndDoesNotWait) {
    std::promise<void> gate;
    std::promise<void> started;
    std::promise<void> ended;
    bool dropped_ran = false;
    {
        Worker worker("test");
        worker.post([&] {
            started.set_value();
            gate.get_future().wait();
            ended.set_value();
        });
        started.get_future().wait();
        worker.post([&dropped_ran] { dropped_ran = true; });
        worker.abandon();
        worker.post([&dropped_ran] { dropped_ran = true; });
    }
    gate.set_value();
    ended.get_future().wait();
    EXPECT_FALSE(dropped_ran);
}

}  // namespace
}  // namespace mailramp::io
