// sendmail/message.h: the message as it is handed on, and whom its header names. Pure.
//
// Bcc and Resent-Bcc go, always: whoever reads the message must not learn of them, and nothing that comes
// through here needs them any more. A From is written where there is none. Every other octet stays; Date,
// Message-ID and Received are the daemon's.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "mailramp/base/result.h"
#include "sendmail/address_list.h"

namespace mailramp::sendmail {

inline constexpr std::size_t header_bytes_max = 1024 * 1024;
inline constexpr std::size_t header_fields_max = 10'000;

struct Author {
    std::string address;
    std::string name;  // may be empty
};

class Message {
  public:
    // `content` has CRLF line ends. ErrorKind::limit when its header section is larger than the limits above.
    [[nodiscard]] static base::Result<Message> from(std::string content, const Author& author);

    // What comes first: the header section and the blank line.
    [[nodiscard]] std::string_view head() const { return head_; }
    // The rest. Valid as long as the message stays where it is.
    [[nodiscard]] std::string_view body() const { return std::string_view(content_).substr(body_begin_); }
    [[nodiscard]] std::uint64_t size_bytes() const { return head_.size() + body().size(); }
    [[nodiscard]] bool has_eight_bit() const;
    // Whether a CR stands within a line of the header section as it was given. Some programs read it as a
    // line end and find a field there, others do not: what is hidden in it nobody can tell.
    [[nodiscard]] bool has_bare_cr_in_header() const { return has_bare_cr_in_header_; }
    // Whom -t means: To, Cc and Bcc, or, where a Resent-To, -Cc or -Bcc exists, all of those instead.
    [[nodiscard]] const AddressList& recipients() const { return recipients_; }

  private:
    std::string content_;
    std::string head_;
    std::size_t body_begin_ = 0;
    bool has_bare_cr_in_header_ = false;
    AddressList recipients_;
};

// "From: Jane Doe <jane@example.com>\r\n"; the name quoted or encoded where RFC 5322 or 2047 ask for it, and
// left out where it is not UTF-8.
[[nodiscard]] std::string from_field(const Author& author);

}  // namespace mailramp::sendmail
