// A driver of the client's side without a socket, and the server's lines that most tests need.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "mailramp/smtp/client_protocol.h"

namespace mailramp::smtp {

inline constexpr const char* banner = "220 mx.example.com Microsoft ESMTP MAIL Service ready\r\n";
inline constexpr const char* ehlo_plain =
    "250-mx.example.com Hello [203.0.113.7]\r\n250-SIZE "
    "157286400\r\n250-PIPELINING\r\n250-DSN\r\n250-STARTTLS\r\n"
    "250-8BITMIME\r\n250 SMTPUTF8\r\n";
inline constexpr const char* ehlo_tls =
    "250-mx.example.com Hello [203.0.113.7]\r\n250-SIZE 157286400\r\n250-PIPELINING\r\n250-DSN\r\n"
    "250-ENHANCEDSTATUSCODES\r\n250-AUTH LOGIN XOAUTH2\r\n250-8BITMIME\r\n250-BINARYMIME\r\n250-CHUNKING\r\n"
    "250 SMTPUTF8\r\n";
inline constexpr const char* ehlo_step_by_step = "250-mx.example.com\r\n250 AUTH XOAUTH2\r\n";

inline mail::Envelope envelope(std::vector<std::string> recipients) {
    mail::Envelope out;
    out.sender = "relay@example.com";
    for (std::string& address : recipients)
        out.recipients.push_back({std::move(address), "", ""});
    return out;
}

// A driver without a socket. Every reply is given octet by octet or whole, as `pieces` says.
struct ClientDialog {
    enum class Pieces { whole, single_octets };

    explicit ClientDialog(ClientOptions options = {}, Pieces cut = Pieces::whole)
        : pieces(cut), protocol(std::move(options)) {}

    // The client's octets since the last call.
    std::string sent() { return protocol.take_output(); }
    void reply(std::string_view text) {
        if (pieces == Pieces::whole) return protocol.receive(text);
        for (const char& octet : text)
            protocol.receive({&octet, 1});
    }
    // Sends what is waiting, then hears the reply. Returns what was sent.
    std::string exchange(std::string_view text) {
        std::string out = sent();
        reply(text);
        return out;
    }

    void to_credentials(std::string_view ehlo = ehlo_tls) {
        reply(banner);
        exchange(ehlo_plain);
        exchange("220 2.0.0 SMTP server ready\r\n");
        ASSERT_EQ(protocol.next(), ClientProtocol::Step::start_tls);
        protocol.tls_started();
        exchange(ehlo);
    }
    void to_ready(std::string_view ehlo = ehlo_tls) {
        to_credentials(ehlo);
        ASSERT_EQ(protocol.next(), ClientProtocol::Step::need_credentials);
        protocol.authenticate("relay@example.com", base::Secret("token"));
        exchange("235 2.7.0 Authentication successful\r\n");
        ASSERT_EQ(protocol.next(), ClientProtocol::Step::ready);
    }
    void submit(std::vector<std::string> recipients) {
        protocol.submit({envelope(std::move(recipients)), 100});
    }
    // From 354 to the octets after which the outcome hangs in the air.
    std::string send_content(std::string_view content = "Subject: x\r\n\r\nHello\r\n") {
        protocol.send_body(content);
        std::string out = sent();
        protocol.end_body();
        return out + sent();
    }

    Pieces pieces;
    ClientProtocol protocol;
};

inline ClientOptions plain_options() {
    ClientOptions options;
    options.starttls = StartTls::none;
    options.authentication = Authentication::none;
    return options;
}

inline std::vector<RecipientFate> fates(const std::vector<RecipientOutcome>& outcomes) {
    std::vector<RecipientFate> out;
    for (const RecipientOutcome& outcome : outcomes)
        out.push_back(outcome.fate);
    return out;
}

// What can be said in place of a yes, in every phase.
struct Interruption {
    const char* name;
    const char* text;  // nullptr: the connection ends
};
inline constexpr Interruption interruptions[] = {
    {"4xx", "451 4.7.0 Temporary server error. Please try again later. PRX2\r\n"},
    {"5xx", "550 5.7.1 no\r\n"},
    {"421", "421 4.3.2 Service not available\r\n"},
    {"garbage", "HTTP/1.1 400 Bad Request\r\n\r\n"},
    {"wrong continuation", "250-a\r\n354 b\r\n"},
    {"drop", nullptr},
};

inline void interrupt(ClientDialog& d, const Interruption& how) {
    d.sent();
    if (how.text != nullptr) return d.reply(how.text);
    d.protocol.connection_lost({base::ErrorKind::closed, "connection closed by the server"});
}

}  // namespace mailramp::smtp
