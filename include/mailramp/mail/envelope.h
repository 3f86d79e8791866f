// mailramp/mail/envelope.h: who a message is from and for, apart from its content (RFC 5321 §2.3.1).
#pragma once

#include <string>
#include <vector>

namespace mailramp::mail {

enum class BodyType { seven_bit, eight_bit_mime };  // RFC 6152
enum class DsnReturn { unset, full, headers };      // RFC 3461 §4.3

struct Recipient {
    std::string address;  // the forward path without its angle brackets
    std::string notify;   // RFC 3461 NOTIFY, as given; empty when absent
    std::string orcpt;    // RFC 3461 ORCPT, as given; empty when absent
};

struct Envelope {
    std::string sender;  // the reverse path without its angle brackets; empty is the null sender
    std::vector<Recipient> recipients;
    BodyType body = BodyType::seven_bit;
    bool smtputf8 = false;  // RFC 6531: the client asked for it
    DsnReturn ret = DsnReturn::unset;
    std::string envid;
};

}  // namespace mailramp::mail
