#include "admin/http_codec.h"

#include <optional>
#include <utility>

#include <boost/asio/buffer.hpp>
#include <boost/asio/buffers_iterator.hpp>
#include <boost/beast/core/buffers_to_string.hpp>
#include <boost/beast/http/error.hpp>
#include <boost/beast/http/message.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/serializer.hpp>
#include <boost/beast/http/string_body.hpp>

#include "mailramp/base/result.h"
#include "mailramp/base/text.h"

namespace mailramp::admin {
namespace {

namespace http = boost::beast::http;

constexpr unsigned http_1_1 = 11;
constexpr std::size_t reason_bytes_max = 200;

ApiResponse refusal_for(const boost::beast::error_code& error, const HttpLimits& limits) {
    if (error == http::error::header_limit) {
        return error_response(431, "limit",
                              "the request line and header fields are longer than " +
                                  std::to_string(limits.header_bytes_max) + " octets");
    }
    if (error == http::error::body_limit) {
        return error_response(
            413, "limit", "the content is longer than " + std::to_string(limits.body_bytes_max) + " octets");
    }
    return error_response(400, "invalid",
                          "this is not HTTP/1.1: " + base::printable(error.message(), reason_bytes_max));
}

// RFC 9112 §3.2.
bool lacks_host(const http::request<http::string_body>& request) {
    return request.version() >= http_1_1 && request.count(http::field::host) != 1;
}

}  // namespace

struct HttpReader::Impl {
    explicit Impl(HttpLimits given) : limits(given) { start(); }

    void start() {
        parser.emplace();
        parser->header_limit(static_cast<std::uint32_t>(limits.header_bytes_max));
        parser->body_limit(limits.body_bytes_max);
        parser->eager(true);
    }

    HttpLimits limits;
    std::string unread;
    std::optional<http::request_parser<http::string_body>> parser;
    std::optional<ApiResponse> refusal;
    ConnectionFate fate = ConnectionFate::keep;
};

HttpReader::HttpReader(HttpLimits limits) : impl_(std::make_unique<Impl>(limits)) {}
HttpReader::~HttpReader() = default;

void HttpReader::receive(std::string_view octets) {
    impl_->unread += octets;
}

HttpReader::Step HttpReader::next() {
    Impl& impl = *impl_;
    if (impl.refusal) return Step::refused;
    if (!impl.unread.empty() && !impl.parser->is_done()) {
        boost::beast::error_code error;
        const std::size_t used = impl.parser->put(boost::asio::buffer(impl.unread), error);
        impl.unread.erase(0, used);
        if (error && error != http::error::need_more) impl.refusal = refusal_for(error, impl.limits);
    }
    if (!impl.refusal && impl.parser->is_done() && lacks_host(impl.parser->get())) {
        impl.refusal = error_response(400, "invalid", "an HTTP/1.1 request has exactly one Host field");
    }
    if (!impl.refusal && impl.parser->is_done()) {
        impl.fate = impl.parser->get().keep_alive() ? ConnectionFate::keep : ConnectionFate::close;
        return Step::request;
    }
    // Beast leaves incomplete lines with us: those of a header it has measured, those of chunks it has not.
    if (!impl.refusal && impl.unread.size() > impl.limits.header_bytes_max) {
        impl.refusal = refusal_for(http::error::header_limit, impl.limits);
    }
    return impl.refusal ? Step::refused : Step::need_bytes;
}

ApiRequest HttpReader::take_request() {
    base::check(impl_->parser->is_done(), "take_request() follows Step::request");
    const auto& message = impl_->parser->get();
    ApiRequest request;
    request.method = std::string(message.method_string());
    request.target = std::string(message.target());
    impl_->start();
    return request;
}

ConnectionFate HttpReader::fate() const {
    return impl_->fate;
}

ApiResponse HttpReader::refusal() const {
    base::check(impl_->refusal.has_value(), "refusal() follows Step::refused");
    return *impl_->refusal;
}

std::string http_text(const ApiResponse& response, ConnectionFate fate, ContentPart content) {
    http::response<http::string_body> message;
    message.version(http_1_1);
    message.result(static_cast<unsigned>(response.status));
    message.set(http::field::content_type, response.content_type);
    message.set(http::field::cache_control, "no-store");
    if (!response.allow.empty()) message.set(http::field::allow, response.allow);
    message.keep_alive(fate == ConnectionFate::keep);
    message.body() = response.body;
    message.prepare_payload();

    http::response_serializer<http::string_body> serializer(message);
    serializer.split(content == ContentPart::left_out);
    std::string out;
    boost::beast::error_code error;
    const auto take = [&](boost::beast::error_code&, const auto& buffers) {
        out += boost::beast::buffers_to_string(buffers);
        serializer.consume(boost::beast::buffer_bytes(buffers));
    };
    const auto over = [&] {
        return content == ContentPart::left_out ? serializer.is_header_done() : serializer.is_done();
    };
    while (!error && !over())
        serializer.next(error, take);
    base::check(!error, "a message made of strings can be written");
    return out;
}

}  // namespace mailramp::admin
