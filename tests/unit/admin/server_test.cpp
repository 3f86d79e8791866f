#include "mailramp/admin/server.h"

#include <cerrno>
#include <chrono>
#include <cstring>
#include <filesystem>
#include <list>
#include <memory>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <grp.h>
#include <gtest/gtest.h>
#include <pwd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>

#include "fake_store.h"

namespace mailramp::admin {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::EndsWith;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::StartsWith;

constexpr std::string_view status_request = "GET /v1/status HTTP/1.1\r\nHost: localhost\r\n\r\n";
// Longer than anything here can take; only a failing test waits for it.
constexpr std::chrono::seconds patience(10);

class TemporaryFolder {
  public:
    TemporaryFolder() {
        std::string name = (std::filesystem::temp_directory_path() / "mailramp-admin-XXXXXX").string();
        if (::mkdtemp(name.data()) == nullptr) throw std::runtime_error("mkdtemp");
        path_ = name;
    }
    ~TemporaryFolder() {
        std::error_code ignored;
        std::filesystem::remove_all(path_, ignored);
    }
    TemporaryFolder(const TemporaryFolder&) = delete;
    TemporaryFolder& operator=(const TemporaryFolder&) = delete;
    [[nodiscard]] const std::filesystem::path& path() const { return path_; }

  private:
    std::filesystem::path path_;
};

// A raw client that lets the event loop run whenever it would have to wait.
class Client {
  public:
    Client(boost::asio::io_context& loop, const std::filesystem::path& path) : loop_(loop) {
        fd_ = ::socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
        sockaddr_un address{};
        address.sun_family = AF_UNIX;
        std::strncpy(address.sun_path, path.c_str(), sizeof address.sun_path - 1);
        const auto* generic = static_cast<const sockaddr*>(static_cast<const void*>(&address));
        EXPECT_EQ(::connect(fd_, generic, sizeof address), 0) << std::strerror(errno);
    }
    ~Client() { leave(); }
    Client(const Client&) = delete;
    Client& operator=(const Client&) = delete;

    void send(std::string_view text) {
        EXPECT_EQ(::send(fd_, text.data(), text.size(), MSG_NOSIGNAL), static_cast<ssize_t>(text.size()));
    }
    void leave() {
        if (fd_ >= 0) ::close(fd_);
        fd_ = -1;
    }

    // What has come by the time the server has nothing more to do at once.
    std::string read_now() {
        loop_.restart();
        while (loop_.poll() > 0) {
        }
        receive();
        return std::exchange(text_, {});
    }
    // Up to and with `end`.
    std::string read_until(std::string_view end) {
        receive();
        while (text_.find(end) == std::string::npos && !closed_ && wait())
            receive();
        const std::size_t found = text_.find(end);
        const std::size_t length = found == std::string::npos ? text_.size() : found + end.size();
        std::string out = text_.substr(0, length);
        text_.erase(0, length);
        return out;
    }
    // Everything until the server closes.
    std::string read_all() {
        receive();
        while (!closed_ && wait())
            receive();
        EXPECT_TRUE(closed_) << "the server did not close";
        return std::exchange(text_, {});
    }

  private:
    void receive() {
        char buffer[4096];
        for (;;) {
            const ssize_t count = ::recv(fd_, buffer, sizeof buffer, 0);
            if (count <= 0) {
                closed_ =
                    count == 0 || errno != EAGAIN;  // an orderly end, or a reset since we had more to say
                return;
            }
            text_.append(buffer, static_cast<std::size_t>(count));
        }
    }
    // Lets the server do one thing.
    bool wait() {
        loop_.restart();
        return loop_.run_one_for(patience) > 0;
    }

    boost::asio::io_context& loop_;
    int fd_ = -1;
    bool closed_ = false;
    std::string text_;
};

class ServerTest : public testing::Test {
  protected:
    ~ServerTest() override {
        if (server_) server_->stop();
        loop.restart();
        loop.run_for(patience);
        EXPECT_TRUE(ended) << "run() returns after stop()";
    }

    void start() {
        options.socket = folder.path() / "run" / "admin.sock";
        sink = [this](const base::LogRecord& record) {
            std::string line(record.event);
            for (const base::LogField& field : record.fields)
                line += " " + std::string(field.key) + "=" + field.value;
            log.push_back(line);
        };
        AdminContext context{clock,
                             store,
                             "0.1.0",
                             [] { return std::vector<std::string>{}; },
                             [] { return std::vector<delivery::MailboxStatus>{}; },
                             [] { return std::vector<TokenState>{}; },
                             [] {},
                             [](const std::string&) { return base::Result<>(); },
                             [] { return std::vector<CounterGroup>{}; },
                             {}};
        auto created = Server::create(options, loop.get_executor(), std::move(context),
                                      base::Logger(&sink, base::LogLevel::info));
        ASSERT_TRUE(created) << created.error().message;
        server_ = std::move(*created);
        ended = false;
        auto work = server_->run();
        boost::asio::co_spawn(loop, std::move(work), [this](std::exception_ptr error) {
            EXPECT_FALSE(error);
            ended = true;
        });
    }

    Client client() { return Client(loop, options.socket); }

    TemporaryFolder folder;
    boost::asio::io_context loop;
    AdminOptions options;
    FakeStore store;
    FakeClock clock;
    base::Logger::Sink sink;
    std::vector<std::string> log;
    bool ended = true;
    std::unique_ptr<Server> server_;
};

TEST_F(ServerTest, MakesTheFolderAndTheSocketWithItsMode) {
    options.socket_mode = 0620;
    start();
    struct stat status{};
    ASSERT_EQ(::stat(options.socket.c_str(), &status), 0);
    EXPECT_TRUE(S_ISSOCK(status.st_mode));
    EXPECT_EQ(status.st_mode & 07777, 0620u);
}

TEST_F(ServerTest, LetsTheGroupReachTheSocketWhateverTheUmask) {
    const mode_t before = ::umask(0077);
    start();
    ::umask(before);
    struct stat status{};
    ASSERT_EQ(::stat(options.socket.parent_path().c_str(), &status), 0);
    EXPECT_EQ(status.st_mode & 07777, 0755u);
    ASSERT_EQ(::stat(options.socket.c_str(), &status), 0);
    EXPECT_EQ(status.st_mode & 07777, 0660u);
}

TEST_F(ServerTest, GivesTheSocketToItsGroup) {
    const group* mine = ::getgrgid(::getegid());
    ASSERT_NE(mine, nullptr);
    options.group = mine->gr_name;
    start();
    struct stat status{};
    ASSERT_EQ(::stat(options.socket.c_str(), &status), 0);
    EXPECT_EQ(status.st_gid, ::getegid());
    EXPECT_EQ(status.st_mode & 07777, 0660u);
}

TEST_F(ServerTest, SaysHowToMakeAMissingGroup) {
    options.socket = folder.path() / "admin.sock";
    options.group = "mailramp-no-such-group";
    AdminContext context{clock, store, "", {}, {}, {}, {}, {}, {}, {}};
    const auto created = Server::create(options, loop.get_executor(), std::move(context), base::Logger());
    ASSERT_FALSE(created);
    EXPECT_THAT(created.error().message, HasSubstr("groupadd --system mailramp-no-such-group"));
}

TEST_F(ServerTest, SaysWhatToDoWhenTheFolderCannotBeMade) {
    options.socket = folder.path() / "not" / "there" / "admin.sock";
    AdminContext context{clock, store, "", {}, {}, {}, {}, {}, {}, {}};
    const auto created = Server::create(options, loop.get_executor(), std::move(context), base::Logger());
    ASSERT_FALSE(created);
    EXPECT_THAT(created.error().message, AllOf(HasSubstr("not/there"), HasSubstr("admin: socket:")));
}

TEST_F(ServerTest, RefusesASocketThatAnotherDaemonServes) {
    start();
    AdminContext context{clock, store, "", {}, {}, {}, {}, {}, {}, {}};
    const auto second = Server::create(options, loop.get_executor(), std::move(context), base::Logger());
    ASSERT_FALSE(second);
    EXPECT_EQ(second.error().kind, base::ErrorKind::conflict);
}

TEST_F(ServerTest, AnswersARequestThatComesInPieces) {
    start();
    Client one = client();
    one.send(status_request.substr(0, 7));
    EXPECT_THAT(one.read_now(), IsEmpty());
    one.send(status_request.substr(7));
    EXPECT_THAT(one.read_until("}\n"),
                AllOf(StartsWith("HTTP/1.1 200 OK\r\n"), HasSubstr("\"version\":\"0.1.0\"")));
}

TEST_F(ServerTest, AnswersSeveralRequestsOnOneConnection) {
    options.requests_per_connection_max = 2;
    start();
    Client one = client();
    one.send(status_request);
    EXPECT_THAT(one.read_until("}\n"), StartsWith("HTTP/1.1 200 OK\r\n"));
    one.send("HEAD /healthz HTTP/1.1\r\nHost: x\r\n\r\n");
    EXPECT_THAT(one.read_all(), AllOf(HasSubstr("Connection: close\r\n"), EndsWith("\r\n\r\n")));
}

TEST_F(ServerTest, RefusesLongHeadersAndBodiesAndCloses) {
    options.header_bytes_max = 1024;
    start();
    Client header = client();
    header.send("GET / HTTP/1.1\r\nHost: x\r\nX: " + std::string(2000, 'x') + "\r\n\r\n");
    EXPECT_THAT(header.read_all(), StartsWith("HTTP/1.1 431 "));
    Client body = client();
    body.send("POST /v1/messages/retry HTTP/1.1\r\nHost: x\r\nContent-Length: 70000\r\n\r\n");
    EXPECT_THAT(body.read_all(), StartsWith("HTTP/1.1 413 "));
    EXPECT_THAT(store.orders, IsEmpty());
}

TEST_F(ServerTest, AnswersThePipelinedRequestAndRefusesTheGarbageBehindIt) {
    start();
    Client one = client();
    one.send("GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n\x01\x02\x03 garbage\r\n\r\n");
    const std::string all = one.read_all();
    EXPECT_THAT(all, StartsWith("HTTP/1.1 200 OK\r\n"));
    EXPECT_THAT(all, HasSubstr("HTTP/1.1 400 Bad Request\r\n"));
}

TEST_F(ServerTest, TellsTheMethodsThatAPathHas) {
    start();
    Client one = client();
    one.send("PATCH /v1/status HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
    EXPECT_THAT(one.read_all(), AllOf(StartsWith("HTTP/1.1 405 "), HasSubstr("Allow: GET, HEAD\r\n")));
}

TEST_F(ServerTest, ClosesAClientThatSaysNothing) {
    options.request_timeout = std::chrono::milliseconds(5);
    start();
    Client one = client();
    one.send("GET /v1/sta");
    EXPECT_THAT(one.read_all(), IsEmpty());
}

TEST_F(ServerTest, ClosesAClientThatSendsAnOctetNowAndThen) {
    start();
    Client one = client();
    one.send("GET /v1/sta");
    EXPECT_THAT(one.read_now(), IsEmpty());
    clock.advance(options.request_timeout);
    one.send("t");
    EXPECT_THAT(one.read_all(), IsEmpty());
}

TEST_F(ServerTest, DropsTheOldestClientThatHasNotSentARequest) {
    options.connections_max = 2;
    start();
    Client oldest = client();
    oldest.send("GET ");
    EXPECT_THAT(oldest.read_now(), IsEmpty());
    Client older = client();
    EXPECT_THAT(older.read_now(), IsEmpty());
    Client asking = client();
    asking.send(status_request);
    EXPECT_THAT(asking.read_until("}\n"), StartsWith("HTTP/1.1 200 OK\r\n"));
    EXPECT_THAT(oldest.read_all(), IsEmpty());
    older.send(status_request);
    EXPECT_THAT(older.read_until("}\n"), StartsWith("HTTP/1.1 200 OK\r\n"));
}

TEST_F(ServerTest, DropsNobodyWhileThereIsAPlace) {
    options.connections_max = 2;
    start();
    Client one = client();
    Client two = client();
    EXPECT_THAT(two.read_now(), IsEmpty());
    for (Client* each : {&one, &two}) {
        each->send(status_request);
        EXPECT_THAT(each->read_until("}\n"), StartsWith("HTTP/1.1 200 OK\r\n"));
    }
}

TEST_F(ServerTest, AnswersInAFloodOfSilentClients) {
    start();
    constexpr std::size_t silent_before = 250, silent_after = 250;
    std::list<Client> silent;
    for (std::size_t i = 0; i < silent_before; ++i)
        silent.emplace_back(loop, options.socket);
    Client asking = client();
    asking.send(status_request);
    for (std::size_t i = 0; i < silent_after; ++i)
        silent.emplace_back(loop, options.socket);
    EXPECT_THAT(asking.read_until("}\n"), StartsWith("HTTP/1.1 200 OK\r\n"));
}

TEST_F(ServerTest, LetsAFurtherClientWaitWhileAllAreAnswered) {
    options.connections_max = 1;
    start();
    Client first = client();
    first.send(status_request);
    Client second = client();
    second.send(status_request);
    EXPECT_THAT(second.read_until("}\n"), StartsWith("HTTP/1.1 200 OK\r\n"));
    EXPECT_THAT(first.read_all(), StartsWith("HTTP/1.1 200 OK\r\n"));
}

TEST_F(ServerTest, LogsWhoChangedSomethingAndNotWhoLooked) {
    start();
    Client one = client();
    one.send(status_request);
    (void)one.read_until("}\n");
    EXPECT_THAT(log, IsEmpty());
    one.send("POST /v1/messages/retry HTTP/1.1\r\nHost: x\r\n\r\n");
    (void)one.read_until("}\n");
    const passwd* const account = ::getpwuid(::getuid());
    const std::string me = account != nullptr ? account->pw_name : "somebody";
    EXPECT_THAT(
        log, ElementsAre("admin_request request=POST /v1/messages/retry status=200 pid=" +
                         std::to_string(::getpid()) + " uid=" + std::to_string(::getuid()) + " user=" + me));
}

TEST_F(ServerTest, StopClosesIdleConnections) {
    start();
    Client one = client();
    EXPECT_THAT(one.read_now(), IsEmpty());
    server_->stop();
    EXPECT_THAT(one.read_all(), IsEmpty());
}

}  // namespace
}  // namespace mailramp::admin
