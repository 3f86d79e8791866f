// The one translation unit of the sandbox that sees Boost.Beast.
#include "sandbox/http_server.h"

#include <array>
#include <optional>
#include <utility>

#include <boost/asio/buffer.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/status.hpp>
#include <boost/beast/http/string_body.hpp>

#include "mailramp/base/http_date.h"
#include "mailramp/io/system_clock.h"

namespace mailramp::sandbox {
namespace {

namespace http = boost::beast::http;
using Parser = http::request_parser<http::string_body>;

constexpr std::size_t request_piece_bytes = 4096;  // at a time

struct Request {
    HttpCall call;
    bool keep_alive = false;
};

// Reads one request; `buffer` holds what came with it but belongs to the next one. Nothing when the client
// went.
io::Task<std::optional<Request>> read_request(io::Stream& stream, std::string& buffer,
                                              HttpServerOptions options) {
    Parser parser;
    parser.header_limit(static_cast<std::uint32_t>(options.header_bytes_max));
    parser.body_limit(options.body_bytes_max);
    parser.eager(true);
    std::array<char, request_piece_bytes> chunk{};
    while (!parser.is_done()) {
        boost::system::error_code error;
        const std::size_t used = parser.put(boost::asio::buffer(buffer), error);
        buffer.erase(0, used);
        if (parser.is_done()) break;
        if (error && error != http::error::need_more) co_return std::nullopt;
        auto got = co_await stream.read_some(chunk, options.request_timeout);
        if (!got) co_return std::nullopt;
        buffer.append(chunk.data(), *got);
    }
    Request request;
    request.keep_alive = parser.get().keep_alive();
    request.call.method = std::string(parser.get().method_string());
    request.call.target = std::string(parser.get().target());
    request.call.body = std::move(parser.get().body());
    co_return std::optional<Request>(std::move(request));
}

std::string serialize(const HttpAnswer& answer, bool keep_alive, base::WallTime now) {
    const auto status = static_cast<http::status>(answer.status);
    std::string text =
        "HTTP/1.1 " + std::to_string(answer.status) + " " + std::string(http::obsolete_reason(status)) +
        "\r\nDate: " + base::http_date(now) + "\r\nContent-Type: " + answer.content_type +
        "\r\nCache-Control: no-store, no-cache\r\nContent-Length: " + std::to_string(answer.body.size()) +
        "\r\n";
    if (!answer.retry_after.empty()) text += "Retry-After: " + answer.retry_after + "\r\n";
    if (!keep_alive) text += "Connection: close\r\n";
    return text + "\r\n" + answer.body;
}

}  // namespace

io::Task<> serve_https(io::Stream stream, io::TlsServer tls, const HttpHandler& handler,
                       HttpServerOptions options) {
    auto secured = co_await stream.accept_tls(tls, options.request_timeout);
    if (!secured) co_return;
    std::string buffer;
    for (;;) {
        auto request = co_await read_request(stream, buffer, options);
        if (!request) co_return;
        const HttpAnswer answer = handler(request->call);
        if (answer.hang) {
            // Only the client's going ends this early.
            std::array<char, 64> ignored{};
            static_cast<void>(co_await stream.read_some(ignored, options.hang_time));
            co_return;
        }
        const base::WallTime now = io::SystemClock().wall() + options.clock_offset;
        const std::string text = serialize(answer, request->keep_alive, now);
        auto written = co_await stream.write(text, options.request_timeout);
        if (!written || !request->keep_alive) co_return;
    }
}

}  // namespace mailramp::sandbox
