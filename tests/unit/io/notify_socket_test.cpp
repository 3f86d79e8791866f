#include "mailramp/io/notify_socket.h"

#include <array>
#include <cstddef>
#include <cstring>
#include <filesystem>
#include <string>

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

namespace mailramp::io {
namespace {

namespace fs = std::filesystem;
using base::ErrorKind;

// The manager's end, bound as `name` says. Receives without waiting: a datagram is there once it was sent.
class Manager {
  public:
    explicit Manager(const std::string& name) : socket_(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0)) {
        sockaddr_un address{};
        address.sun_family = AF_UNIX;
        std::memcpy(address.sun_path, name.data(), name.size());
        const bool abstract = name.front() == '@';
        if (abstract) address.sun_path[0] = '\0';
        const std::size_t size = offsetof(sockaddr_un, sun_path) + name.size() + (abstract ? 0 : 1);
        EXPECT_EQ(::bind(socket_, reinterpret_cast<const sockaddr*>(&address), static_cast<socklen_t>(size)),
                  0);
    }
    ~Manager() { ::close(socket_); }
    Manager(const Manager&) = delete;
    Manager& operator=(const Manager&) = delete;

    [[nodiscard]] std::string receive() const {
        std::array<char, 512> buffer{};
        const ssize_t got = ::recv(socket_, buffer.data(), buffer.size(), MSG_DONTWAIT);
        return got < 0 ? "nothing came" : std::string(buffer.data(), static_cast<std::size_t>(got));
    }

  private:
    int socket_;
};

class NotifySocketOf : public ::testing::Test {
  protected:
    NotifySocketOf() : folder_(fs::path(::testing::TempDir()) / ("notify-" + std::to_string(::getpid()))) {
        fs::create_directories(folder_);
    }
    ~NotifySocketOf() override { fs::remove_all(folder_); }

    [[nodiscard]] std::string path() const { return (folder_ / "notify").string(); }

  private:
    fs::path folder_;
};

TEST_F(NotifySocketOf, APathReachesIt) {
    const Manager manager(path());
    const auto socket = NotifySocket::open(path());
    ASSERT_TRUE(socket.has_value());
    EXPECT_TRUE(socket->send("READY=1\nSTATUS=all well").has_value());
    EXPECT_EQ(manager.receive(), "READY=1\nSTATUS=all well");
}

TEST_F(NotifySocketOf, AnAbstractNameReachesIt) {
    const std::string name = "@mailramp-test-" + std::to_string(::getpid());
    const Manager manager(name);
    const auto socket = NotifySocket::open(name);
    ASSERT_TRUE(socket.has_value());
    EXPECT_TRUE(socket->send("WATCHDOG=1").has_value());
    EXPECT_EQ(manager.receive(), "WATCHDOG=1");
}

TEST_F(NotifySocketOf, AManagerThatIsReplacedIsFoundAgain) {
    const auto socket = NotifySocket::open(path());
    ASSERT_TRUE(socket.has_value());
    const auto nobody = socket->send("READY=1");
    ASSERT_FALSE(nobody.has_value());
    EXPECT_EQ(nobody.error().kind, ErrorKind::io);
    for (int generation = 0; generation < 2; ++generation) {
        const Manager manager(path());
        EXPECT_TRUE(socket->send("READY=1").has_value());
        EXPECT_EQ(manager.receive(), "READY=1");
        fs::remove(path());
    }
}

TEST_F(NotifySocketOf, AManagerThatDoesNotReadIsNotWaitedFor) {
    const Manager manager(path());
    const auto socket = NotifySocket::open(path());
    ASSERT_TRUE(socket.has_value());
    constexpr int more_than_any_queue = 100'000;
    auto sent = socket->send("WATCHDOG=1");
    for (int number = 0; sent && number < more_than_any_queue; ++number)
        sent = socket->send("WATCHDOG=1");
    ASSERT_FALSE(sent.has_value());
    EXPECT_EQ(sent.error().kind, ErrorKind::unavailable);
    EXPECT_EQ(manager.receive(), "WATCHDOG=1");
    EXPECT_TRUE(socket->send("WATCHDOG=1").has_value());
}

TEST(NotifySocketName, MustBeOneOfSystemds) {
    for (const char* name : {"", "@", "/", "run/notify", "vsock:2:1234"}) {
        const auto socket = NotifySocket::open(name);
        ASSERT_FALSE(socket.has_value()) << name;
        EXPECT_EQ(socket.error().kind, ErrorKind::invalid) << name;
    }
    const std::size_t longest = sizeof(sockaddr_un::sun_path) - 1;
    EXPECT_TRUE(NotifySocket::open("/" + std::string(longest - 1, 'a')).has_value());
    EXPECT_FALSE(NotifySocket::open("/" + std::string(longest, 'a')).has_value());
}

}  // namespace
}  // namespace mailramp::io
