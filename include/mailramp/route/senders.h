// mailramp/route/senders.h: which addresses a message carries when a mailbox submits it.
//
// Exchange Online takes a message only if both MAIL FROM and the From field are the mailbox or an address
// that it may send as; anything else is SendAsDenied, and repeated SendAsDenied throttles the whole mailbox
// for all programs (Microsoft, "Continuous error throttling for SMTP AUTH submissions"). Old programs write
// root@host. So, unless told otherwise, what the mailbox may not send as becomes the mailbox. Pure.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "mailramp/mail/originators.h"

namespace mailramp::route {

enum class SenderMode {
    keep,      // nothing is changed
    collapse,  // every sender that is not allowed becomes the mailbox
    map,       // a table says what a sender becomes; one it does not name becomes the mailbox
};

struct SenderMapping {
    std::string pattern;  // as Match::senders: "erp-*@*", "<>"; "root" for a From of that bare word
    std::string address;  // an address that the mailbox may send as
};

// What one mailbox may send as.
struct SenderPolicy {
    SenderMode mode = SenderMode::collapse;
    std::string mailbox;                 // its address
    std::vector<std::string> allowed;    // patterns of further addresses that it may send as
    std::vector<SenderMapping> map;      // in order, the first that matches counts; for SenderMode::map
    std::vector<std::string> own_names;  // of this machine: addresses there are no place to reply to
};

struct SenderPlan {
    std::string envelope_sender;    // for MAIL FROM; empty is the null sender
    mail::OriginatorChange change;  // of the header section
    std::string from;               // what the server will see in From; may be empty in mode keep
};

[[nodiscard]] SenderPlan plan_senders(const SenderPolicy& policy, std::string_view envelope_sender,
                                      const mail::Originators& header);

// Whether a reply to `address` could arrive: a domain that other machines can know, so not a bare host name,
// an address literal, one of `own_names`, or a name reserved for local or test use (RFC 6761, 6762, 7686,
// 8375, 9476, and ICANN's .internal).
[[nodiscard]] bool is_routable(std::string_view address, const std::vector<std::string>& own_names);

}  // namespace mailramp::route
