#include "smtp/client_commands.h"

#include <algorithm>

#include "mailramp/base/text.h"

namespace mailramp::smtp {
namespace {

constexpr std::size_t path_bytes_max = 320;       // 64 + "@" + 255 (RFC 5321 §4.5.3.1)
constexpr std::size_t ehlo_name_bytes_max = 255;  // RFC 5321 §4.5.3.1.2
constexpr std::size_t dsn_value_bytes_max = 500;  // RFC 3461 §4.2

bool is_control(char c) {
    const auto octet = static_cast<unsigned char>(c);
    return octet < 0x20 || octet == 0x7f;
}

bool is_visible_ascii(char c) {
    return c > 0x20 && c < 0x7f;
}

bool is_safe_parameter(std::string_view value) {
    return !value.empty() && value.size() <= dsn_value_bytes_max &&
           std::ranges::all_of(value, is_visible_ascii);
}

}  // namespace

bool is_safe_path(std::string_view address) {
    if (address.size() > path_bytes_max || !base::is_utf8(address)) return false;
    enum class At { plain, quoted, escaped } at = At::plain;
    for (const char c : address) {
        if (is_control(c)) return false;
        switch (at) {
            case At::plain:
                if (c == ' ' || c == '<' || c == '>' || c == '\\') return false;
                if (c == '"') at = At::quoted;
                break;
            case At::quoted:
                if (c == '\\') at = At::escaped;
                if (c == '"') at = At::plain;
                break;
            case At::escaped:
                at = At::quoted;
                break;
        }
    }
    return at == At::plain;
}

bool is_safe_ehlo_name(std::string_view name) {
    return !name.empty() && name.size() <= ehlo_name_bytes_max && std::ranges::all_of(name, is_visible_ascii);
}

bool needs_smtputf8(const mail::Envelope& envelope) {
    if (envelope.smtputf8 || !base::is_ascii(envelope.sender)) return true;
    return std::ranges::any_of(envelope.recipients,
                               [](const mail::Recipient& r) { return !base::is_ascii(r.address); });
}

std::string mail_command(const OutgoingMessage& message, const Capabilities& capabilities) {
    const mail::Envelope& envelope = message.envelope;
    std::string line = "MAIL FROM:<" + envelope.sender + ">";
    if (capabilities.size_bytes_max) line += " SIZE=" + std::to_string(message.size_bytes);
    if (envelope.body == mail::BodyType::eight_bit_mime && capabilities.eight_bit_mime)
        line += " BODY=8BITMIME";
    if (needs_smtputf8(envelope) && capabilities.smtputf8) line += " SMTPUTF8";
    if (capabilities.dsn) {
        if (envelope.ret == mail::DsnReturn::full) line += " RET=FULL";
        if (envelope.ret == mail::DsnReturn::headers) line += " RET=HDRS";
        if (is_safe_parameter(envelope.envid)) line += " ENVID=" + envelope.envid;
    }
    return line + "\r\n";
}

std::string rcpt_command(const mail::Recipient& recipient, const Capabilities& capabilities) {
    std::string line = "RCPT TO:<" + recipient.address + ">";
    if (capabilities.dsn) {
        if (is_safe_parameter(recipient.notify)) line += " NOTIFY=" + recipient.notify;
        if (is_safe_parameter(recipient.orcpt)) line += " ORCPT=" + recipient.orcpt;
    }
    return line + "\r\n";
}

}  // namespace mailramp::smtp
