// tests/unit/upstream/scripted_server.h: a submission server on a loopback port of this process that can be
// told to go wrong at any point, and writes down all it was told.
#pragma once

#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "mailramp/io/listener.h"
#include "mailramp/io/stream.h"
#include "mailramp/io/timer.h"
#include "mailramp/io/tls.h"
#include "mailramp/smtp/data_reader.h"
#include "unit/io/loop.h"

namespace mailramp::upstream::testing {

enum class Point { none, banner, ehlo, starttls, tls, ehlo_again, auth, mail, rcpt, data, body, body_end };

enum class Fault {
    none,
    drop,          // closes the connection
    hang,          // says nothing more, but reads
    say,           // says `text` in place of what is due, then goes on
    say_and_stop,  // says `text`, then neither reads nor closes
};

struct Script {
    std::string ehlo_plain = "250-mx.test Hello\r\n250-PIPELINING\r\n250-STARTTLS\r\n250 8BITMIME\r\n";
    std::string ehlo_tls =
        "250-mx.test Hello\r\n250-PIPELINING\r\n250-AUTH LOGIN XOAUTH2\r\n250 8BITMIME\r\n";
    std::string starttls = "220 2.0.0 SMTP server ready\r\n";
    Point point = Point::none;  // where the fault happens
    Fault fault = Fault::none;
    std::string text;
    int times = 1 << 30;                  // the fault happens so often
    std::size_t messages_before = 0;      // of a connection, before it does
    std::set<std::string> bad_responses;  // to AUTH, in base64; they get 535
};

// Everything that one connection brought.
struct Record {
    std::string plain;      // before TLS
    std::string encrypted;  // after it, AUTH lines included
    std::vector<std::string> messages;
    std::vector<std::string> auth_responses;
    bool said_quit = false;
    bool ended = false;
};

class ScriptedServer {
  public:
    ScriptedServer(io::testing::Loop& loop, std::optional<io::TlsServer> tls);

    [[nodiscard]] std::uint16_t port() const { return listener_.endpoint().port; }
    [[nodiscard]] std::size_t messages() const;
    // All that came over all connections, encrypted or not.
    [[nodiscard]] std::string heard() const;
    // Closes the connections that are open now.
    void cut_connections();

    Script script;
    std::vector<std::shared_ptr<Record>> records;
    io::Event happened;  // a message came, or a connection ended

  private:
    struct Connection;
    using Peer = std::shared_ptr<Connection>;

    io::Task<> accept_all();
    io::Task<> serve(Peer peer);
    io::Task<bool> converse(Peer peer);
    io::Task<bool> start_tls(Peer peer);
    io::Task<bool> log_in(Peer peer, std::string command);
    io::Task<bool> judge(Peer peer, std::string response);
    io::Task<bool> take_content(Peer peer);
    // Says `text`, or does what the script wants done here. False: the connection has ended.
    io::Task<bool> reply(Peer peer, Point point, std::string text);
    io::Task<bool> say(Peer peer, std::string text);
    io::Task<bool> read_more(Peer peer);
    // Without its CRLF; nothing when the connection has ended.
    io::Task<std::optional<std::string>> read_line(Peer peer);

    io::testing::Loop& loop_;
    std::optional<io::TlsServer> tls_;
    io::Listener listener_;
    std::vector<std::weak_ptr<Connection>> open_;
};

}  // namespace mailramp::upstream::testing
