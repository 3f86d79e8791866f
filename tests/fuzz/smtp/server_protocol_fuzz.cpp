// ServerProtocol: any octets in any pieces give the same session, bounded replies and clean messages.
#include <cstddef>
#include <cstdint>
#include <string>

#include "mailramp/base/result.h"
#include "unit/smtp/dialog.h"
#include "unit/smtp/wire_strings.h"

namespace {

using mailramp::base::check;
using namespace mailramp::smtp::testing;  // NOLINT(google-build-using-namespace): a test of just these

using mailramp::smtp::AuthOffer;
using mailramp::smtp::StartTlsOffer;

Dialog small_limits() {
    Dialog dialog;
    dialog.options.host_name = "mail.test";
    dialog.options.domain_if_missing = "example.org";
    dialog.options.message_bytes_max = 200;
    dialog.options.discarded_bytes_max = 400;
    dialog.options.command_line_bytes_max = 100;
    dialog.options.recipients_max = 3;
    dialog.options.errors_max = 5;
    dialog.options.commands_without_mail_max = 20;
    dialog.options.starttls = StartTlsOffer::offered;
    dialog.options.auth = AuthOffer::always;
    dialog.options.auth_line_bytes_max = 150;
    dialog.options.auth_failures_max = 2;
    dialog.rejected["auth x"] = {535, "5.7.8", "no"};
    dialog.rejected["mail <x@x>"] = {550, "5.7.1", "no"};
    dialog.rejected["rcpt <x@x>"] = {550, "5.1.1", "no"};
    dialog.rejected["rcpt <y@y>"] = {421, "4.3.2", "no"};
    return dialog;
}

DialogOutcome replay(const Dialog& dialog, std::string_view octets, std::size_t piece_size) {
    DialogShell shell(dialog);
    for (std::size_t at = 0; at < octets.size(); at += piece_size)
        shell.receive(octets.substr(at, piece_size));
    return shell.outcome();
}

void check_output(std::string_view output) {
    check(is_crlf_only(output) && output.ends_with("\r\n"), "replies are lines");
    while (!output.empty()) {
        const std::size_t end = output.find("\r\n");
        const std::string_view line = output.substr(0, end);
        check(line.size() >= 4 && line.size() <= 510, "a reply line has at most 512 octets");
        check(line[0] >= '2' && line[0] <= '5' && (line[3] == ' ' || line[3] == '-'),
              "a reply line starts with a code");
        for (const char c : line)
            check(c >= ' ' && c <= '~', "replies are printable ASCII");
        output.remove_prefix(end + 2);
    }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size == 0) return 0;
    static const Dialog dialog = small_limits();
    const std::string_view octets(reinterpret_cast<const char*>(data) + 1, size - 1);
    const DialogOutcome whole = replay(dialog, octets, octets.size() + 1);
    check(replay(dialog, octets, 1) == whole, "a session octet by octet is the same");
    check(replay(dialog, octets, 2 + data[0]) == whole, "a session in pieces is the same");
    check_output(whole.output);
    check(whole.output.size() <= 200 + octets.size() * 100, "replies are bounded by what was said");
    for (const std::string& login : whole.logins)
        check(login.size() <= 150, "who logs in has sent it");
    for (const DialogMessage& message : whole.messages) {
        check(is_crlf_only(message.content) && message.content.size() <= 200,
              "messages are clean and within the limit");
        for (const char c : message.envelope)
            check(static_cast<unsigned char>(c) >= ' ' && c != '\x7F',
                  "no control character reaches an envelope");
    }
    return 0;
}
