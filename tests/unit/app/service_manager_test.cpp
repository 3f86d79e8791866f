#include "app/service_manager.h"

#include <array>
#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "mailramp/base/result.h"
#include "mailramp/io/notify_socket.h"

namespace mailramp::app {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr pid_t own = 42;
constexpr base::Duration none{};

TEST(ManagerTermsRead, WithoutAManagerAreNone) {
    EXPECT_EQ(read_manager_terms(nullptr, nullptr, nullptr, own).socket, "");
    EXPECT_EQ(read_manager_terms("", "1000000", nullptr, own).watchdog_pause, none);
}

TEST(ManagerTermsRead, OfAWatchdogAreASignOfLifeInHalfItsTime) {
    EXPECT_EQ(read_manager_terms("/run/notify", "30000000", "42", own).watchdog_pause, seconds(15));
    EXPECT_EQ(read_manager_terms("/run/notify", "5000", nullptr, own).watchdog_pause,
              std::chrono::microseconds(2500));
}

TEST(ManagerTermsRead, IgnoreAWatchdogOfAnotherProcess) {
    EXPECT_EQ(read_manager_terms("/run/notify", "30000000", "43", own).watchdog_pause, none);
    EXPECT_EQ(read_manager_terms("/run/notify", "30000000", "", own).watchdog_pause, none);
}

TEST(ManagerTermsRead, IgnoreAWatchdogThatIsNoTime) {
    for (const char* period : {"", "0", "1", "-5", "30s", "18446744073709551615", "99999999999999999999"}) {
        const ManagerTerms terms = read_manager_terms("@manager", period, nullptr, own);
        EXPECT_EQ(terms.watchdog_pause, none) << period;
        EXPECT_EQ(terms.socket, "@manager");
    }
}

TEST(Notification, HasALineForTheStateAndOneForTheStatus) {
    EXPECT_EQ(notification(line_of(Notice::ready), "taking mail"), "READY=1\nSTATUS=taking mail\n");
    EXPECT_EQ(notification(line_of(Notice::stopping), "bye"), "STOPPING=1\nSTATUS=bye\n");
    EXPECT_EQ(notification(line_of(Notice::status), "x"), "STATUS=x\n");
}

TEST(Notification, TakesNoSecondLineFromItsStatus) {
    EXPECT_EQ(notification(line_of(Notice::status), "a\nREADY=1"), "STATUS=a?READY=1\n");
    EXPECT_LT(notification(line_of(Notice::status), std::string(100'000, 'x')).size(), 600U);
}

Standing standing(std::uint64_t messages, std::uint64_t held = 0) {
    Standing result;
    result.counts = queue::QueueCounts{};
    result.counts->messages = messages;
    result.counts->held = held;
    return result;
}

TEST(StandingOfADaemon, IsToldWithWhatWaits) {
    EXPECT_EQ(describe(Standing()), "taking mail");
    EXPECT_EQ(describe(standing(0)), "taking mail; 0 messages queued");
    EXPECT_EQ(describe(standing(1)), "taking mail; 1 message queued");
    EXPECT_EQ(describe(standing(12, 2)),
              "taking mail; 12 messages queued; 2 recipients held for you "
              "(see mailramp queue list --state held)");
}

TEST(StandingOfADaemon, NamesThePausedMailboxes) {
    Standing one = standing(3);
    one.paused = {"alerts"};
    EXPECT_EQ(describe(one), "taking mail; 3 messages queued; paused: alerts (see mailramp status)");
    one.paused = {"a", "b", "c", "d", "e"};
    EXPECT_EQ(describe(one),
              "taking mail; 3 messages queued; paused: a, b, c and 2 more (see mailramp status)");
}

TEST(StandingOfADaemon, BeginsWithWhatIsWrong) {
    Standing bad = standing(3);
    bad.trouble = "the disk is full";
    EXPECT_EQ(describe(bad), "NOT READY: the disk is full; 3 messages queued");
}

TEST(ServiceManagerOfNobody, IsToldNothingAndNeedsNoWatchdog) {
    ServiceManager nobody({}, base::Logger());
    nobody.tell(Notice::ready, "taking mail");
    std::vector<std::string> events;
    const base::Logger::Sink sink = [&events](const base::LogRecord& record) {
        events.emplace_back(record.event);
    };
    const base::Logger logger(&sink, base::LogLevel::debug);
    ServiceManager deaf({.socket = "vsock:2:1", .watchdog_pause = milliseconds(1)}, logger);
    deaf.tell(Notice::ready, "taking mail");
    EXPECT_THAT(events, ::testing::ElementsAre("notify_failed"));
}

TEST(ServiceManagerThatIsGone, IsMentionedOnce) {
    std::vector<std::string> events;
    const base::Logger::Sink sink = [&events](const base::LogRecord& record) {
        events.emplace_back(record.event);
    };
    const base::Logger logger(&sink, base::LogLevel::debug);
    ServiceManager gone({.socket = "/nonexistent/notify", .watchdog_pause = {}}, logger);
    gone.tell(Notice::ready, "taking mail");
    gone.tell(Notice::status, "taking mail; 1 message queued");
    EXPECT_THAT(events, ::testing::ElementsAre("notify_failed"));
}

// The manager's end of the socket, of which nothing is read until a test does.
class BusyManager {
  public:
    BusyManager() : end_(socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)) {
        sockaddr_un address{};
        address.sun_family = AF_UNIX;
        socklen_t size = sizeof(sa_family_t);  // the system names it, abstractly
        base::check(bind(end_, reinterpret_cast<const sockaddr*>(&address), size) == 0, "bind");
        size = sizeof address;
        base::check(getsockname(end_, reinterpret_cast<sockaddr*>(&address), &size) == 0, "getsockname");
        const std::size_t path = size - offsetof(sockaddr_un, sun_path);
        name_ = "@" + std::string(address.sun_path + 1, path - 1);
    }
    BusyManager(const BusyManager&) = delete;
    BusyManager& operator=(const BusyManager&) = delete;
    ~BusyManager() { close(end_); }

    [[nodiscard]] const std::string& name() const { return name_; }

    // Other services' news, until no more fit.
    void fill() const {
        auto other = io::NotifySocket::open(name_);
        base::check(other.has_value(), "the manager's socket");
        constexpr int datagrams_max = 100'000;
        int sent = 0;
        while (sent < datagrams_max && other->send("STATUS=other\n"))
            ++sent;
        base::check(sent < datagrams_max, "the queue of datagrams has an end");
    }

    [[nodiscard]] std::vector<std::string> heard() const {
        std::vector<std::string> datagrams;
        std::array<char, 4096> buffer{};
        for (;;) {
            const ssize_t size = recv(end_, buffer.data(), buffer.size(), 0);
            if (size < 0) return datagrams;
            const std::string_view text(buffer.data(), static_cast<std::size_t>(size));
            if (text != "STATUS=other\n") datagrams.emplace_back(text);
        }
    }

  private:
    int end_;
    std::string name_;
};

TEST(ServiceManagerThatIsBusy, HearsWhatItMissedWithTheNextStatus) {
    const BusyManager busy;
    ServiceManager manager({.socket = busy.name(), .watchdog_pause = {}}, base::Logger());
    busy.fill();
    manager.tell(Notice::ready, "taking mail");
    EXPECT_THAT(busy.heard(), ::testing::IsEmpty());
    manager.tell(Notice::status, "taking mail");
    manager.tell(Notice::status, "taking mail");
    EXPECT_THAT(busy.heard(),
                ::testing::ElementsAre("READY=1\nSTATUS=taking mail\n", "STATUS=taking mail\n"));
    manager.tell(Notice::status, "taking mail");
    EXPECT_THAT(busy.heard(), ::testing::IsEmpty());
}

TEST(ServiceManagerThatIsBusy, HearsOfTheEndWithWhatItMissedBefore) {
    const BusyManager busy;
    ServiceManager manager({.socket = busy.name(), .watchdog_pause = {}}, base::Logger());
    busy.fill();
    manager.tell(Notice::ready, "taking mail");
    manager.tell(Notice::stopping, "stopping");
    manager.tell(Notice::stopping, "stopping");
    EXPECT_THAT(busy.heard(), ::testing::IsEmpty());
    manager.tell(Notice::stopping, "stopping");
    EXPECT_THAT(busy.heard(), ::testing::ElementsAre("READY=1\nSTOPPING=1\nSTATUS=stopping\n"));
}

}  // namespace
}  // namespace mailramp::app
