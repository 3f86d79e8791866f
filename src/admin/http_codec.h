// admin/http_codec.h: HTTP/1.1 as bytes: requests out of what a client sends, answers into what it gets. No
// I/O.
//
// Boost.Beast reads and writes; it is included in this file's .cpp and nowhere else, since it takes half a
// minute to compile.
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>

#include "admin/api.h"

namespace mailramp::admin {

enum class ConnectionFate { keep, close };
enum class ContentPart { sent, left_out };  // left out in answers to HEAD

struct HttpLimits {
    std::size_t header_bytes_max = 0;
    std::size_t body_bytes_max = 0;
};

// Turns octets into requests, one after the other.
class HttpReader {
  public:
    enum class Step {
        need_bytes,
        request,  // take_request()
        refused,  // what came cannot be answered with anything but refusal(); the connection is over
    };

    explicit HttpReader(HttpLimits limits);
    ~HttpReader();
    HttpReader(const HttpReader&) = delete;
    HttpReader& operator=(const HttpReader&) = delete;

    void receive(std::string_view octets);
    [[nodiscard]] Step next();

    // The request that next() told of, once. The content of requests is read over: no route has a use for it.
    [[nodiscard]] ApiRequest take_request();
    // Whether the client wants to send another request after this one. Valid until the next next().
    [[nodiscard]] ConnectionFate fate() const;
    [[nodiscard]] ApiResponse refusal() const;

  private:
    struct Impl;
    std::unique_ptr<Impl> impl_;
};

// The octets of an answer.
[[nodiscard]] std::string http_text(const ApiResponse& response, ConnectionFate fate, ContentPart content);

}  // namespace mailramp::admin
