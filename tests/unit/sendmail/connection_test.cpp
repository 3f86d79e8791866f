#include "sendmail/connection.h"

#include <array>
#include <string>
#include <thread>

#include <arpa/inet.h>
#include <gmock/gmock.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include "sendmail/pass_through.h"
#include "sendmail/submission.h"

namespace mailramp::sendmail {
namespace {

using base::ErrorKind;
using smtp::RecipientFate;
using testing::HasSubstr;

constexpr Duration soon = std::chrono::milliseconds(20);

// Takes connections in its backlog and says nothing, unless told to.
class SilentServer {
  public:
    SilentServer() : listener_(::socket(AF_INET, SOCK_STREAM, 0)) {
        sockaddr_in address = {};
        address.sin_family = AF_INET;
        address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        socklen_t size = sizeof address;
        auto* const generic = reinterpret_cast<sockaddr*>(&address);
        EXPECT_EQ(::bind(listener_, generic, size), 0);
        EXPECT_EQ(::listen(listener_, 4), 0);
        EXPECT_EQ(::getsockname(listener_, generic, &size), 0);
        server_ = {.host = "127.0.0.1", .port = std::to_string(ntohs(address.sin_port))};
    }
    SilentServer(const SilentServer&) = delete;
    SilentServer& operator=(const SilentServer&) = delete;
    ~SilentServer() { ::close(listener_); }

    [[nodiscard]] Connection connect() const {
        auto connection = Connection::open({server_}, {.write_timeout = soon});
        EXPECT_TRUE(connection) << connection.error().message;
        return *std::move(connection);
    }

    // Accepts one connection and, after each line that begins with one of `words`, says what stands beside
    // it.
    void converse(const std::vector<std::pair<std::string, std::string>>& script) const {
        const int peer = ::accept(listener_, nullptr, nullptr);
        std::string heard;
        for (const auto& [word, reply] : script) {
            std::array<char, 1> octet{};
            while (!heard.contains(word) && ::read(peer, octet.data(), 1) == 1)
                heard += octet[0];
            EXPECT_EQ(::write(peer, reply.data(), reply.size()), static_cast<ssize_t>(reply.size()));
        }
        // Until the client closes, so that only its own clock ends its waiting.
        std::array<char, 1> octet{};
        while (::read(peer, octet.data(), 1) == 1) {
        }
        ::close(peer);
    }

  private:
    int listener_;
    Server server_;
};

std::vector<smtp::RecipientOutcome> submit_to(const Connection& connection, const SubmissionLimits& limits) {
    const auto message =
        Message::from("To: a@b.example\r\n\r\nx\r\n", {.address = "c@d.example", .name = ""});
    mail::Envelope envelope;
    envelope.sender = "c@d.example";
    envelope.recipients.push_back({.address = "a@b.example", .notify = {}, .orcpt = {}});
    return submit(connection, "client.example", envelope, *message, limits);
}

TEST(Connection, GivesUpReadingFromASilentServer) {
    const SilentServer server;
    const auto bytes = server.connect().read(soon);
    ASSERT_FALSE(bytes);
    EXPECT_EQ(bytes.error().kind, ErrorKind::timeout);
}

TEST(Connection, GivesUpWritingToAServerThatDoesNotRead) {
    const SilentServer server;
    const Connection connection = server.connect();
    const std::string much(std::size_t{64} << 20, 'x');
    const auto written = connection.write(much);
    ASSERT_FALSE(written);
    EXPECT_EQ(written.error().kind, ErrorKind::timeout);
}

TEST(Connection, NamesEveryServerThatDidNotAnswer) {
    const auto none = Connection::open({{"127.0.0.1", "1"}, {"::ffff:127.0.0.1", "1"}}, {});
    ASSERT_FALSE(none);
    EXPECT_EQ(none.error().kind, ErrorKind::unavailable);
    EXPECT_THAT(none.error().message, HasSubstr("127.0.0.1:1: Connection refused; [::ffff:127.0.0.1]:1: "));
}

TEST(Submission, GivesUpWaitingForAReply) {
    const SilentServer server;
    const auto outcomes = submit_to(server.connect(), {.reply_timeout = soon});
    ASSERT_EQ(outcomes.size(), 1u);
    EXPECT_EQ(outcomes[0].fate, RecipientFate::not_tried);
    EXPECT_THAT(outcomes[0].answer.text, HasSubstr("no answer within"));
}

TEST(Submission, WaitsForTheFinalReplyByAClockOfItsOwn) {
    const SilentServer server;
    const std::jthread peer([&server] {
        server.converse({{"", "220 x\r\n"},
                         {"EHLO", "250 x\r\n"},
                         {"MAIL", "250 x\r\n"},
                         {"RCPT", "250 x\r\n"},
                         {"DATA", "354 x\r\n"}});
    });
    const auto outcomes = submit_to(server.connect(), {.final_reply_timeout = soon});
    EXPECT_EQ(outcomes[0].fate, RecipientFate::uncertain);
}

TEST(Submission, DoesNotWaitForAFarewellOnceTheMessageIsSafe) {
    const SilentServer server;
    const std::jthread peer([&server] {
        server.converse({{"", "220 x\r\n"},
                         {"EHLO", "250 x\r\n"},
                         {"MAIL", "250 x\r\n"},
                         {"RCPT", "250 x\r\n"},
                         {"DATA", "354 x\r\n"},
                         {"\r\n.\r\n", "250 x\r\n"}});
    });
    const auto outcomes = submit_to(server.connect(), {.quit_timeout = soon});
    EXPECT_EQ(outcomes[0].fate, RecipientFate::delivered);
}

TEST(PassThrough, GivesUpWhenNobodySaysAnything) {
    const SilentServer server;
    std::array<int, 2> pipe{};
    ASSERT_EQ(::pipe(pipe.data()), 0);
    const auto carried = pass_through(server.connect(), pipe[0], pipe[1], {.idle_timeout = soon});
    ASSERT_FALSE(carried);
    EXPECT_EQ(carried.error().kind, ErrorKind::timeout);
    ::close(pipe[0]);
    ::close(pipe[1]);
}

}  // namespace
}  // namespace mailramp::sendmail
