// mailramp/base/result.h: how an operation says that it failed.
//
// Three kinds of failure, three tools: an operation that may fail returns a Result; what the other side of a
// protocol said is a value (mail::Answer), never an error; a broken invariant is base::check(), kept in
// release builds. Exceptions of libraries are caught at the edge of the area that uses the library.
#pragma once

#include <cstdlib>
#include <expected>
#include <string>
#include <string_view>
#include <utility>

namespace mailramp::base {

// What went wrong, as far as a caller could act on it. The message is for a human.
enum class ErrorKind {
    invalid,      // the input breaks a rule; trying again with the same input is pointless
    not_found,    // the named thing does not exist
    conflict,     // the named thing is busy, locked or already there
    limit,        // a named limit was reached
    io,           // the operating system refused (the message has its words)
    timeout,      // a deadline passed
    closed,       // the other side ended the connection
    protocol,     // the other side broke the protocol
    tls,          // the TLS handshake or the certificate check failed
    unavailable,  // not now, perhaps later
    cancelled,    // the daemon is stopping
    internal,     // an exception of a library that nobody expected
};

struct [[nodiscard]] Error {
    ErrorKind kind = ErrorKind::internal;
    std::string message;
};

// The value, or why there is none. Functions that return one are [[nodiscard]].
template <class T = void>
using Result = std::expected<T, Error>;

// `return fail(ErrorKind::io, "open /x: Permission denied");`
[[nodiscard]] inline std::unexpected<Error> fail(ErrorKind kind, std::string message) {
    return std::unexpected(Error{kind, std::move(message)});
}

// Adds what was being done in front of why it failed; the kind stays.
[[nodiscard]] inline std::unexpected<Error> fail(std::string_view doing, Error cause) {
    cause.message.insert(0, ": ").insert(0, doing);
    return std::unexpected(std::move(cause));
}

// "open /x" and errno → "open /x: Permission denied".
[[nodiscard]] Error system_error(std::string_view doing, int errno_value);

// Ends the program, saying what was believed and where. For invariants of ours, never for input.
void check(bool holds, const char* belief);

}  // namespace mailramp::base
