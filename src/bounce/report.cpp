#include "mailramp/bounce/report.h"

#include <algorithm>

#include "mailramp/base/text.h"
#include "mailramp/mail/dsn.h"
#include "mailramp/mail/trace.h"

namespace mailramp::bounce {
namespace {

constexpr std::size_t line_columns = 76;         // words are wrapped there
constexpr std::size_t field_bytes_max = 900;     // RFC 5322 §2.1.1: a line has 998 at most, with its name
constexpr std::size_t recipients_told_max = 20;  // in the words; the fields name all of them

std::string clean(std::string_view text) {
    return base::printable(text, field_bytes_max);
}

std::string boundary_of(const Report& report) {
    constexpr std::string_view digits = "0123456789abcdef";
    std::string boundary = "=_report_";  // no line of quoted-printable or base64 begins like this
    for (const std::byte octet : report.entropy) {
        const auto value = std::to_integer<unsigned>(octet);
        boundary += digits[value >> 4U];
        boundary += digits[value & 15U];
    }
    return boundary;
}

void add_field(std::string& out, std::string_view name, std::string_view value) {
    out.append(name).append(": ").append(clean(value)).append("\r\n");
}

// As a line of plain text that is wrapped at blanks; each line begins with `indent`.
void add_words(std::string& out, std::string_view indent, std::string_view text) {
    std::string line(indent);
    const std::string words = clean(text);
    for (std::string_view rest = words; !rest.empty();) {
        const std::size_t blank = std::min(rest.find(' '), rest.size());
        const std::string_view word = rest.substr(0, blank);
        rest.remove_prefix(std::min(blank + 1, rest.size()));
        if (word.empty()) continue;
        if (line.size() > indent.size() && line.size() + 1 + word.size() > line_columns) {
            out.append(line).append("\r\n");
            line = indent;
        }
        if (line.size() > indent.size()) line += ' ';
        line += word;
    }
    out.append(line).append("\r\n");
}

const char* word_of(Action action) {
    switch (action) {
        case Action::failed:
            return "failed";
        case Action::delayed:
            return "delayed";
        case Action::relayed:
            return "relayed";
    }
    return "failed";
}

std::string_view subject_of(Action action) {
    switch (action) {
        case Action::failed:
            return "Undelivered mail";
        case Action::delayed:
            return "Delayed mail";
        case Action::relayed:
            return "Mail was relayed";
    }
    return "";
}

std::string_view opening_of(Action action) {
    switch (action) {
        case Action::failed:
            return "This message could not be delivered, and is not tried any more.";
        case Action::delayed:
            return "This message could not be delivered yet. It is still tried; nobody has to send it again.";
        case Action::relayed:
            return "This message was given to a mail server that does not tell what becomes of it.";
    }
    return "";
}

// RFC 6533 §3, in seven bits: what is not plain ASCII, as \x{FC}.
std::string address_field(std::string_view address) {
    if (base::is_ascii(address)) return "rfc822;" + std::string(address);
    constexpr std::string_view digits = "0123456789ABCDEF";
    constexpr unsigned digit_bits = 4;
    std::string text = "utf-8;";
    for (std::size_t i = 0; i < address.size();) {
        const auto lead = static_cast<unsigned char>(address[i]);
        if (lead < 0x80) {
            text += address[i++];
            continue;
        }
        const std::size_t octets = lead >= 0xF0 ? 4 : lead >= 0xE0 ? 3 : 2;
        unsigned point = lead & (0x7FU >> octets);
        for (std::size_t k = 1; k < octets && i + k < address.size(); ++k)
            point = (point << 6U) | (static_cast<unsigned char>(address[i + k]) & 0x3FU);
        i += octets;
        std::string hexadecimal;
        for (; point != 0 || hexadecimal.size() < 2; point >>= digit_bits)
            hexadecimal.insert(hexadecimal.begin(), digits[point & 15U]);
        text.append("\\x{").append(hexadecimal).append("}");
    }
    return text;
}

// The type, and the address as it was before it became xtext. What is not xtext was never taken.
std::string original_recipient(const std::string& orcpt) {
    const std::size_t semicolon = orcpt.find(';');
    if (semicolon == std::string::npos) return {};
    const std::string type = orcpt.substr(0, semicolon);
    const std::string encoded = orcpt.substr(semicolon + 1);
    if (!base::is_ascii(encoded)) return base::is_utf8(encoded) ? address_field(encoded) : std::string();
    const auto address = mail::decoded_xtext(encoded);
    return address ? type + ";" + *address : std::string();
}

void add_recipient_words(std::string& text, const RecipientStatus& recipient, Action action) {
    text += "\r\n";
    add_words(text, "  ", recipient.address);
    if (action == Action::relayed) return;
    if (!recipient.cause.empty()) add_words(text, "    ", "Why: " + recipient.cause);
    if (!recipient.remedy.empty()) add_words(text, "    ", "What to do: " + recipient.remedy);
    if (recipient.answer.channel != mail::Channel::none)
        add_words(text, "    ",
                  (recipient.server.empty() ? "The answer was: " : recipient.server + " said: ") +
                      mail::to_string(recipient.answer));
    if (recipient.tried_until && action == Action::delayed)
        add_words(text, "    ", "It is tried until " + mail::header_date(*recipient.tried_until) + ".");
}

std::string words_of(const Report& report) {
    std::string text;
    add_words(text, "", "This is mailramp, the mail relay on " + report.host_name + ".");
    text += "\r\n";
    add_words(text, "", opening_of(report.action));
    for (std::size_t i = 0; i < std::min(report.recipients.size(), recipients_told_max); ++i)
        add_recipient_words(text, report.recipients[i], report.action);
    if (report.recipients.size() > recipients_told_max)
        add_words(text, "  ",
                  "and " + std::to_string(report.recipients.size() - recipients_told_max) +
                      " more, who are named in the second part.");
    text += "\r\n";
    add_words(text, "", "The message:");
    add_words(text, "  ", "from " + (report.sender.empty() ? "<> (nobody)" : report.sender));
    if (!report.subject.empty()) add_words(text, "  ", "Subject: " + report.subject);
    if (!report.message_id.empty()) add_words(text, "  ", "Message-ID: " + report.message_id);
    add_words(text, "  ", "accepted " + mail::header_date(report.accepted) + " as " + report.queue_id);
    text += "\r\n";
    add_words(text, "",
              report.returned == Returned::message ? "It is attached." : "Its headers are attached.");
    return text;
}

void add_recipient_fields(std::string& out, const RecipientStatus& recipient, Action action) {
    out += "\r\n";
    if (const std::string original = original_recipient(recipient.orcpt); !original.empty())
        add_field(out, "Original-Recipient", original);
    add_field(out, "Final-Recipient", address_field(recipient.address));
    add_field(out, "Action", word_of(action));
    add_field(out, "Status", status_of(recipient.answer, action));
    if (!recipient.server.empty()) add_field(out, "Remote-MTA", "dns;" + recipient.server);
    if (recipient.answer.channel == mail::Channel::smtp && recipient.answer.code != 0) {
        std::string diagnostic = "smtp;" + std::to_string(recipient.answer.code);
        for (const std::string& part : {recipient.answer.enhanced, recipient.answer.text})
            if (!part.empty()) diagnostic.append(" ").append(part);
        // The fields are seven bits (RFC 3464 §2.1).
        std::ranges::replace_if(diagnostic, [](char c) { return static_cast<unsigned char>(c) > 0x7E; }, '?');
        add_field(out, "Diagnostic-Code", diagnostic);
    }
    if (recipient.last_tried) add_field(out, "Last-Attempt-Date", mail::header_date(*recipient.last_tried));
    if (recipient.tried_until && action == Action::delayed)
        add_field(out, "Will-Retry-Until", mail::header_date(*recipient.tried_until));
}

std::string fields_of(const Report& report) {
    std::string out;
    add_field(out, "Reporting-MTA", "dns;" + report.host_name);
    if (const auto envid = mail::decoded_xtext(report.envid); envid && !envid->empty())
        add_field(out, "Original-Envelope-Id", *envid);
    add_field(out, "Arrival-Date", mail::header_date(report.accepted));
    for (const RecipientStatus& recipient : report.recipients)
        add_recipient_fields(out, recipient, report.action);
    return out;
}

std::string encoding_of(bool eight_bit) {
    return std::string("Content-Transfer-Encoding: ") + (eight_bit ? "8bit" : "7bit") + "\r\n";
}

bool is_code_of_class(std::string_view enhanced, char number) {
    return enhanced.size() >= 5 && enhanced.front() == number && enhanced[1] == '.';
}

}  // namespace

std::string status_of(const mail::Answer& answer, Action action) {
    const char number = action == Action::failed ? '5' : action == Action::delayed ? '4' : '2';
    if (is_code_of_class(answer.enhanced, number) && action != Action::relayed) return answer.enhanced;
    if (action == Action::relayed) return "2.0.0";
    // What was tried for too long failed with a transient answer: RFC 3463 has a code for just that.
    if (action == Action::failed && (answer.code / 100 == 4 || answer.code == 0)) return "5.4.7";
    return std::string(1, number) + ".0.0";
}

std::string message_id_of(const Report& report) {
    return mail::message_id(report.entropy, report.host_name);
}

bool has_eight_bit(const Report& report) {
    return report.eight_bit || !base::is_ascii(words_of(report));
}

std::string head_of(const Report& report) {
    const std::string boundary = boundary_of(report);
    const std::string words = words_of(report);
    std::string out;
    add_field(out, "Date", mail::header_date(report.now));
    add_field(out, "From", "Mail Delivery System <" + report.from + ">");
    add_field(out, "To", "<" + report.to + ">");
    add_field(out, "Subject", std::string(subject_of(report.action)) + " (" + report.queue_id + ")");
    add_field(out, "Message-ID", message_id_of(report));
    if (report.message_id.starts_with('<') && report.message_id.ends_with('>') &&
        base::is_ascii(report.message_id)) {
        add_field(out, "In-Reply-To", report.message_id);
        add_field(out, "References", report.message_id);
    }
    // RFC 3834 §5. The other is what Exchange looks at before it answers by itself.
    add_field(out, "Auto-Submitted", "auto-replied");
    add_field(out, "X-Auto-Response-Suppress", "All");
    add_field(out, "MIME-Version", "1.0");
    out +=
        "Content-Type: multipart/report; report-type=delivery-status;\r\n\tboundary=\"" + boundary + "\"\r\n";
    out += encoding_of(has_eight_bit(report));
    out += "\r\nThis is a report in MIME.\r\n\r\n--" + boundary + "\r\n";
    out += "Content-Type: text/plain; charset=utf-8\r\nContent-Description: Notification\r\n";
    out += encoding_of(!base::is_ascii(words)) + "\r\n" + words;
    out += "\r\n--" + boundary + "\r\n";
    out += "Content-Type: message/delivery-status\r\nContent-Description: Delivery report\r\n\r\n";
    out += fields_of(report);
    out += "\r\n--" + boundary + "\r\n";
    const bool whole = report.returned == Returned::message;
    out += std::string("Content-Type: ") + (whole ? "message/rfc822" : "text/rfc822-headers") + "\r\n";
    out += std::string("Content-Description: ") + (whole ? "Undelivered message" : "Its header section") +
           "\r\n";
    out += encoding_of(report.eight_bit) + "\r\n";
    return out;
}

std::string tail_of(const Report& report) {
    return "\r\n--" + boundary_of(report) + "--\r\n";
}

}  // namespace mailramp::bounce
