#include "io/curl_transfer.h"

#include <algorithm>
#include <utility>

#include <openssl/ssl.h>

#include "mailramp/base/text.h"

namespace mailramp::io {
namespace {

// All header fields of one response together.
constexpr std::size_t header_bytes_max = 32 * 1024;
// Most bodies (tokens, errors) fit at once, so that no half-grown copy of a token is left in the heap.
constexpr std::size_t body_bytes_first = 16 * 1024;
constexpr std::size_t error_bytes_max = 300;

long milliseconds(base::Duration duration) {
    return static_cast<long>(std::chrono::ceil<std::chrono::milliseconds>(duration).count());
}

// Grows without leaving the octets behind in freed memory.
void append_secretly(std::string& text, std::string_view part) {
    const std::size_t needed = text.size() + part.size();
    if (needed > text.capacity()) {
        std::string larger;
        larger.reserve(std::max({needed, 2 * text.capacity(), body_bytes_first}));
        larger = text;
        base::wipe(text);
        text.swap(larger);
    }
    text += part;
}

bool has_line_break(std::string_view text) {
    return text.find_first_of(std::string_view("\r\n\0", 3)) != text.npos;
}

// "https://login.example/tenant/token?x" → "https://login.example": a path may hold identifiers.
std::string origin(const std::string& url) {
    const std::size_t host = url.find("://");
    const std::size_t end = url.find_first_of("/?#", host == std::string::npos ? 0 : host + 3);
    return base::printable(url.substr(0, end), error_bytes_max);
}

base::ErrorKind kind_of(CURLcode code) {
    switch (static_cast<int>(code)) {
        case CURLE_OPERATION_TIMEDOUT:
            return base::ErrorKind::timeout;
        case CURLE_COULDNT_RESOLVE_HOST:
        case CURLE_COULDNT_RESOLVE_PROXY:
            return base::ErrorKind::not_found;
        case CURLE_COULDNT_CONNECT:
            return base::ErrorKind::unavailable;
        case CURLE_UNSUPPORTED_PROTOCOL:
        case CURLE_URL_MALFORMAT:
            return base::ErrorKind::invalid;
        case CURLE_SSL_CONNECT_ERROR:
        case CURLE_PEER_FAILED_VERIFICATION:
        case CURLE_SSL_CIPHER:
        case CURLE_SSL_CERTPROBLEM:
            return base::ErrorKind::tls;
        case CURLE_GOT_NOTHING:
        case CURLE_SEND_ERROR:
        case CURLE_RECV_ERROR:
        case CURLE_PARTIAL_FILE:
            return base::ErrorKind::closed;
        case CURLE_WEIRD_SERVER_REPLY:
            return base::ErrorKind::protocol;
        case CURLE_OUT_OF_MEMORY:
            return base::ErrorKind::limit;
        default:
            return base::ErrorKind::io;
    }
}

}  // namespace

base::Result<> CurlTransfer::prepare(X509_STORE* trusted, const std::string& user_agent) {
    easy_.reset(curl_easy_init());
    if (!easy_) return base::fail(base::ErrorKind::limit, "libcurl has no memory for a request");
    CURL* easy = easy_.get();
    curl_easy_setopt(easy, CURLOPT_PRIVATE, this);
    curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, error_text_.data());
    curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
    // A lookup that hangs is left behind instead of waited for, or it would hold up every other request.
    curl_easy_setopt(easy, CURLOPT_QUICK_EXIT, 1L);
    curl_easy_setopt(easy, CURLOPT_NETRC, static_cast<long>(CURL_NETRC_IGNORED));
    curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 0L);
    curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, static_cast<long>(CURL_HTTP_VERSION_1_1));
    // Requests are an hour apart: a kept connection would only cost memory and be found dead.
    curl_easy_setopt(easy, CURLOPT_FORBID_REUSE, 1L);
    curl_easy_setopt(easy, CURLOPT_USERAGENT, user_agent.c_str());
    curl_easy_setopt(easy, CURLOPT_SSLVERSION, static_cast<long>(CURL_SSLVERSION_TLSv1_2));
    curl_easy_setopt(easy, CURLOPT_SSL_VERIFYPEER, 1L);
    curl_easy_setopt(easy, CURLOPT_SSL_VERIFYHOST, 2L);
    curl_easy_setopt(easy, CURLOPT_CAINFO, nullptr);
    curl_easy_setopt(easy, CURLOPT_CAPATH, nullptr);
    curl_easy_setopt(easy, CURLOPT_SSL_CTX_DATA, trusted);
    if (curl_easy_setopt(easy, CURLOPT_SSL_CTX_FUNCTION, &CurlTransfer::on_ssl_context) != CURLE_OK)
        return base::fail(base::ErrorKind::tls, "this libcurl does not use OpenSSL");
    if (auto set = set_target(); !set) return set;
    if (auto set = set_headers(); !set) return set;
    set_body();
    set_limits();
    return {};
}

base::Result<> CurlTransfer::set_target() {
    CURL* easy = easy_.get();
    const bool local = !request_.unix_socket.empty();
    if (has_line_break(request_.url) || has_line_break(request_.method) || request_.method.empty())
        return base::fail(base::ErrorKind::invalid, "a URL or method with a line break");
    curl_easy_setopt(easy, CURLOPT_URL, request_.url.c_str());
    const char* const schemes = request_.schemes == UrlSchemes::https ? "https" : "https,http";
    curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, local ? "http" : schemes);
    if (local) curl_easy_setopt(easy, CURLOPT_UNIX_SOCKET_PATH, request_.unix_socket.c_str());
    // Empty strings, not absence: absence would mean the environment.
    curl_easy_setopt(easy, CURLOPT_PROXY, request_.proxy.c_str());
    curl_easy_setopt(easy, CURLOPT_NOPROXY, "");
    curl_easy_setopt(easy, CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L);
    return {};
}

base::Result<> CurlTransfer::set_headers() {
    std::vector<std::string> lines = {"Expect:"};  // no waiting for "100 Continue"
    for (const auto& [name, value] : request_.headers) {
        if (name.empty() || has_line_break(name) || has_line_break(value))
            return base::fail(base::ErrorKind::invalid, "a header field with a line break");
        lines.push_back(value.empty() ? name + ";" : name + ": " + value);
    }
    for (std::string& line : lines) {
        curl_slist* longer = curl_slist_append(headers_.get(), line.c_str());
        base::wipe(line);
        if (longer == nullptr)
            return base::fail(base::ErrorKind::limit, "libcurl has no memory for a request");
        static_cast<void>(headers_.release());
        headers_.reset(longer);
    }
    curl_easy_setopt(easy_.get(), CURLOPT_HTTPHEADER, headers_.get());
    curl_easy_setopt(easy_.get(), CURLOPT_HEADERFUNCTION, &CurlTransfer::on_header);
    curl_easy_setopt(easy_.get(), CURLOPT_HEADERDATA, this);
    return {};
}

void CurlTransfer::set_body() {
    CURL* easy = easy_.get();
    const std::string_view body = request_.body.reveal();
    if (!body.empty() || request_.method == "POST") {
        curl_easy_setopt(easy, CURLOPT_POST, 1L);
        curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(body.size()));
        curl_easy_setopt(easy, CURLOPT_POSTFIELDS,
                         body.data());  // not copied: `request_` lives as long as `easy_`
    } else if (request_.method == "HEAD") {
        curl_easy_setopt(easy, CURLOPT_NOBODY, 1L);
    }
    curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, request_.method.c_str());
    curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, &CurlTransfer::on_body);
    curl_easy_setopt(easy, CURLOPT_WRITEDATA, this);
}

void CurlTransfer::set_limits() {
    curl_easy_setopt(easy_.get(), CURLOPT_CONNECTTIMEOUT_MS, milliseconds(request_.connect_timeout));
    curl_easy_setopt(easy_.get(), CURLOPT_TIMEOUT_MS, milliseconds(request_.total_timeout));
}

void CurlTransfer::finish(CURLcode code) {
    if (code != CURLE_OK) return finish(error_of(code));
    long status = 0;
    curl_easy_getinfo(easy_.get(), CURLINFO_RESPONSE_CODE, &status);
    response_.status = static_cast<int>(status);
    response_.body = base::Secret(std::move(body_));
    outcome_.emplace(std::move(response_));
    easy_.reset();
    arrive();
}

void CurlTransfer::finish(base::Error error) {
    base::wipe(body_);
    outcome_.emplace(std::unexpected(std::move(error)));
    easy_.reset();
    arrive();
}

base::Error CurlTransfer::error_of(CURLcode code) const {
    const std::string where = request_.method + " " + origin(request_.url) + ": ";
    if (too_large_)
        return {base::ErrorKind::limit, where + "the response is larger than " +
                                            std::to_string(request_.response_bytes_max) + " octets"};
    const std::string_view detail = error_text_[0] != '\0' ? error_text_.data() : curl_easy_strerror(code);
    return {kind_of(code), where + base::printable(detail, error_bytes_max)};
}

bool CurlTransfer::take_header_line(std::string_view line) {
    header_bytes_ += line.size();
    if (header_bytes_ > header_bytes_max) {
        too_large_ = true;
        return false;
    }
    // A status line starts anew: what came before belonged to an interim response (1xx).
    if (line.starts_with("HTTP/")) {
        response_.headers.clear();
        return true;
    }
    const std::size_t colon = line.find(':');
    if (colon == std::string_view::npos) return true;
    response_.headers.emplace_back(base::to_lower(base::trim(line.substr(0, colon))),
                                   std::string(base::trim(line.substr(colon + 1))));
    return true;
}

bool CurlTransfer::take_body(std::string_view part) {
    if (body_.size() + part.size() > request_.response_bytes_max) {
        too_large_ = true;
        return false;
    }
    append_secretly(body_, part);
    return true;
}

// libcurl is C: nothing may be thrown through it. Any number but `size * count` ends the transfer.
std::size_t CurlTransfer::on_header(char* data, std::size_t size, std::size_t count, void* self) {
    try {
        return static_cast<CurlTransfer*>(self)->take_header_line({data, size * count}) ? size * count : 0;
    } catch (const std::exception&) {
        return 0;
    }
}

std::size_t CurlTransfer::on_body(char* data, std::size_t size, std::size_t count, void* self) {
    try {
        return static_cast<CurlTransfer*>(self)->take_body({data, size * count}) ? size * count : 0;
    } catch (const std::exception&) {
        return 0;
    }
}

CURLcode CurlTransfer::on_ssl_context(CURL*, void* ssl_context, void* store) {
    auto* trusted = static_cast<X509_STORE*>(store);
    if (X509_STORE_up_ref(trusted) != 1) return CURLE_OUT_OF_MEMORY;
    SSL_CTX_set_cert_store(static_cast<SSL_CTX*>(ssl_context), trusted);  // takes over the reference
    return CURLE_OK;
}

}  // namespace mailramp::io
