// cli/reading.h: reading the admin API's JSON without trusting it. Pure.
//
// A field that is missing or of another type reads as empty, so that a command works with a daemon of another
// release. Text is made printable: no escape sequence of a hostile server reaches the terminal through us.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>

#include "mailramp/base/clock.h"

namespace mailramp::cli {

[[nodiscard]] std::string text_at(const boost::json::object& object, std::string_view key);
[[nodiscard]] std::uint64_t number_at(const boost::json::object& object, std::string_view key);
[[nodiscard]] bool flag_at(const boost::json::object& object, std::string_view key);
[[nodiscard]] std::optional<base::WallTime> time_at(const boost::json::object& object, std::string_view key);
// The object or array itself, or an empty one that lives as long as the program.
[[nodiscard]] const boost::json::object& object_at(const boost::json::object& object, std::string_view key);
[[nodiscard]] const boost::json::array& array_at(const boost::json::object& object, std::string_view key);

// "451 4.7.500 Server busy (at the end of the message)"; empty when nobody has answered.
[[nodiscard]] std::string answer_text(const boost::json::object& answer);

}  // namespace mailramp::cli
