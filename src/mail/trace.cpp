#include "mailramp/mail/trace.h"

#include <algorithm>
#include <chrono>
#include <functional>
#include <utility>

#include "mailramp/base/result.h"

namespace mailramp::mail {
namespace {

bool is_letter_or_digit(char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

bool is_host_octet(char c) {
    return is_letter_or_digit(c) || std::string_view(".-_:[]").contains(c);
}

// Two digits, or as many as it has.
std::string padded(long long number, std::size_t digits) {
    std::string text = std::to_string(number);
    if (text.size() < digits) text.insert(0, digits - text.size(), '0');
    return text;
}

// A host name that cannot break out of the field: what no name or address literal has in it becomes '?'.
std::string harmless_host(std::string_view name) {
    constexpr std::size_t bytes_max = 255;
    std::string out(name.substr(0, bytes_max));
    std::ranges::replace_if(out, std::not_fn(is_host_octet), '?');
    return out.empty() ? "unknown" : out;
}

// RFC 5321 §4.1.3: "[127.0.0.1]", "[IPv6:::1]".
std::string address_literal(std::string_view address) {
    std::string literal = address.find(':') == std::string_view::npos ? "[" : "[IPv6:";
    return literal.append(harmless_host(address)).append("]");
}

std::string_view protocol_name(WithProtocol with) {
    switch (with) {
        case WithProtocol::smtp:
            return "SMTP";
        case WithProtocol::esmtp:
            return "ESMTP";
        case WithProtocol::esmtpa:
            return "ESMTPA";
        case WithProtocol::esmtps:
            return "ESMTPS";
        case WithProtocol::esmtpsa:
            return "ESMTPSA";
        case WithProtocol::utf8smtp:
            return "UTF8SMTP";
        case WithProtocol::utf8smtpa:
            return "UTF8SMTPA";
        case WithProtocol::utf8smtps:
            return "UTF8SMTPS";
        case WithProtocol::utf8smtpsa:
            return "UTF8SMTPSA";
    }
    return "SMTP";
}

// Joins the words with spaces, or with a fold where the line would pass 78 octets (RFC 5322 §2.1.1).
class FoldedField {
  public:
    explicit FoldedField(std::string_view name) : text_(name), column_(name.size()) {}
    void word(std::string_view word) {
        constexpr std::size_t columns_max = 78;
        const bool fold = column_ + 1 + word.size() > columns_max;
        text_ += fold ? "\r\n\t" : " ";
        text_ += word;
        column_ = (fold ? 0 : column_) + 1 + word.size();
    }
    [[nodiscard]] std::string take() && { return std::move(text_) + "\r\n"; }

  private:
    std::string text_;
    std::size_t column_;
};

}  // namespace

std::string received_field(const Trace& trace) {
    FoldedField field("Received:");
    field.word("from " + harmless_host(trace.helo));
    if (!trace.client_address.empty()) field.word("(" + address_literal(trace.client_address) + ")");
    field.word("by " + harmless_host(trace.host_name));
    field.word("(mailramp)");
    std::string with = std::string("with ").append(protocol_name(trace.with));
    if (!trace.queue_id.empty()) with.append(" id ").append(harmless_host(trace.queue_id));
    field.word(with + ";");
    field.word(header_date(trace.received));
    return std::move(field).take();
}

std::string header_date(base::WallTime time) {
    using std::chrono::days;
    constexpr std::array<std::string_view, 7> day_names{"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
    constexpr std::array<std::string_view, 12> month_names{"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                                           "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
    const auto day = std::chrono::floor<days>(time);
    const std::chrono::year_month_day date(day);
    const std::chrono::hh_mm_ss clock(std::chrono::floor<std::chrono::seconds>(time - day));
    std::string out(day_names[std::chrono::weekday(day).c_encoding()]);
    out.append(", ").append(padded(static_cast<unsigned>(date.day()), 2));
    out.append(" ").append(month_names[static_cast<unsigned>(date.month()) - 1]);
    out.append(" ").append(padded(static_cast<int>(date.year()), 4));
    out.append(" ").append(padded(clock.hours().count(), 2));
    out.append(":").append(padded(clock.minutes().count(), 2));
    out.append(":").append(padded(clock.seconds().count(), 2));
    return out.append(" +0000");
}

std::string message_id(const std::array<std::byte, 16>& entropy, std::string_view host_name) {
    constexpr std::string_view digits = "0123456789abcdef";
    std::string out = "<";
    for (const std::byte octet : entropy) {
        out += digits[std::to_integer<std::size_t>(octet >> 4)];
        out += digits[std::to_integer<std::size_t>(octet & std::byte{15})];
    }
    std::string host(host_name);
    // Only what a dot-atom has (RFC 5322 §3.6.4); an address literal or an odd name must not spoil the id.
    std::erase_if(host, [](char c) { return !is_letter_or_digit(c) && c != '.' && c != '-'; });
    const bool usable = !host.empty() && host.front() != '.' && host.back() != '.' && !host.contains("..");
    return out.append("@").append(usable ? host : "localhost").append(">");
}

std::string head_of(const HeaderSection& section, const Trace& trace) {
    using State = HeaderSection::State;
    base::check(section.state() != State::reading && section.state() != State::too_large,
                "the header section is complete before fields are added to it");
    std::string head = received_field(trace);
    if (!section.facts().has_date) head.append("Date: ").append(header_date(trace.received)).append("\r\n");
    if (!section.facts().has_message_id)
        head.append("Message-ID: ").append(message_id(trace.entropy, trace.host_name)).append("\r\n");
    head.append(section.octets());
    if (section.state() == State::no_separator) head.append("\r\n").append(section.body_start());
    return head;
}

}  // namespace mailramp::mail
