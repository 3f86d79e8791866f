#include "mailramp/io/stream.h"

#include <string>

#include <gtest/gtest.h>
#include <unistd.h>

#include "unit/io/loop.h"

namespace mailramp::io {
namespace {

using base::ErrorKind;
using testing::Loop;
using testing::Pair;
using testing::patient;
using namespace std::chrono_literals;

Task<std::string> exchange(Stream& from, Stream& to, std::string text) {
    std::array<char, 64> buffer{};
    auto written = co_await from.write(text, patient);
    if (!written) co_return "write: " + written.error().message;
    auto got = co_await to.read_some(buffer, patient);
    if (!got) co_return "read: " + got.error().message;
    co_return std::string(buffer.data(), *got);
}

Task<base::Result<std::size_t>> read(Stream& stream, base::Duration timeout) {
    std::array<char, 64> buffer{};
    co_return co_await stream.read_some(buffer, timeout);
}

Task<base::Result<>> write_all(Stream& stream, std::string text, base::Duration timeout) {
    co_return co_await stream.write(text, timeout);
}

Task<std::size_t> drain(Stream& stream, std::size_t wanted) {
    std::array<char, 8192> buffer{};
    std::size_t total = 0;
    while (total < wanted) {
        auto got = co_await stream.read_some(buffer, patient);
        if (!got) break;
        total += *got;
    }
    co_return total;
}

Task<> write_detached(Stream& stream, std::string text) {
    static_cast<void>(co_await write_all(stream, std::move(text), patient));
}

// Two reads, the second with the shorter deadline: the timer must be set again, earlier.
Task<bool> second_read_is_cut_short(Stream& reader, Stream& writer) {
    static_cast<void>(co_await write_all(writer, "x", patient));
    static_cast<void>(co_await read(reader, patient));
    auto cut = co_await read(reader, 5ms);
    co_return !cut && cut.error().kind == ErrorKind::timeout;
}

// Many operations whose timer rings early and must go back to sleep.
Task<bool> early_rings_do_no_harm(Stream& reader, Stream& writer) {
    const auto until = std::chrono::steady_clock::now() + 30ms;
    static_cast<void>(co_await write_all(writer, "x", patient));
    static_cast<void>(co_await read(reader, 10ms));
    while (std::chrono::steady_clock::now() < until) {
        auto text = co_await exchange(writer, reader, "ping");
        if (text != "ping") co_return false;
    }
    co_return true;
}

template <class T>
ErrorKind kind(const base::Result<T>& result) {
    EXPECT_FALSE(result.has_value());
    return result ? ErrorKind::internal : result.error().kind;
}

TEST(Stream, CarriesOctetsBothWays) {
    Loop loop;
    Pair pair(loop);
    EXPECT_EQ(loop.run(exchange(pair.left, pair.right, "hello")), "hello");
    EXPECT_EQ(loop.run(exchange(pair.right, pair.left, "hi")), "hi");
}

TEST(Stream, WritesMoreThanTheKernelTakesAtOnce) {
    Loop loop;
    Pair pair(loop);
    const std::size_t size = 4u << 20;
    loop.spawn(write_detached(pair.left, std::string(size, 'x')));
    EXPECT_EQ(loop.run(drain(pair.right, size)), size);
}

TEST(Stream, ReadThatGetsNothingEndsAtItsDeadline) {
    Loop loop;
    Pair pair(loop);
    EXPECT_EQ(kind(loop.run(read(pair.left, 5ms))), ErrorKind::timeout);
}

TEST(Stream, WriteThatNobodyReadsEndsAtItsDeadline) {
    Loop loop;
    Pair pair(loop);
    EXPECT_EQ(kind(loop.run(write_all(pair.left, std::string(4u << 20, 'x'), 5ms))), ErrorKind::timeout);
}

TEST(Stream, IsClosedAfterADeadlinePassed) {
    Loop loop;
    Pair pair(loop);
    ASSERT_EQ(kind(loop.run(read(pair.left, 1ms))), ErrorKind::timeout);
    EXPECT_EQ(kind(loop.run(read(pair.right, patient))), ErrorKind::closed);
    EXPECT_TRUE(pair.left.readable_or_closed());
}

TEST(Stream, AShorterDeadlineMovesTheWatchdogForward) {
    Loop loop;
    Pair pair(loop);
    EXPECT_TRUE(loop.run(second_read_is_cut_short(pair.left, pair.right)));
}

TEST(Stream, AWatchdogThatRingsEarlyGoesBackToSleep) {
    Loop loop;
    Pair pair(loop);
    EXPECT_TRUE(loop.run(early_rings_do_no_harm(pair.left, pair.right)));
}

TEST(Stream, EndOfTheOtherSideIsClosed) {
    Loop loop;
    Pair pair(loop);
    pair.right.close();
    EXPECT_EQ(kind(loop.run(read(pair.left, patient))), ErrorKind::closed);
    EXPECT_EQ(kind(loop.run(write_all(pair.left, "x", patient))), ErrorKind::closed);
}

TEST(Stream, CloseEndsAPendingRead) {
    Loop loop;
    Pair pair(loop);
    EXPECT_EQ(kind(loop.run(read(pair.left, patient), [&] { pair.left.close(); })), ErrorKind::closed);
}

TEST(Stream, MayBeDestroyedWhileItsWatchdogIsSet) {
    Loop loop;
    {
        Pair pair(loop);
        EXPECT_EQ(loop.run(exchange(pair.left, pair.right, "x")), "x");
    }
    loop.context().restart();
    loop.context().run();  // ends: nothing waits for the deadlines of streams that are gone
}

TEST(Stream, MayOutliveItsDeadlinesTogetherWithTheLoop) {
    auto loop = std::make_unique<Loop>();
    auto pair = std::make_unique<Pair>(*loop);
    loop->spawn(write_detached(pair->left, std::string(4u << 20, 'x')));
    loop->context().poll();
    pair.reset();
    loop.reset();
}

TEST(Stream, KnowsWhetherAnIdleConnectionIsStillClean) {
    Loop loop;
    Pair pair(loop);
    EXPECT_FALSE(pair.left.readable_or_closed());
    ASSERT_TRUE(loop.run(write_all(pair.right, "421 too late", patient)));
    EXPECT_TRUE(pair.left.readable_or_closed());
    EXPECT_FALSE(pair.right.readable_or_closed());
    pair.left.close();
    EXPECT_TRUE(pair.right.readable_or_closed());
}

TEST(Stream, NamesAUnixPeerLocal) {
    Loop loop;
    Pair pair(loop);
    EXPECT_EQ(pair.left.peer_address(), "local");
    EXPECT_FALSE(pair.left.is_tls());
}

TEST(Stream, RefusesASocketThatIsNotConnected) {
    Loop loop;
    const int lonely = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    EXPECT_EQ(kind(Stream::adopt(loop.executor(), lonely)), ErrorKind::io);
    EXPECT_EQ(::close(lonely), -1);  // adopt() closed it
}

}  // namespace
}  // namespace mailramp::io
