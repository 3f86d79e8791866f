#include "unit/upstream/scripted_server.h"

#include <array>

#include "mailramp/base/text.h"

namespace mailramp::upstream::testing {

using io::testing::patient;

struct ScriptedServer::Connection {
    Connection(io::Stream connected, std::shared_ptr<Record> written, const io::Executor& executor)
        : stream(std::move(connected)), record(std::move(written)), never(executor) {}

    io::Stream stream;
    std::shared_ptr<Record> record;
    std::string unread;
    io::Event never;
    Fault last_fault = Fault::none;  // of the last reply()
    bool sender = false;
    std::size_t recipients = 0;
};

namespace {

io::Listener bind(io::testing::Loop& loop) {
    const io::Endpoint anywhere{"127.0.0.1", 0};
    return io::Listener::bind_tcp(loop.executor(), anywhere, 16).value();
}

}  // namespace

ScriptedServer::ScriptedServer(io::testing::Loop& loop, std::optional<io::TlsServer> tls)
    : happened(loop.executor()), loop_(loop), tls_(std::move(tls)), listener_(bind(loop)) {
    loop_.spawn(accept_all());
}

std::size_t ScriptedServer::messages() const {
    std::size_t all = 0;
    for (const auto& record : records)
        all += record->messages.size();
    return all;
}

std::string ScriptedServer::heard() const {
    std::string all;
    for (const auto& record : records)
        all += record->plain + record->encrypted;
    return all;
}

void ScriptedServer::cut_connections() {
    for (const auto& connection : open_)
        if (const auto peer = connection.lock()) peer->stream.close();
}

io::Task<> ScriptedServer::accept_all() {
    for (;;) {
        auto stream = co_await listener_.accept();
        if (!stream) co_return;
        records.push_back(std::make_shared<Record>());
        auto peer = std::make_shared<Connection>(std::move(*stream), records.back(), loop_.executor());
        open_.push_back(peer);
        loop_.spawn(serve(std::move(peer)));
    }
}

io::Task<> ScriptedServer::serve(Peer peer) {
    const bool greeted =
        co_await reply(peer, Point::banner, "220 mx.test Microsoft ESMTP MAIL Service ready\r\n");
    bool going = greeted;
    while (going)
        going = co_await converse(peer);
    peer->stream.close();
    peer->record->ended = true;
    happened.notify();
}

// One command. False: the connection has ended.
io::Task<bool> ScriptedServer::converse(Peer peer) {
    const auto line = co_await read_line(peer);
    if (!line) co_return false;
    const std::string verb = base::to_lower(line->substr(0, 4));
    if (verb == "ehlo") {
        const bool again = peer->stream.is_tls();
        const Point point = again ? Point::ehlo_again : Point::ehlo;
        std::string capabilities = again ? script.ehlo_tls : script.ehlo_plain;
        co_return co_await reply(peer, point, std::move(capabilities));
    }
    if (verb == "star") co_return co_await start_tls(peer);
    if (verb == "auth") co_return co_await log_in(peer, *line);
    if (verb == "mail") {
        peer->recipients = 0;
        const bool answered = co_await reply(peer, Point::mail, "250 2.1.0 Sender OK\r\n");
        peer->sender = peer->last_fault == Fault::none;
        co_return answered;
    }
    if (verb == "rcpt") {
        if (!peer->sender) co_return co_await say(peer, "503 5.5.2 Need mail command\r\n");
        const bool answered = co_await reply(peer, Point::rcpt, "250 2.1.5 Recipient OK\r\n");
        if (peer->last_fault == Fault::none) ++peer->recipients;
        co_return answered;
    }
    if (verb == "data") {
        if (peer->recipients == 0) co_return co_await say(peer, "503 5.5.2 Need rcpt command\r\n");
        co_return co_await take_content(peer);
    }
    if (verb == "rset") co_return co_await say(peer, "250 2.0.0 Resetting\r\n");
    if (verb == "quit") {
        peer->record->said_quit = true;
        co_await say(peer, "221 2.0.0 Service closing transmission channel\r\n");
        co_return false;
    }
    co_return co_await say(peer, "500 5.5.2 Unrecognized command\r\n");
}

io::Task<bool> ScriptedServer::start_tls(Peer peer) {
    const bool agreed = co_await reply(peer, Point::starttls, script.starttls);
    if (!agreed) co_return false;
    if (script.point == Point::tls) co_return co_await reply(peer, Point::tls, "");
    auto secured = co_await peer->stream.accept_tls(*tls_, patient);
    co_return secured.has_value();
}

io::Task<bool> ScriptedServer::log_in(Peer peer, std::string command) {
    const std::size_t initial = command.find(' ', 5);
    if (initial != std::string::npos) co_return co_await judge(peer, command.substr(initial + 1));
    const bool asked = co_await say(peer, "334 \r\n");
    if (!asked) co_return false;
    auto response = co_await read_line(peer);
    if (!response) co_return false;
    co_return co_await judge(peer, std::move(*response));
}

io::Task<bool> ScriptedServer::judge(Peer peer, std::string response) {
    const bool bad = script.bad_responses.contains(response);
    peer->record->auth_responses.push_back(std::move(response));
    if (bad) co_return co_await say(peer, "535 5.7.3 Authentication unsuccessful [TEST]\r\n");
    co_return co_await reply(peer, Point::auth, "235 2.7.0 Authentication successful\r\n");
}

io::Task<bool> ScriptedServer::take_content(Peer peer) {
    const bool invited =
        co_await reply(peer, Point::data, "354 Start mail input; end with <CRLF>.<CRLF>\r\n");
    if (!invited) co_return false;
    if (peer->last_fault != Fault::none) co_return true;
    if (script.point == Point::body) {
        const bool more = co_await read_more(peer);
        if (!more) co_return false;
        co_return co_await reply(peer, Point::body, "");
    }
    smtp::DataReader reader(1ull << 30);
    std::string content;
    for (;;) {
        peer->unread.erase(0, reader.read(peer->unread, content));
        if (reader.ended()) break;
        const bool more = co_await read_more(peer);
        if (!more) co_return false;
    }
    const bool answered =
        co_await reply(peer, Point::body_end, "250 2.0.0 OK <receipt@mx.test> [Hostname=MX.TEST]\r\n");
    if (!answered) co_return false;
    if (peer->last_fault != Fault::none) co_return true;
    peer->record->messages.push_back(std::move(content));
    happened.notify();
    co_return true;
}

io::Task<bool> ScriptedServer::reply(Peer peer, Point point, std::string text) {
    const bool here =
        script.point == point && script.times > 0 && peer->record->messages.size() >= script.messages_before;
    const Fault fault = here ? script.fault : Fault::none;
    if (here) --script.times;
    peer->last_fault = fault;
    switch (fault) {
        case Fault::none:
            co_return co_await say(peer, std::move(text));
        case Fault::drop:
            co_return false;
        case Fault::hang:
            break;
        case Fault::say:
            co_return co_await say(peer, script.text);
        case Fault::say_and_stop:
            co_await say(peer, script.text);
            co_await peer->never.wait();
            co_return false;
    }
    for (bool more = true; more;)
        more = co_await read_more(peer);
    co_return false;
}

io::Task<bool> ScriptedServer::say(Peer peer, std::string text) {
    auto written = co_await peer->stream.write(text, patient);
    co_return written.has_value();
}

io::Task<bool> ScriptedServer::read_more(Peer peer) {
    std::array<char, 16384> buffer;
    auto read = co_await peer->stream.read_some(buffer, patient);
    if (!read) co_return false;
    const std::string_view octets(buffer.data(), *read);
    peer->unread += octets;
    (peer->stream.is_tls() ? peer->record->encrypted : peer->record->plain) += octets;
    co_return true;
}

io::Task<std::optional<std::string>> ScriptedServer::read_line(Peer peer) {
    for (;;) {
        const std::size_t end = peer->unread.find("\r\n");
        if (end != std::string::npos) {
            std::string line = peer->unread.substr(0, end);
            peer->unread.erase(0, end + 2);
            co_return line;
        }
        const bool more = co_await read_more(peer);
        if (!more) co_return std::nullopt;
    }
}

}  // namespace mailramp::upstream::testing
