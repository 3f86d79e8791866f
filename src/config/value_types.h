// config/value_types.h: the kinds of values a key may have: how each is read, described and shown; pure.
//
// Strict: decimal integers only, `true` and `false` only, a unit with every duration and size, nothing in
// quotes that is not text.
#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "config/document.h"
#include "mailramp/base/clock.h"
#include "mailramp/base/result.h"
#include "mailramp/delivery/options.h"
#include "mailramp/io/listener.h"
#include "mailramp/route/cidr.h"

namespace mailramp::config {

template <class T>
struct ValueType {
    std::string words;  // what is allowed: "a duration of 1s to 1h"
    // From the text of a scalar. The error says what is wrong with it, in the form `"25x" is not …`.
    std::function<base::Result<T>(const std::string& text)> read;
    std::function<std::string(const T& value)> show;  // as it would stand in the file
    bool takes_quotes = true;                         // a number in quotes is a text
    std::string examples = {};                        // ", as 30s, 5m or 1h": said with an error only

    [[nodiscard]] std::string allowed() const { return "allowed: " + words + examples; }
};

[[nodiscard]] ValueType<bool> boolean();
[[nodiscard]] ValueType<std::uint64_t> integer(std::uint64_t min, std::uint64_t max);
[[nodiscard]] ValueType<double> fraction(double min, double max);
[[nodiscard]] ValueType<base::Duration> duration(base::Duration min, base::Duration max);
[[nodiscard]] ValueType<std::uint64_t> size(std::uint64_t min_bytes, std::uint64_t max_bytes);
// Permission bits as chmod(1) takes them: 0660.
[[nodiscard]] ValueType<unsigned> file_mode();

// A day of the calendar, which stands for its beginning in UTC.
[[nodiscard]] ValueType<base::WallTime> date();

[[nodiscard]] ValueType<std::filesystem::path> absolute_path();
[[nodiscard]] ValueType<std::string> host_name();
[[nodiscard]] ValueType<std::string> mail_address();
[[nodiscard]] ValueType<delivery::BounceTarget> bounce_target();
[[nodiscard]] ValueType<std::string> address_pattern();
[[nodiscard]] ValueType<std::string> domain_pattern();
[[nodiscard]] ValueType<std::string> mail_domain();
[[nodiscard]] ValueType<std::string> alias_name();
[[nodiscard]] ValueType<std::string> alias_target();
[[nodiscard]] ValueType<std::string> tenant();
[[nodiscard]] ValueType<std::string> client_id();
[[nodiscard]] ValueType<std::string> https_authority();
[[nodiscard]] ValueType<std::string> http_proxy();
[[nodiscard]] ValueType<std::string> scope();
// A word of a command line, whatever is in it.
[[nodiscard]] ValueType<std::string> command_word();
// A name of the user's choice, or one that refers to it.
[[nodiscard]] ValueType<std::string> name();
[[nodiscard]] ValueType<std::string> group_name();
[[nodiscard]] ValueType<std::string> listener_name();
[[nodiscard]] ValueType<io::Endpoint> endpoint();
[[nodiscard]] ValueType<route::Cidr> address_block();

// One word of a list.
template <class E>
[[nodiscard]] ValueType<E> choice(const std::vector<std::pair<std::string, E>>& words);

[[nodiscard]] bool is_guid(std::string_view text);
[[nodiscard]] std::string show_endpoint(const io::Endpoint& endpoint);
// `"text"`, printable, only its first word: a value in an error.
[[nodiscard]] std::string in_quotes(std::string_view text);
// "any, ipv4, ipv6"
[[nodiscard]] std::string joined(const std::vector<std::string>& words);

template <class E>
ValueType<E> choice(const std::vector<std::pair<std::string, E>>& words) {
    std::vector<std::string> names;
    for (const auto& [word, value] : words)
        names.push_back(word);
    const auto read = [words](const std::string& text) -> base::Result<E> {
        for (const auto& [word, value] : words)
            if (word == text) return value;
        return base::fail(base::ErrorKind::invalid,
                          in_quotes(text) + " is none of the words that this key takes");
    };
    const auto show = [words](const E& shown) {
        for (const auto& [word, value] : words)
            if (value == shown) return word;
        return std::string();
    };
    return {"one of " + joined(names), read, show, true};
}

}  // namespace mailramp::config
