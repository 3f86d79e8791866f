// mailramp/mail/header_section.h: finds the header section of a message and a few facts in it (RFC 5322
// §2.2).
//
// Fed the content from its first octet, with CRLF line ends, in pieces of any size. It keeps the octets of
// the section (at most `header_bytes_max`) until the caller has written the fields that go in front of it,
// and never rewrites one of them. The section ends with the blank line, with the content, or in front of the
// first line that is neither a field nor a continuation; in the last case nothing separates it from the body
// and the caller must write a blank line, so that all readers see the same body (trace.h's head_of() does all
// of this).
//
// An mbox separator (`From a@b Thu Jan 1…`) as the first line is envelope, not content, and is left out.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace mailramp::mail {

struct HeaderLimits {
    std::size_t header_bytes_max = 256 * 1024;  // A longer section is refused with 552 5.3.4.
    std::size_t fields_max = 1000;              // More fields are refused in the same way.
    std::size_t name_bytes_max = 998;           // A longer field name is no field name but text of the body.
    std::size_t received_max = 50;              // More `Received:` mean a loop: 554 5.4.6.
    std::size_t value_bytes_max = 2048;  // The values of `From:` and `Message-ID:` are kept up to here.
};

struct HeaderFacts {
    bool has_date = false;
    bool has_message_id = false;
    std::string message_id;      // value of the first Message-ID, unfolded and trimmed
    std::size_t from_count = 0;  // 1 in a proper message
    std::string from;            // value of the first From, unfolded and trimmed; raw octets, not printable
    std::size_t received_count = 0;  // hops so far
    std::size_t field_count = 0;     // 0: the message has no header section at all
};

class HeaderSection {
  public:
    enum class State {
        reading,
        blank_line,      // complete; octets() end with the blank line
        no_separator,    // complete; the body follows without a blank line
        end_of_message,  // complete; there is no body
        too_large,       // header_bytes_max or fields_max is passed; nothing more is kept
    };

    explicit HeaderSection(HeaderLimits limits = {}) : limits_(limits) {}

    // Takes what belongs to the section from the front of `content` and returns how many octets of it were
    // used. The rest is body, to be passed on untouched. In state no_separator the first octets of the body
    // may have come in an earlier piece: body_start() has them, and they go in front of the rest.
    [[nodiscard]] std::size_t feed(std::string_view content);
    // The content ends here. No effect when the section is complete already.
    void finish();

    [[nodiscard]] State state() const { return state_; }
    [[nodiscard]] bool reading() const { return state_ == State::reading; }
    [[nodiscard]] const HeaderFacts& facts() const { return facts_; }
    // More `Received:` than a sane path has: answer 554 5.4.6.
    [[nodiscard]] bool loops() const { return facts_.received_count > limits_.received_max; }
    [[nodiscard]] std::string_view octets() const { return octets_; }
    // What all of it takes in memory now, the line under way included.
    [[nodiscard]] std::size_t held_bytes() const {
        return octets_.size() + line_.size() + body_start_.size() + facts_.from.size() +
               facts_.message_id.size();
    }
    [[nodiscard]] std::string_view body_start() const { return body_start_; }
    // Gives the memory back once the octets are written.
    void release();

  private:
    enum class LineKind { unknown, blank, field, continuation, mbox_separator, body };
    [[nodiscard]] LineKind kind_of_line() const;
    void take_line(LineKind kind);
    void take_field();
    // Which field's value the continuation lines belong to.
    enum class Kept { nothing, from, message_id };
    void keep_value(std::string_view value);
    void end(State state);

    HeaderLimits limits_;
    State state_ = State::reading;
    HeaderFacts facts_;
    std::string octets_;  // complete lines of the section
    std::string line_;    // the line under way
    std::string body_start_;
    Kept kept_ = Kept::nothing;
};

}  // namespace mailramp::mail
