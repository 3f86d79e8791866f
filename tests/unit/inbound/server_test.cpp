// The inbound server on loopback, with a store that does what the test says.
#include "mailramp/inbound/server.h"

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>

#include "mailramp/io/connect.h"
#include "mailramp/io/system_clock.h"
#include "unit/inbound/scripted_store.h"

namespace mailramp::inbound {
namespace {

using namespace std::chrono_literals;
using ::testing::AllOf;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

constexpr base::Duration patience = 10s;

// One client that says its lines and reads replies.
class Client {
  public:
    explicit Client(io::Stream stream) : stream_(std::move(stream)) {}

    io::Task<> send(std::string octets) {
        auto sent = co_await stream_.write(octets, patience);
        EXPECT_TRUE(sent) << sent.error().message;
    }
    // The next reply, all of its lines; "closed" at the end of the connection.
    io::Task<std::string> reply() {
        for (;;) {
            std::size_t end = 0;
            std::size_t line = 0;
            while ((end = input_.find("\r\n", line)) != std::string::npos) {
                const bool last = input_.size() > line + 3 && input_[line + 3] == ' ';
                line = end + 2;
                if (last) {
                    std::string whole = input_.substr(0, line);
                    input_.erase(0, line);
                    co_return whole;
                }
            }
            char buffer[4096];
            auto octets = co_await stream_.read_some(buffer, patience);
            if (!octets) {
                if (octets.error().kind == base::ErrorKind::closed) co_return std::string("closed");
                co_return octets.error().message;
            }
            input_.append(buffer, *octets);
        }
    }
    io::Task<std::string> ask(std::string line) {
        co_await send(line + "\r\n");
        co_return co_await reply();
    }
    // From the greeting to the 354.
    io::Task<> begin_message() {
        EXPECT_THAT(co_await reply(), StartsWith("220 "));
        EXPECT_THAT(co_await ask("EHLO client.test"), HasSubstr("PIPELINING"));
        EXPECT_THAT(co_await ask("MAIL FROM:<erp@contoso.test>"), StartsWith("250 2.1.0"));
        EXPECT_THAT(co_await ask("RCPT TO:<ops@contoso.test>"), StartsWith("250 2.1.5"));
        EXPECT_THAT(co_await ask("DATA"), StartsWith("354 "));
    }
    void close() { stream_.close(); }

  private:
    io::Stream stream_;
    std::string input_;
};

class InboundServer : public ::testing::Test {
  public:  // the scripts are lambdas, which are not members
    using Script = std::function<io::Task<>(InboundServer&)>;

    static route::Options default_route() {
        route::Options routes;
        routes.rules.push_back({.name = "default", .match = {}, .mailbox = "alerts"});
        return routes;
    }

    void start() {
        server.emplace(options, loop.get_executor(), store, router, recipients, clock,
                       base::Logger(&sink, base::LogLevel::debug));
        auto listener = io::Listener::bind_tcp(loop.get_executor(), {"127.0.0.1", 0}, 16);
        ASSERT_TRUE(listener) << listener.error().message;
        port = listener->endpoint().port;
        ListenerOptions wanted = terms_for(options, listener->endpoint());
        if (terms.tls != ListenerTls::automatic) wanted.tls = terms.tls;
        if (terms.auth != ListenerAuth::automatic) wanted.auth = terms.auth;
        server->serve(*std::move(listener), wanted);
    }
    io::Task<Client> connect() {
        auto stream = co_await io::connect("127.0.0.1", port, io::ConnectOptions());
        base::check(stream.has_value(), "loopback can be connected to");
        co_return Client(*std::move(stream));
    }
    void run(Script script) {
        if (!server) start();
        boost::asio::co_spawn(loop, play(std::move(script)), boost::asio::detached);
        loop.run_for(patience);
        EXPECT_TRUE(finished) << "the script did not come to its end";
    }
    io::Task<> play(Script script) {
        co_await script(*this);
        finished = true;
        server->stop_accepting();
        co_await server->drain(clock.steady());
    }

    boost::asio::io_context loop{1};
    io::SystemClock clock;
    ScriptedStore store{loop.get_executor()};
    route::Router router{default_route()};
    route::Recipients recipients{route::RecipientOptions()};
    Options options;
    ListenerOptions terms;  // what is not automatic counts
    std::vector<std::string> logged;
    base::Logger::Sink sink = [this](const base::LogRecord& record) {
        std::string line = std::string(record.event) + ": " + std::string(record.message);
        for (const base::LogField& field : record.fields)
            line.append(" ").append(field.key).append("=").append(field.value);
        logged.push_back(std::move(line));
    };
    std::optional<Server> server;
    std::uint16_t port = 0;
    bool finished = false;
    std::optional<Client> beyond_loopback;
};

TEST_F(InboundServer, Answers250OnlyAfterTheCommitIsDurable) {
    store.hold_commits = true;
    run([](InboundServer& t) -> io::Task<> {
        Client client = co_await t.connect();
        co_await client.begin_message();
        // NOOP is pipelined behind the message: its 250 must wait for the message's.
        co_await client.send("Subject: x\r\n\r\nbody\r\n.\r\nNOOP\r\n");
        while (t.store.commits_begun == 0)
            co_await io::sleep_for(0ms);
        EXPECT_EQ(t.server->counters().messages_accepted, 0u);
        t.store.may_commit.notify();
        EXPECT_THAT(co_await client.reply(), StartsWith("250 2.0.0 queued as "));
        EXPECT_EQ(t.server->counters().messages_accepted, 1u);
        EXPECT_THAT(co_await client.reply(), StartsWith("250 "));
    });
    ASSERT_EQ(store.messages.size(), 1u);
}

TEST_F(InboundServer, StoresWhatWillBeSubmittedAndWhoSentIt) {
    run([](InboundServer& t) -> io::Task<> {
        Client client = co_await t.connect();
        co_await client.begin_message();
        co_await client.send("From: ERP <erp@contoso.test>\r\nSubject: x\r\n\r\n..dot\nbare LF\r\n.\r\n");
        EXPECT_THAT(co_await client.reply(), StartsWith("250 "));
        EXPECT_THAT(co_await client.ask("QUIT"), StartsWith("221 "));
        EXPECT_EQ(co_await client.reply(), "closed");
    });
    ASSERT_EQ(store.messages.size(), 1u);
    const StoredMessage& message = store.messages.front();
    EXPECT_THAT(message.content,
                AllOf(StartsWith("Received: from client.test"), HasSubstr(message.id.text()),
                      HasSubstr("\r\nDate: "), HasSubstr("\r\nMessage-ID: <"),
                      EndsWith("From: ERP <erp@contoso.test>\r\nSubject: x\r\n\r\n.dot\r\nbare LF\r\n")));
    EXPECT_EQ(message.acceptance.envelope.sender, "erp@contoso.test");
    EXPECT_EQ(message.acceptance.header_from, "erp@contoso.test");
    EXPECT_EQ(message.acceptance.client_address, "127.0.0.1");
    EXPECT_THAT(message.acceptance.message_id, StartsWith("<"));
    ASSERT_EQ(message.acceptance.recipients.size(), 1u);
    EXPECT_EQ(message.acceptance.recipients[0].recipient.address, "ops@contoso.test");
    EXPECT_EQ(message.acceptance.recipients[0].mailbox, "alerts");
}

route::Recipients with_aliases(std::string_view text) {
    return route::Recipients(route::RecipientOptions(),
                             route::parse_alias_file(text, "/etc/aliases").aliases);
}

std::vector<std::string> addresses_of(const StoredMessage& message) {
    std::vector<std::string> addresses;
    for (const queue::AcceptedRecipient& recipient : message.acceptance.recipients)
        addresses.push_back(recipient.recipient.address);
    return addresses;
}

TEST_F(InboundServer, GivesAMessageToAllThatAnAliasLeadsToEachOnce) {
    recipients = with_aliases("root: a@x.test, b@x.test\nwww: root, c@x.test\n");
    run([](InboundServer& t) -> io::Task<> {
        Client client = co_await t.connect();
        co_await client.reply();
        co_await client.ask("EHLO x");
        EXPECT_THAT(co_await client.ask("MAIL FROM:<root>"), StartsWith("250 2.1.0"));
        EXPECT_THAT(co_await client.ask("RCPT TO:<B@x.test>"), StartsWith("250 2.1.5"));
        EXPECT_THAT(co_await client.ask("RCPT TO:<b@X.test>"), StartsWith("250 2.1.5"));
        EXPECT_THAT(co_await client.ask("RCPT TO:<Root@localhost>"), StartsWith("250 2.1.5"));
        EXPECT_THAT(co_await client.ask("RCPT TO:<postmaster>"), StartsWith("250 2.1.5"));
        // What was answered 250 counts, whatever becomes of the aliases.
        EXPECT_THAT(co_await client.ask("RCPT TO:<www>"), StartsWith("250 2.1.5"));
        t.recipients = with_aliases("");
        EXPECT_THAT(co_await client.ask("DATA"), StartsWith("354 "));
        co_await client.send("Subject: x\r\n\r\nbody\r\n.\r\n");
        EXPECT_THAT(co_await client.reply(), StartsWith("250 2.0.0"));
    });
    ASSERT_EQ(store.messages.size(), 1u);
    EXPECT_THAT(addresses_of(store.messages[0]), ElementsAre("B@x.test", "b@X.test", "a@x.test", "c@x.test"));
    EXPECT_EQ(store.messages[0].acceptance.envelope.sender, "root@localhost");
}

TEST_F(InboundServer, RefusesARecipientThatLeadsNowhereWithTheRemedy) {
    run([](InboundServer& t) -> io::Task<> {
        Client client = co_await t.connect();
        co_await client.reply();
        co_await client.ask("EHLO x");
        co_await client.ask("MAIL FROM:<a@b.test>");
        const std::vector<std::string> names{"root", "root@localhost", "postmaster"};
        for (const std::string& name : names)
            EXPECT_THAT(co_await client.ask("RCPT TO:<" + name + ">"),
                        AllOf(StartsWith("550"), HasSubstr("5.1.1 "), HasSubstr("mailramp.yaml")));
        EXPECT_THAT(co_await client.ask("RCPT TO:<ops@x.test>"), StartsWith("250 "));
    });
}

TEST_F(InboundServer, CountsTheRecipientsThatAliasesLeadTo) {
    options.recipients_max = 3;
    recipients = with_aliases("two: a@x.test, b@x.test\nfour: a@x.test, b@x.test, c@x.test, d@x.test\n");
    run([](InboundServer& t) -> io::Task<> {
        Client client = co_await t.connect();
        co_await client.reply();
        co_await client.ask("EHLO x");
        co_await client.ask("MAIL FROM:<a@b.test>");
        EXPECT_THAT(co_await client.ask("RCPT TO:<four>"), StartsWith("550 5.5.3 "));
        EXPECT_THAT(co_await client.ask("RCPT TO:<c@x.test>"), StartsWith("250 "));
        EXPECT_THAT(co_await client.ask("RCPT TO:<two>"), StartsWith("250 "));
        EXPECT_THAT(co_await client.ask("RCPT TO:<d@x.test>"), StartsWith("452 4.5.3 "));
        EXPECT_THAT(co_await client.ask("RCPT TO:<a@x.test>"), StartsWith("250 "));
    });
}

TEST_F(InboundServer, AsksTheRoutesForThoseThatAnAliasLeadsTo) {
    route::Options routes;
    routes.rules.push_back({.name = "ours", .match = {.recipient_domains = {"x.test"}}, .mailbox = "alerts"});
    router = route::Router(std::move(routes));
    recipients = with_aliases("in: a@x.test\nout: a@x.test, b@y.test\n");
    run([](InboundServer& t) -> io::Task<> {
        Client client = co_await t.connect();
        co_await client.reply();
        co_await client.ask("EHLO x");
        co_await client.ask("MAIL FROM:<a@b.test>");
        EXPECT_THAT(co_await client.ask("RCPT TO:<in>"), StartsWith("250 "));
        EXPECT_THAT(co_await client.ask("RCPT TO:<out>"), StartsWith("550 5.7.1 "));
    });
}

TEST_F(InboundServer, ClosesAtOnceWhenTheDiskIsFull) {
    store.admission_error = base::Error{base::ErrorKind::limit, "The disk is full"};
    run([](InboundServer& t) -> io::Task<> {
        Client client = co_await t.connect();
        EXPECT_THAT(co_await client.reply(), StartsWith("220 "));
        EXPECT_THAT(co_await client.ask("EHLO x"), StartsWith("250"));
        EXPECT_EQ(co_await client.ask("MAIL FROM:<a@b.test>"), "452 4.3.1 The disk is full\r\n");
    });
    EXPECT_EQ(server->counters().messages_rejected, 1u);
    EXPECT_THAT(logged, Contains(AllOf(HasSubstr("rejected"), HasSubstr("The disk is full"),
                                       HasSubstr("from=a@b.test"), HasSubstr("reply=452 4.3.1"))));
}

TEST_F(InboundServer, SaysAtDataWhenTheDiskIsFullMeanwhile) {
    run([](InboundServer& t) -> io::Task<> {
        Client client = co_await t.connect();
        EXPECT_THAT(co_await client.reply(), StartsWith("220 "));
        EXPECT_THAT(co_await client.ask("EHLO x"), StartsWith("250"));
        EXPECT_THAT(co_await client.ask("MAIL FROM:<a@b.test>"), StartsWith("250 "));
        EXPECT_THAT(co_await client.ask("RCPT TO:<ops@contoso.test>"), StartsWith("250 "));
        t.store.admission_error = base::Error{base::ErrorKind::limit, "The disk is full"};
        EXPECT_EQ(co_await client.ask("DATA"), "452 4.3.1 The disk is full\r\n");
        EXPECT_THAT(co_await client.ask("NOOP"), StartsWith("250 "));
    });
    EXPECT_THAT(logged, Contains(AllOf(HasSubstr("rejected"), HasSubstr("The disk is full"))));
}

TEST_F(InboundServer, AnAliasThatIsNamedAgainIsNotFollowedAgain) {
    recipients = with_aliases("root: a@x.test\n*: b@x.test\n");
    run([](InboundServer& t) -> io::Task<> {
        Client client = co_await t.connect();
        EXPECT_THAT(co_await client.reply(), StartsWith("220 "));
        EXPECT_THAT(co_await client.ask("EHLO x"), StartsWith("250"));
        EXPECT_THAT(co_await client.ask("MAIL FROM:<a@b.test>"), StartsWith("250 "));
        EXPECT_THAT(co_await client.ask("RCPT TO:<root>"), StartsWith("250 "));
        EXPECT_THAT(co_await client.ask("RCPT TO:<anybody>"), StartsWith("250 "));
        // Whoever follows one of them now finds other people.
        t.recipients = with_aliases("root: c@x.test\n*: d@x.test\n");
        EXPECT_THAT(co_await client.ask("RCPT TO:<Root@localhost>"), StartsWith("250 "));
        EXPECT_THAT(co_await client.ask("RCPT TO:<somebody>"), StartsWith("250 "));
        EXPECT_THAT(co_await client.ask("DATA"), StartsWith("354 "));
        EXPECT_THAT(co_await client.ask("Subject: x\r\n\r\nbody\r\n."), StartsWith("250 "));
    });
    ASSERT_EQ(store.messages.size(), 1u);
    EXPECT_THAT(addresses_of(store.messages[0]), ElementsAre("a@x.test", "b@x.test"));
}

TEST_F(InboundServer, ManyRecipientsCountAgainstTheMemoryAndAFewDoNot) {
    options.session_bytes_max = 100'000;
    run([](InboundServer& t) -> io::Task<> {
        Client greedy = co_await t.connect();
        EXPECT_THAT(co_await greedy.reply(), StartsWith("220 "));
        EXPECT_THAT(co_await greedy.ask("EHLO x"), StartsWith("250"));
        EXPECT_THAT(co_await greedy.ask("MAIL FROM:<a@b.test>"), StartsWith("250 "));
        std::string reply = "250 ";
        int taken = 0;
        for (; taken < 1000 && reply.starts_with("250 "); ++taken)
            reply =
                co_await greedy.ask("RCPT TO:<" + std::to_string(taken) + std::string(60, 'x') + "@x.test>");
        EXPECT_THAT(reply, StartsWith("452 4.3.1 Too many messages at once for the memory"));
        EXPECT_LT(taken, 200);
        Client other = co_await t.connect();
        EXPECT_THAT(co_await other.reply(), StartsWith("220 "));
        EXPECT_THAT(co_await other.ask("EHLO x"), StartsWith("250"));
        EXPECT_THAT(co_await other.ask("MAIL FROM:<a@b.test>"), StartsWith("250 "));
        for (int i = 0; i < 10; ++i)
            EXPECT_THAT(co_await other.ask("RCPT TO:<" + std::to_string(i) + "@x.test>"), StartsWith("250 "));
        EXPECT_THAT(co_await greedy.ask("RSET"), StartsWith("250 "));
        EXPECT_THAT(co_await other.ask("RCPT TO:<another@x.test>"), StartsWith("250 "));
    });
}

TEST_F(InboundServer, KeepsRoomForADeclaredSizeFromDataOn) {
    run([](InboundServer& t) -> io::Task<> {
        Client client = co_await t.connect();
        EXPECT_THAT(co_await client.reply(), StartsWith("220 "));
        EXPECT_THAT(co_await client.ask("EHLO x"), StartsWith("250"));
        EXPECT_THAT(co_await client.ask("MAIL FROM:<a@b.test> SIZE=100000"), StartsWith("250 "));
        EXPECT_THAT(co_await client.ask("RCPT TO:<ops@contoso.test>"), StartsWith("250 "));
        EXPECT_EQ(t.store.reserved_bytes, 0u) << "a session that only waits takes no room from others";
        EXPECT_THAT(co_await client.ask("DATA"), StartsWith("354 "));
        EXPECT_GE(t.store.reserved_bytes, 100'000u);
        EXPECT_THAT(co_await client.ask("Subject: x\r\n\r\nbody\r\n."), StartsWith("250 "));
        EXPECT_EQ(t.store.reserved_bytes, 0u);
        EXPECT_THAT(co_await client.ask("MAIL FROM:<a@b.test> SIZE=100000"), StartsWith("250 "));
        EXPECT_THAT(co_await client.ask("RCPT TO:<ops@contoso.test>"), StartsWith("250 "));
        EXPECT_THAT(co_await client.ask("DATA"), StartsWith("354 "));
        EXPECT_GE(t.store.reserved_bytes, 100'000u);
        client.close();
        while (t.server->counters().sessions_open > 0)
            co_await io::sleep_for(1ms);
    });
    EXPECT_EQ(store.reserved_bytes, 0u);
}

TEST_F(InboundServer, AFailedCommitIsAnswered451AndLeavesNothing) {
    store.commit_error = base::Error{base::ErrorKind::unavailable, "The queue could not be synced"};
    run([](InboundServer& t) -> io::Task<> {
        Client client = co_await t.connect();
        co_await client.begin_message();
        co_await client.send("Subject: x\r\n\r\nbody\r\n.\r\n");
        EXPECT_EQ(co_await client.reply(), "451 4.3.0 The queue could not be synced\r\n");
        EXPECT_THAT(co_await client.ask("NOOP"), StartsWith("250 "));
    });
    EXPECT_TRUE(store.messages.empty());
    EXPECT_EQ(store.staged_alive, 0u);
    EXPECT_EQ(server->counters().messages_rejected, 1u);
}

TEST_F(InboundServer, AFailedAppendRefusesTheMessageAndTheSessionGoesOn) {
    store.append_error = base::Error{base::ErrorKind::limit, "No space left"};
    run([](InboundServer& t) -> io::Task<> {
        Client client = co_await t.connect();
        co_await client.begin_message();
        co_await client.send("Subject: x\r\n\r\nbody\r\nmore\r\n.\r\n");
        EXPECT_EQ(co_await client.reply(), "452 4.3.1 No space left\r\n");
        EXPECT_THAT(co_await client.ask("NOOP"), StartsWith("250 "));
    });
    EXPECT_EQ(store.staged_alive, 0u);
}

TEST_F(InboundServer, AClientThatLeavesDuringDataLeavesNoTrace) {
    run([](InboundServer& t) -> io::Task<> {
        Client client = co_await t.connect();
        co_await client.begin_message();
        co_await client.send("Subject: x\r\n\r\nhalf a bo");
        client.close();
        while (t.server->counters().sessions_open > 0)
            co_await io::sleep_for(1ms);
    });
    EXPECT_TRUE(store.messages.empty());
    EXPECT_EQ(store.staged_alive, 0u);
    EXPECT_EQ(server->counters().messages_aborted, 1u);
}

TEST_F(InboundServer, ATooLargeHeaderSectionIsRefusedInWords) {
    options.header_bytes_max = 1000;
    run([](InboundServer& t) -> io::Task<> {
        Client client = co_await t.connect();
        co_await client.begin_message();
        co_await client.send("Subject: " + std::string(900, 'x') + "\r\nX-More: " + std::string(900, 'y') +
                             "\r\n\r\nbody\r\n.\r\n");
        EXPECT_THAT(co_await client.reply(), AllOf(StartsWith("552 5.3.4 "), HasSubstr("header_size_max")));
    });
    EXPECT_TRUE(store.messages.empty());
}

TEST_F(InboundServer, AMessageThatGoesInCirclesIsRefused) {
    run([](InboundServer& t) -> io::Task<> {
        Client client = co_await t.connect();
        co_await client.begin_message();
        std::string hops;
        for (int i = 0; i < 51; ++i)
            hops += "Received: from a by b; Thu, 1 Jan 2026 00:00:00 +0000\r\n";
        co_await client.send(hops + "\r\nbody\r\n.\r\n");
        EXPECT_THAT(co_await client.reply(), StartsWith("554 5.4.6 "));
    });
}

TEST_F(InboundServer, ARecipientWithoutARouteIsRefusedAtRcpt) {
    route::Options routes;
    routes.rules.push_back(
        {.name = "inside", .match = {.recipient_domains = {"contoso.test"}}, .mailbox = "alerts"});
    router = route::Router(routes);
    run([](InboundServer& t) -> io::Task<> {
        Client client = co_await t.connect();
        EXPECT_THAT(co_await client.reply(), StartsWith("220 "));
        EXPECT_THAT(co_await client.ask("EHLO x"), StartsWith("250"));
        EXPECT_THAT(co_await client.ask("MAIL FROM:<a@b.test>"), StartsWith("250 "));
        EXPECT_THAT(co_await client.ask("RCPT TO:<c@elsewhere.test>"), StartsWith("550 5.7.1 "));
        EXPECT_THAT(co_await client.ask("RCPT TO:<c@contoso.test>"), StartsWith("250 "));
    });
}

TEST_F(InboundServer, TightMemorySendsContentToFilesInsteadOfRefusingIt) {
    options.session_bytes_max = 4096;
    run([](InboundServer& t) -> io::Task<> {
        Client client = co_await t.connect();
        co_await client.begin_message();
        co_await client.send("Subject: x\r\n\r\nbody\r\n.\r\n");
        EXPECT_THAT(co_await client.reply(), StartsWith("250 "));
    });
    ASSERT_EQ(store.inline_limits.size(), 1u);
    EXPECT_LE(store.inline_limits[0], 1024u);
}

TEST_F(InboundServer, AHeaderSectionBeyondTheSharedMemoryIsDeferred) {
    options.session_bytes_max = 4096;
    run([](InboundServer& t) -> io::Task<> {
        Client client = co_await t.connect();
        co_await client.begin_message();
        for (int i = 0; i < 10; ++i)
            co_await client.send("X-Field: " + std::string(900, 'x') + "\r\n");
        co_await client.send("\r\nbody\r\n.\r\n");
        EXPECT_THAT(co_await client.reply(), StartsWith("452 4.3.1 "));
    });
}

TEST_F(InboundServer, ClientsBeyondTheLimitGet421) {
    options.sessions_max = 1;
    run([](InboundServer& t) -> io::Task<> {
        Client first = co_await t.connect();
        EXPECT_THAT(co_await first.reply(), StartsWith("220 "));
        Client second = co_await t.connect();
        EXPECT_THAT(co_await second.reply(), StartsWith("421 4.7.0 "));
        EXPECT_EQ(co_await second.reply(), "closed");
        EXPECT_THAT(co_await first.ask("NOOP"), StartsWith("250 "));
    });
    EXPECT_EQ(server->counters().sessions_refused, 1u);
}

TEST_F(InboundServer, AClientThatIsNotAllowedGets554BeforeAnyCommand) {
    // The peer of a Unix socket has no address, so no list of networks can hold it.
    const auto path =
        std::filesystem::temp_directory_path() / ("mailramp-inbound-" + std::to_string(getpid()));
    start();
    auto listener = io::Listener::bind_unix(loop.get_executor(), path, 0600);
    ASSERT_TRUE(listener) << listener.error().message;
    server->serve(*std::move(listener));
    const int socket = ::socket(AF_UNIX, SOCK_STREAM, 0);
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    path.string().copy(address.sun_path, sizeof address.sun_path - 1);
    ASSERT_EQ(::connect(socket, reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
    auto stream = io::Stream::adopt(loop.get_executor(), socket);
    ASSERT_TRUE(stream);
    beyond_loopback.emplace(*std::move(stream));
    run([](InboundServer& t) -> io::Task<> {
        Client& client = *t.beyond_loopback;
        EXPECT_THAT(co_await client.reply(), AllOf(StartsWith("554 "), HasSubstr("allow")));
        EXPECT_THAT(co_await client.ask("MAIL FROM:<a@b.test>"), Not(StartsWith("2")));
        client.close();
    });
    std::filesystem::remove(path);
    EXPECT_EQ(server->counters().sessions_refused, 1u);
}

TEST_F(InboundServer, SilenceEndsASession) {
    options.command_timeout = 20ms;
    run([](InboundServer& t) -> io::Task<> {
        Client client = co_await t.connect();
        EXPECT_THAT(co_await client.reply(), StartsWith("220 "));
        EXPECT_EQ(co_await client.reply(), "closed");
    });
}

TEST_F(InboundServer, TakesAnyPasswordOnThisMachineAndRemembersWho) {
    run([](InboundServer& t) -> io::Task<> {
        Client client = co_await t.connect();
        EXPECT_THAT(co_await client.reply(), StartsWith("220 "));
        EXPECT_THAT(co_await client.ask("EHLO x"),
                    AllOf(HasSubstr("250-AUTH PLAIN LOGIN\r\n"), Not(HasSubstr("STARTTLS"))));
        EXPECT_THAT(co_await client.ask("AUTH PLAIN AGVycABwdw=="), StartsWith("235 2.7.0 "));
        EXPECT_THAT(co_await client.ask("MAIL FROM:<a@b.test>"), StartsWith("250 "));
        EXPECT_THAT(co_await client.ask("RCPT TO:<c@d.test>"), StartsWith("250 "));
        EXPECT_THAT(co_await client.ask("DATA"), StartsWith("354 "));
        co_await client.send("Subject: x\r\n\r\nbody\r\n.\r\n");
        EXPECT_THAT(co_await client.reply(), StartsWith("250 "));
    });
    ASSERT_EQ(store.messages.size(), 1u);
    EXPECT_THAT(store.messages.front().content, AllOf(HasSubstr("with ESMTPA id "), Not(HasSubstr("erp"))));
    EXPECT_EQ(server->counters().logins, 1u);
    EXPECT_THAT(logged, Contains(AllOf(HasSubstr("accepted"), HasSubstr("tls=none user=erp"))));
    EXPECT_THAT(logged, Not(Contains(HasSubstr("AGVycABwdw"))));
}

TEST_F(InboundServer, SaysSoWhenThePasswordsCannotBeLookedAt) {
    options.auth_users_file = "/nonexistent/users";
    options.auth_failure_delay = 0ms;
    terms.auth = ListenerAuth::users;
    run([](InboundServer& t) -> io::Task<> {
        Client client = co_await t.connect();
        EXPECT_THAT(co_await client.reply(), StartsWith("220 "));
        EXPECT_THAT(co_await client.ask("EHLO x"), StartsWith("250"));
        EXPECT_THAT(co_await client.ask("AUTH PLAIN AGVycABwdw=="), StartsWith("454 4.7.0 "));
        EXPECT_THAT(co_await client.ask("NOOP"), StartsWith("250 "));
    });
    EXPECT_EQ(server->counters().logins_refused, 1u);
    EXPECT_THAT(logged, Contains(AllOf(HasSubstr("login_refused"), HasSubstr("/nonexistent/users"))));
}

TEST_F(InboundServer, ALoginForWhichThereIsNoTimeCostsTheClientAsMuchAsAWrongOne) {
    options.auth_users_file = "/nonexistent/users";
    options.auth_waiting_max = 0;
    options.auth_failure_delay = 30ms;
    options.auth_failures_max = 3;
    terms.auth = ListenerAuth::users;
    run([](InboundServer& t) -> io::Task<> {
        Client client = co_await t.connect();
        EXPECT_THAT(co_await client.reply(), StartsWith("220 "));
        EXPECT_THAT(co_await client.ask("EHLO x"), StartsWith("250"));
        const base::SteadyTime began = t.clock.steady();
        EXPECT_THAT(co_await client.ask("AUTH PLAIN AGVycABwdw=="), StartsWith("454 4.7.0 "));
        EXPECT_GE(t.clock.steady() - began, 30ms);
        EXPECT_THAT(co_await client.ask("AUTH PLAIN AGVycABwdw=="), StartsWith("454 4.7.0 "));
        EXPECT_THAT(co_await client.ask("AUTH PLAIN AGVycABwdw=="), StartsWith("421 4.7.0 "));
        EXPECT_EQ(co_await client.reply(), "closed");
    });
    EXPECT_EQ(server->counters().logins_refused, 3u);
    EXPECT_EQ(std::ranges::count_if(
                  logged, [](const std::string& line) { return line.starts_with("login_refused"); }),
              1);
}

TEST_F(InboundServer, ShowsNoMoreOfAUserNameThanNamesHave) {
    options.auth_users_file = "/nonexistent/users";
    options.auth_failure_delay = 0ms;
    terms.auth = ListenerAuth::users;
    run([](InboundServer& t) -> io::Task<> {
        Client client = co_await t.connect();
        EXPECT_THAT(co_await client.reply(), StartsWith("220 "));
        EXPECT_THAT(co_await client.ask("EHLO x"), StartsWith("250"));
        std::string coded = "AHh4";  // a NUL and the beginning of the name
        for (int i = 0; i < 1000; ++i)
            coded += "eHh4";
        EXPECT_THAT(co_await client.ask("AUTH PLAIN " + coded + "AHB3"), StartsWith("454 4.7.0 "));
    });
    EXPECT_THAT(logged, Contains(AllOf(StartsWith("login_refused"), HasSubstr("user=xxx"))));
    EXPECT_THAT(logged, Not(Contains(HasSubstr(std::string(smtp::user_shown_bytes_max + 1, 'x')))));
}

TEST_F(InboundServer, OffersNoTlsWithoutACertificate) {
    terms.tls = ListenerTls::starttls;
    run([](InboundServer& t) -> io::Task<> {
        Client client = co_await t.connect();
        EXPECT_THAT(co_await client.reply(), StartsWith("220 "));
        EXPECT_THAT(co_await client.ask("EHLO x"), Not(HasSubstr("STARTTLS")));
        EXPECT_THAT(co_await client.ask("STARTTLS"), StartsWith("502 "));
    });
}

TEST_F(InboundServer, AtTheEndTheNextCommandGets421) {
    run([](InboundServer& t) -> io::Task<> {
        Client client = co_await t.connect();
        EXPECT_THAT(co_await client.reply(), StartsWith("220 "));
        t.server->stop_accepting();
        EXPECT_THAT(co_await client.ask("NOOP"), StartsWith("421 4.3.2"));
        EXPECT_EQ(co_await client.reply(), "closed");
    });
}

TEST_F(InboundServer, AtTheEndAMessageUnderWayMayFinish) {
    run([](InboundServer& t) -> io::Task<> {
        Client client = co_await t.connect();
        co_await client.begin_message();
        t.server->stop_accepting();
        co_await client.send("Subject: x\r\n\r\nbody\r\n.\r\n");
        EXPECT_THAT(co_await client.reply(), StartsWith("250 "));
    });
    EXPECT_EQ(store.messages.size(), 1u);
}

TEST_F(InboundServer, AtTheEndAnIdleClientHears421Unasked) {
    run([](InboundServer& t) -> io::Task<> {
        Client client = co_await t.connect();
        EXPECT_THAT(co_await client.reply(), StartsWith("220 "));
        t.server->stop_accepting();
        co_await t.server->drain(t.clock.steady() + 5s);
        EXPECT_THAT(co_await client.reply(), StartsWith("421 4.3.2 "));
        EXPECT_EQ(co_await client.reply(), "closed");
    });
    EXPECT_EQ(server->counters().sessions_open, 0u);
}

}  // namespace
}  // namespace mailramp::inbound
