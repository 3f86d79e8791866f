#include "mailramp/io/listener.h"

#include <filesystem>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <boost/asio/steady_timer.hpp>

#include "mailramp/io/connect.h"
#include "unit/io/loop.h"

namespace mailramp::io {
namespace {

namespace fs = std::filesystem;
using base::ErrorKind;
using ::testing::HasSubstr;
using testing::Loop;
using testing::patient;
using namespace std::chrono_literals;

Task<base::Result<Stream>> accept_one(Listener& listener) {
    co_return co_await listener.accept();
}

Task<base::Result<Stream>> reach(Endpoint endpoint) {
    std::vector<Endpoint> endpoints(1, endpoint);
    co_return co_await connect(std::move(endpoints), ConnectOptions());
}

Task<> reach_detached(Endpoint endpoint, base::Result<Stream>& result) {
    result = co_await reach(endpoint);
}

base::Result<Stream> nothing() {
    return base::fail(ErrorKind::internal, "not yet");
}

class UnixSocket : public ::testing::Test {
  protected:
    UnixSocket() { fs::create_directories(directory_); }
    ~UnixSocket() override { fs::remove_all(directory_); }
    fs::path directory_ = fs::temp_directory_path() / ("mailramp-listener-" + std::to_string(::getpid()));
    fs::path path_ = directory_ / "admin.sock";
    Loop loop_;
};

bool can_connect(const fs::path& path) {
    sockaddr_un name{};
    name.sun_family = AF_UNIX;
    path.string().copy(name.sun_path, sizeof name.sun_path - 1);
    const int socket = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    const bool good = ::connect(socket, reinterpret_cast<sockaddr*>(&name), sizeof name) == 0;
    ::close(socket);
    return good;
}

mode_t mode_of(const fs::path& path) {
    struct stat info{};
    EXPECT_EQ(::lstat(path.c_str(), &info), 0);
    return info.st_mode & 07777;
}

TEST(Listener, AcceptsOnAPortThatTheKernelChose) {
    Loop loop;
    auto listener = Listener::bind_tcp(loop.executor(), {"127.0.0.1", 0}, 10);
    ASSERT_TRUE(listener.has_value());
    ASSERT_NE(listener->endpoint().port, 0);
    EXPECT_EQ(listener->name(), "127.0.0.1:" + std::to_string(listener->endpoint().port));
    auto client = nothing();
    loop.spawn(reach_detached(listener->endpoint(), client));
    auto server = loop.run(accept_one(*listener));
    ASSERT_TRUE(server.has_value());
    EXPECT_EQ(server->peer_address(), "127.0.0.1");
}

TEST(Listener, AcceptsABacklogLongerThanItsTurn) {
    Loop loop;
    auto listener = Listener::bind_tcp(loop.executor(), {"127.0.0.1", 0}, 100).value();
    std::vector<Stream> clients;
    for (int i = 0; i < 40; ++i)
        clients.push_back(loop.run(reach(listener.endpoint())).value());
    for (int i = 0; i < 40; ++i)
        EXPECT_TRUE(loop.run(accept_one(listener)).has_value());
}

TEST(Listener, SaysThatAPortIsTaken) {
    Loop loop;
    auto first = Listener::bind_tcp(loop.executor(), {"127.0.0.1", 0}, 10).value();
    const auto second = Listener::bind_tcp(loop.executor(), first.endpoint(), 10);
    ASSERT_FALSE(second.has_value());
    EXPECT_EQ(second.error().kind, ErrorKind::conflict);
    EXPECT_THAT(second.error().message, HasSubstr(first.name()));
}

TEST(Listener, SaysThatAnAddressIsNotOfThisMachine) {
    Loop loop;
    const auto listener = Listener::bind_tcp(loop.executor(), {"192.0.2.1", 0}, 10);
    ASSERT_FALSE(listener.has_value());
    EXPECT_EQ(listener.error().kind, ErrorKind::unavailable);
    EXPECT_EQ(Listener::bind_tcp(loop.executor(), {"localhost", 0}, 10).error().kind, ErrorKind::invalid);
}

TEST(Listener, CloseEndsAPendingAccept) {
    Loop loop;
    auto listener = Listener::bind_tcp(loop.executor(), {"127.0.0.1", 0}, 10).value();
    const auto result = loop.run(accept_one(listener), [&] { listener.close(); });
    ASSERT_FALSE(result.has_value());
    EXPECT_EQ(result.error().kind, ErrorKind::closed);
    EXPECT_EQ(loop.run(accept_one(listener)).error().kind, ErrorKind::closed);
}

TEST(Listener, DestructionEndsAPendingAccept) {
    Loop loop;
    auto listener =
        std::make_unique<Listener>(Listener::bind_tcp(loop.executor(), {"127.0.0.1", 0}, 10).value());
    const auto result = loop.run(accept_one(*listener), [&] { listener.reset(); });
    ASSERT_FALSE(result.has_value());
    EXPECT_EQ(result.error().kind, ErrorKind::closed);
}

TEST(Listener, AdoptsAnInheritedSocketAndLeavesItsBacklog) {
    Loop loop;
    const int inherited = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    ASSERT_EQ(::listen(inherited, 10), 0);
    const int managers_copy = ::dup(inherited);
    auto first = Listener::adopt(loop.executor(), inherited).value();
    const Endpoint endpoint{"127.0.0.1", first.endpoint().port};
    auto client = loop.run(reach(endpoint));
    ASSERT_TRUE(client.has_value());
    first.close();
    auto successor = Listener::adopt(loop.executor(), managers_copy).value();
    EXPECT_TRUE(loop.run(accept_one(successor)).has_value());
}

TEST(Listener, DoesNotAdoptASocketThatDoesNotListen) {
    Loop loop;
    const auto result = Listener::adopt(loop.executor(), ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    ASSERT_FALSE(result.has_value());
    EXPECT_EQ(result.error().kind, ErrorKind::invalid);
}

TEST(Listener, OutlivesAShortageOfFileDescriptors) {
    Loop loop;
    auto listener = Listener::bind_tcp(loop.executor(), {"127.0.0.1", 0}, 10).value();
    auto client = loop.run(reach(listener.endpoint()));
    ASSERT_TRUE(client.has_value());
    rlimit before{};
    ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &before), 0);
    rlimit none = before;
    none.rlim_cur = 0;
    ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &none), 0);
    asio::steady_timer relief(loop.context(), 20ms);
    relief.async_wait([&](const boost::system::error_code&) { ::setrlimit(RLIMIT_NOFILE, &before); });
    auto server = loop.run(accept_one(listener));
    ::setrlimit(RLIMIT_NOFILE, &before);
    EXPECT_TRUE(server.has_value());
}

TEST_F(UnixSocket, HasTheModeAskedForWhateverTheUmask) {
    const mode_t before = ::umask(0077);
    auto listener = Listener::bind_unix(loop_.executor(), path_, 0660);
    ::umask(before);
    ASSERT_TRUE(listener.has_value());
    EXPECT_EQ(mode_of(path_), 0660u);
    EXPECT_EQ(listener->name(), path_.string());
    EXPECT_EQ(listener->endpoint().port, 0);
}

TEST_F(UnixSocket, AcceptsAndIsRemovedAtItsEnd) {
    {
        auto listener = Listener::bind_unix(loop_.executor(), path_, 0600).value();
        ASSERT_TRUE(can_connect(path_));
        auto server = loop_.run(accept_one(listener));
        ASSERT_TRUE(server.has_value());
        EXPECT_EQ(server->peer_address(), "local");
    }
    EXPECT_FALSE(fs::exists(path_));
}

TEST_F(UnixSocket, ReplacesAFileNobodyListensOn) {
    sockaddr_un name{};
    name.sun_family = AF_UNIX;
    path_.string().copy(name.sun_path, sizeof name.sun_path - 1);
    const int dead = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    ASSERT_EQ(::bind(dead, reinterpret_cast<sockaddr*>(&name), sizeof name), 0);
    ::close(dead);
    ASSERT_TRUE(fs::exists(path_));
    EXPECT_TRUE(Listener::bind_unix(loop_.executor(), path_, 0600).has_value());
}

TEST_F(UnixSocket, LeavesALivingListenerAlone) {
    auto first = Listener::bind_unix(loop_.executor(), path_, 0600).value();
    const auto second = Listener::bind_unix(loop_.executor(), path_, 0600);
    ASSERT_FALSE(second.has_value());
    EXPECT_EQ(second.error().kind, ErrorKind::conflict);
    EXPECT_TRUE(can_connect(path_));
}

TEST_F(UnixSocket, DoesNotRemoveItsSuccessor) {
    auto first = Listener::bind_unix(loop_.executor(), path_, 0600).value();
    fs::remove(path_);
    auto second = Listener::bind_unix(loop_.executor(), path_, 0600).value();
    first.close();
    EXPECT_TRUE(can_connect(path_));
}

TEST_F(UnixSocket, DoesNotReplaceAFileOfAnotherKind) {
    fs::create_directory(path_);
    EXPECT_EQ(Listener::bind_unix(loop_.executor(), path_, 0600).error().kind, ErrorKind::conflict);
    EXPECT_EQ(Listener::bind_unix(loop_.executor(), directory_ / std::string(200, 'x'), 0600).error().kind,
              ErrorKind::invalid);
}

}  // namespace
}  // namespace mailramp::io
