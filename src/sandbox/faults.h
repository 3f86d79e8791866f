// sandbox/faults.h: what goes wrong on demand, by name. Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "mailramp/base/result.h"

namespace mailramp::sandbox {

// A fault that was asked for.
struct Fault {
    std::string name;
    std::optional<std::uint64_t> times_left;  // nothing: until it is cleared
    std::string mailbox;  // in lower case; empty: every mailbox (drop-recipient: the recipient)
};

struct FaultName {
    std::string_view name;
    std::string_view meaning;
};

class Faults {
  public:
    // Every name there is, for --list-faults.
    [[nodiscard]] static std::span<const FaultName> names();
    // "NAME", "NAME:COUNT", "NAME@MAILBOX" or "NAME:COUNT@MAILBOX". ErrorKind::invalid names what is wrong.
    [[nodiscard]] static base::Result<Fault> parse(std::string_view text);

    // ErrorKind::invalid for an unknown name.
    [[nodiscard]] base::Result<> arm(Fault fault);
    void clear() { armed_.clear(); }
    void clear(std::string_view name);
    // Whether the fault is to happen now, to this mailbox; it is then one less.
    [[nodiscard]] bool take(std::string_view name, std::string_view mailbox = {});
    [[nodiscard]] const std::vector<Fault>& armed() const { return armed_; }

  private:
    std::vector<Fault> armed_;
};

// Faults that are a reply to the end of the message: the text follows the code, %m is the mailbox, %s the
// sender.
struct ReplyFault {
    std::string_view name;
    int code;
    std::string_view text;  // with the enhanced code
};
[[nodiscard]] std::span<const ReplyFault> auth_reply_faults();
[[nodiscard]] std::span<const ReplyFault> message_reply_faults();

}  // namespace mailramp::sandbox
