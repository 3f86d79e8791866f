// mailramp/bounce/report.h: a delivery status notification, written (RFC 3464 in the frame of RFC 6522).
//
// Three parts: words for people, fields for programs, and the message that it is about, or its header
// section. What stands in front of that message and what stands behind it is made here; the message itself is
// for the caller to put between them, in pieces, so that a large one is never in memory. What came from the
// network is made printable. Pure: time and chance come in as arguments.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "mailramp/base/clock.h"
#include "mailramp/mail/answer.h"

namespace mailramp::bounce {

enum class Action { failed, delayed, relayed };  // RFC 3464 §2.3.3

// What the third part is.
enum class Returned {
    headers,  // the header section: text/rfc822-headers
    message,  // all of it: message/rfc822
};

// What became of one recipient.
struct RecipientStatus {
    std::string address;
    std::string orcpt;  // RFC 3461, as given: "rfc822;a+2Bb@example.com"; empty: absent
    mail::Answer answer;
    std::string cause;   // in plain words; may be empty
    std::string remedy;  // what to do; may be empty
    std::string server;  // who gave the answer; empty: nobody or mailramp itself
    std::optional<base::WallTime> last_tried;
    std::optional<base::WallTime> tried_until;  // for Action::delayed
};

struct Report {
    Action action = Action::failed;
    Returned returned = Returned::headers;
    std::string host_name;  // ours
    std::string from;       // the address that sends the report
    std::string to;
    base::WallTime now;
    std::array<std::byte, 16> entropy{};  // makes boundary and Message-ID unique
    // The message that it is about.
    std::string queue_id;
    std::string message_id;  // with its angle brackets, or empty
    std::string subject;     // or empty
    std::string sender;      // of its envelope
    std::string envid;       // RFC 3461, as given; empty: absent
    base::WallTime accepted;
    bool eight_bit = false;  // what is returned has octets above 127
    std::vector<RecipientStatus> recipients;
};

// All that stands in front of the returned message.
[[nodiscard]] std::string head_of(const Report& report);
// All that stands behind it. What is returned must be empty or end in CRLF.
[[nodiscard]] std::string tail_of(const Report& report);
// The Message-ID of the report, with its angle brackets.
[[nodiscard]] std::string message_id_of(const Report& report);

// Whether the report itself has octets above 127, with what is returned.
[[nodiscard]] bool has_eight_bit(const Report& report);

// What the status field says (RFC 3463): the enhanced code of the answer if it fits the action, else the
// nearest that says no more than is known.
[[nodiscard]] std::string status_of(const mail::Answer& answer, Action action);

// Whether a header section says that nobody should answer it by himself: Auto-Submitted other than "no" (RFC
// 3834 §5), a mailing list's fields (RFC 2369, RFC 2919), Precedence bulk, list or junk.
[[nodiscard]] bool forbids_reports(std::string_view header_section);

// The value of the first field of that name, unfolded and trimmed, printable; empty: none.
[[nodiscard]] std::string field_value(std::string_view header_section, std::string_view name);

}  // namespace mailramp::bounce
