#include "mailramp/mail/header_section.h"

#include <algorithm>
#include <utility>

#include "mailramp/base/text.h"

namespace mailramp::mail {
namespace {

bool is_space(char c) {
    return c == ' ' || c == '\t';
}

// RFC 5322 §3.6.8: printable ASCII without the colon.
bool is_name(char c) {
    return c > ' ' && c < '\x7F' && c != ':';
}

std::size_t name_length(std::string_view line) {
    return static_cast<std::size_t>(std::ranges::find_if_not(line, is_name) - line.begin());
}

// Where the colon behind a field name would be: white space in front of it is obsolete but legal (RFC 5322
// §4.5).
std::size_t colon_position(std::string_view line) {
    const auto behind_name = line.begin() + static_cast<std::ptrdiff_t>(name_length(line));
    return static_cast<std::size_t>(std::ranges::find_if_not(behind_name, line.end(), is_space) -
                                    line.begin());
}

}  // namespace

std::size_t HeaderSection::feed(std::string_view content) {
    std::size_t used = 0;
    while (reading() && used < content.size()) {
        const std::size_t line_feed = content.find('\n', used);
        const bool whole = line_feed != std::string_view::npos;
        const std::string_view piece =
            content.substr(used, whole ? line_feed + 1 - used : std::string_view::npos);
        used += piece.size();
        line_ += piece;
        const LineKind kind = kind_of_line();
        const bool in_section = kind != LineKind::body && kind != LineKind::unknown;
        if (in_section && octets_.size() + line_.size() > limits_.header_bytes_max) {
            end(State::too_large);
        } else if (whole || kind == LineKind::body) {
            take_line(kind);
        }
    }
    return used;
}

void HeaderSection::finish() {
    if (!reading()) return;
    if (!line_.empty()) take_line(kind_of_line() == LineKind::unknown ? LineKind::body : kind_of_line());
    if (reading()) end(State::end_of_message);
}

void HeaderSection::release() {
    // Assigning an empty string would keep the memory.
    std::exchange(octets_, std::string()).shrink_to_fit();
    std::exchange(line_, std::string()).shrink_to_fit();
    std::exchange(body_start_, std::string()).shrink_to_fit();
}

// What the line under way is, as soon as its first octets tell; looks at no more than name_bytes_max of them.
HeaderSection::LineKind HeaderSection::kind_of_line() const {
    const bool first = octets_.empty();
    if (line_ == "\r\n") return LineKind::blank;
    if (line_.empty() || line_ == "\r") return LineKind::unknown;
    if (is_space(line_.front())) return first ? LineKind::body : LineKind::continuation;

    const std::string_view start = std::string_view(line_).substr(0, limits_.name_bytes_max + 1);
    const std::size_t colon = colon_position(start);
    if (colon == start.size())
        return start.size() > limits_.name_bytes_max ? LineKind::body : LineKind::unknown;
    if (start[colon] == ':' && colon > 0) return LineKind::field;
    if (first && (start.starts_with("From ") || start.starts_with(">From "))) return LineKind::mbox_separator;
    return LineKind::body;
}

// `line_` is complete, or certain to be body.
void HeaderSection::take_line(LineKind kind) {
    switch (kind) {
        case LineKind::mbox_separator:
            line_.clear();
            return;
        case LineKind::unknown:
        case LineKind::body:
            body_start_ = std::exchange(line_, std::string());
            end(State::no_separator);
            return;
        case LineKind::field:
            take_field();
            break;
        case LineKind::continuation:
            keep_value(line_);
            break;
        case LineKind::blank:
            break;
    }
    octets_ += line_;
    line_.clear();
    if (facts_.field_count > limits_.fields_max) {
        end(State::too_large);
    } else if (kind == LineKind::blank) {
        end(State::blank_line);
    }
}

void HeaderSection::take_field() {
    const std::string_view line = line_;
    const std::string_view name = line.substr(0, name_length(line));
    ++facts_.field_count;
    kept_ = Kept::nothing;
    if (base::equals_ignoring_case(name, "Date")) facts_.has_date = true;
    if (base::equals_ignoring_case(name, "Message-ID") && !facts_.has_message_id) {
        facts_.has_message_id = true;
        kept_ = Kept::message_id;
    }
    if (base::equals_ignoring_case(name, "Received")) ++facts_.received_count;
    if (base::equals_ignoring_case(name, "From") && ++facts_.from_count == 1) kept_ = Kept::from;
    keep_value(line.substr(colon_position(line) + 1));
}

// Unfolding takes the line ends away and leaves the white space (RFC 5322 §2.2.3).
void HeaderSection::keep_value(std::string_view value) {
    if (kept_ == Kept::nothing) return;
    std::string& kept = kept_ == Kept::from ? facts_.from : facts_.message_id;
    if (value.ends_with("\r\n")) value.remove_suffix(2);
    kept += value.substr(0, limits_.value_bytes_max - std::min(limits_.value_bytes_max, kept.size()));
}

void HeaderSection::end(State state) {
    state_ = state;
    facts_.from = base::trim(facts_.from);
    facts_.message_id = base::trim(facts_.message_id);
    if (state == State::too_large) release();
}

}  // namespace mailramp::mail
