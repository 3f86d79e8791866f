#include "mailramp/delivery/budget_store.h"

#include <chrono>
#include <exception>
#include <optional>
#include <utility>

#include <gtest/gtest.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>

#include "unit/delivery/world.h"

namespace mailramp::delivery {
namespace {

using namespace std::chrono_literals;

// Runs what answers at once.
template <class T>
T now(io::Task<T> task) {
    boost::asio::io_context context;
    std::optional<T> result;
    const auto note = [&](const std::exception_ptr&, T value) { result = std::move(value); };
    boost::asio::co_spawn(context, std::move(task), note);
    context.run();
    return std::move(result.value());
}

class LocalBudgetStore : public ::testing::Test {
  protected:
    LocalBudgetStore() { store->open("m", {.messages_max = 2, .window = 60s, .connections_max = 1}, ""); }

    BudgetAnswer acquire(Lendable what, base::Duration lease = 30s) {
        BudgetRequest request;
        request.mailbox = "m";
        request.what = what;
        request.lease = lease;
        return now(store->acquire(request)).value();
    }
    void advance(base::Duration by) { clock.advance(clock.steady() + by); }

    testing::ManualClock clock;
    std::unique_ptr<BudgetStore> store = make_local_budget_store(clock);
};

TEST_F(LocalBudgetStore, LendsPermitsUpToTheWindow) {
    const BudgetAnswer first = acquire(Lendable::permit);
    ASSERT_TRUE(first.lease);
    ASSERT_TRUE(acquire(Lendable::permit).lease);
    EXPECT_TRUE(now(store->release(*first.lease, LeaseUse::used)));
    const BudgetAnswer third = acquire(Lendable::permit);
    EXPECT_FALSE(third.lease);
    EXPECT_EQ(third.ask_again, clock.steady() + 60s);
    EXPECT_EQ(store->usage("m").messages, 2U);
}

TEST_F(LocalBudgetStore, LendsAConnectionAgainTheMomentItIsBack) {
    const BudgetAnswer first = acquire(Lendable::connection);
    ASSERT_TRUE(first.lease);
    EXPECT_FALSE(acquire(Lendable::connection).lease);
    EXPECT_EQ(store->usage("m").connections, 1U);
    EXPECT_TRUE(now(store->release(*first.lease, LeaseUse::used)));
    EXPECT_TRUE(acquire(Lendable::connection).lease);
}

TEST_F(LocalBudgetStore, TakesAForgottenLeaseBack) {
    const BudgetAnswer connection = acquire(Lendable::connection, 30s);
    const BudgetAnswer permit = acquire(Lendable::permit, 30s);
    advance(30s);
    EXPECT_FALSE(now(store->renew(*connection.lease, 30s)));
    EXPECT_FALSE(now(store->renew(*permit.lease, 30s)));
    EXPECT_TRUE(acquire(Lendable::connection).lease);
    EXPECT_EQ(store->usage("m").messages, 1U);  // as used
}

TEST_F(LocalBudgetStore, ExtendsALease) {
    const BudgetAnswer permit = acquire(Lendable::permit, 30s);
    advance(20s);
    EXPECT_TRUE(now(store->renew(*permit.lease, 10min)));
    advance(9min);
    EXPECT_TRUE(now(store->renew(*permit.lease, 10min)));
}

TEST_F(LocalBudgetStore, HandsItsRecordToTheNextRun) {
    const BudgetAnswer permit = acquire(Lendable::permit);
    EXPECT_TRUE(now(store->release(*permit.lease, LeaseUse::used)));
    const auto next = make_local_budget_store(clock);
    next->open("m", {.messages_max = 2, .window = 60s, .connections_max = 1}, store->record("m"));
    EXPECT_EQ(next->usage("m").messages, 1U);
    EXPECT_EQ(next->usage("m").messages_max, 2U);
}

TEST_F(LocalBudgetStore, KnowsOnlyMailboxesThatWereOpened) {
    BudgetRequest request;
    request.mailbox = "other";
    const auto refused = now(store->acquire(request));
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().kind, base::ErrorKind::not_found);
    EXPECT_EQ(store->record("other"), "");
    EXPECT_EQ(store->usage("other").messages_max, 0U);
}

}  // namespace
}  // namespace mailramp::delivery
