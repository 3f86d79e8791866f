// Parameters of RFC 3461: what is accepted is one word for a command, and hides no control character.
#include <cstddef>
#include <cstdint>
#include <string>

#include "mailramp/base/result.h"
#include "mailramp/base/text.h"
#include "mailramp/mail/dsn.h"

using mailramp::base::check;
using namespace mailramp::mail;  // NOLINT(google-build-using-namespace): a test of just these

namespace {

void check_word(const std::string& word, std::size_t bytes_max) {
    check(!word.empty() && word.size() <= bytes_max, "a parameter has its limits");
    check(word.find(' ') == std::string::npos, "a parameter is one word");
    check(mailramp::base::printable(word, word.size()) == word, "a parameter is printable");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string text(reinterpret_cast<const char*>(data), size);
    if (const auto decoded = decoded_xtext(text)) {
        check(mailramp::base::is_ascii(*decoded), "xtext stands for ASCII");
        check(mailramp::base::printable(*decoded, decoded->size()) == *decoded, "xtext hides no control");
        check(decoded_xtext(encoded_xtext(*decoded)) == decoded, "xtext reads back");
    }
    check(is_xtext(encoded_xtext(text)), "what is encoded is xtext");
    if (const auto notify = parse_notify(text)) {
        constexpr std::size_t notify_bytes_max = 21;  // all three words
        check_word(*notify, notify_bytes_max);
        check(parse_notify(*notify) == *notify, "NOTIFY reads back as itself");
        const bool never = *notify == "NEVER";
        const bool some = wants_notice(*notify, Notice::success) || wants_notice(*notify, Notice::failure) ||
                          wants_notice(*notify, Notice::delay);
        check(never != some, "NOTIFY asks for something, or is NEVER");
    }
    if (const auto envid = parse_envid(text)) check_word(*envid, envid_bytes_max);
    for (const Utf8 utf8 : {Utf8::refused, Utf8::allowed}) {
        const auto orcpt = parse_orcpt(text, utf8);
        if (!orcpt) continue;
        check_word(*orcpt, orcpt_bytes_max);
        check(utf8 == Utf8::allowed || mailramp::base::is_ascii(*orcpt), "ORCPT is ASCII without SMTPUTF8");
        check(orcpt->find(';') != std::string::npos, "ORCPT has a type");
    }
    return 0;
}
