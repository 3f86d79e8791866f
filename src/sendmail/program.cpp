#include "sendmail/program.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <exception>
#include <filesystem>
#include <iostream>
#include <optional>
#include <string>
#include <unordered_set>
#include <utility>
#include <vector>

#include <unistd.h>

#include "mailramp/base/text.h"
#include "mailramp/base/version.h"
#include "sendmail/address_list.h"
#include "sendmail/connection.h"
#include "sendmail/identity.h"
#include "sendmail/input_reader.h"
#include "sendmail/invocation.h"
#include "sendmail/message.h"
#include "sendmail/pass_through.h"
#include "sendmail/report.h"
#include "sendmail/server_list.h"
#include "sendmail/submission.h"

namespace mailramp::sendmail {
namespace {

constexpr const char* server_variable = "MAILRAMP_SENDMAIL_SERVER";
constexpr std::size_t input_bytes_max = 160 * 1024 * 1024;  // held in memory; the daemon takes less
constexpr std::size_t input_piece_bytes = 64 * 1024;
constexpr std::size_t recipients_max = 10'000;

ExitStatus say(ExitStatus status, const std::string& what) {
    std::cerr << "mailramp-sendmail: " << what << '\n';
    return status;
}

base::Result<std::vector<Server>> servers() {
    const char* named = std::getenv(server_variable);
    if (named == nullptr || *named == '\0') return read_servers(default_servers);
    auto list = read_servers(named);
    if (!list) return base::fail(server_variable, std::move(list).error());
    return list;
}

std::string how_to_reach(const base::Error& error) {
    return "mailramp does not answer (" + error.message + "); 'mailramp status' tells whether it runs, and " +
           server_variable + "=HOST:PORT says where it listens if that is elsewhere";
}

// ------------------------------------------------------------------ sending

base::Result<InputReader> read_input(LoneDot lone_dot) {
    InputReader reader(lone_dot, input_bytes_max);
    std::string piece(input_piece_bytes, '\0');
    while (!reader.ended() && !reader.too_large()) {
        const ssize_t got = ::read(STDIN_FILENO, piece.data(), piece.size());
        if (got < 0 && errno == EINTR) continue;
        if (got < 0)
            return std::unexpected(base::system_error("read the message from the standard input", errno));
        if (got == 0) break;
        reader.read(std::string_view(piece).substr(0, static_cast<std::size_t>(got)));
    }
    reader.finish();
    return reader;
}

// The envelope's sender: -f as far as it goes, else who calls.
base::Result<std::string> sender_of(const Invocation& invocation, const Identity& identity) {
    if (!invocation.sender) return qualified(identity.user, identity.domain);
    if (base::trim(*invocation.sender).empty() || *invocation.sender == "<>") return std::string();
    AddressList list;
    read_addresses(*invocation.sender, list);
    if (list.addresses.size() != 1 || !list.unreadable.empty())
        return base::fail(base::ErrorKind::invalid,
                          "-f takes one address, not '" +
                              base::printable(*invocation.sender, invocation.sender->size()) + "'");
    return qualified(std::move(list.addresses.front()), identity.domain);
}

Author author_of(const Invocation& invocation, const Identity& identity, const std::string& sender) {
    Author author{.address = sender, .name = invocation.full_name.value_or("")};
    if (sender.empty()) author.address = qualified(identity.user, identity.domain);
    const bool own_name = !invocation.full_name && !invocation.sender;
    if (own_name) author.name = identity.full_name;
    return author;
}

AddressList recipients_of(const Invocation& invocation, const Message& message) {
    AddressList list;
    for (const std::string& word : invocation.recipients)
        read_addresses(word, list);
    if (invocation.header_recipients == HeaderRecipients::added) {
        const AddressList& named = message.recipients();
        list.addresses.insert(list.addresses.end(), named.addresses.begin(), named.addresses.end());
        list.unreadable.insert(list.unreadable.end(), named.unreadable.begin(), named.unreadable.end());
    }
    std::unordered_set<std::string> known;
    std::erase_if(list.addresses,
                  [&known](const std::string& address) { return !known.insert(address).second; });
    return list;
}

mail::Envelope envelope_for(const Invocation& invocation, std::string sender, const Message& message,
                            const std::vector<std::string>& addresses) {
    mail::Envelope envelope;
    envelope.sender = std::move(sender);
    for (const std::string& address : addresses)
        envelope.recipients.push_back({.address = address, .notify = invocation.notify, .orcpt = {}});
    if (message.has_eight_bit()) envelope.body = mail::BodyType::eight_bit_mime;
    envelope.ret = invocation.ret;
    envelope.envid = invocation.envid;
    return envelope;
}

ExitStatus hand_over(const Invocation& invocation, const Identity& identity, const mail::Envelope& envelope,
                     const Message& message) {
    const auto places = servers();
    if (!places) return say(ExitStatus::usage, places.error().message);
    const auto connection = Connection::open(*places, {});
    if (!connection) return say(ExitStatus::try_again, "not sent: " + how_to_reach(connection.error()));
    const auto outcomes = submit(*connection, identity.host, envelope, message, {});
    const Report report = report_on(envelope.recipients, outcomes, invocation.talk);
    for (const std::string& line : report.lines)
        say(report.status, line);
    return report.status;
}

// What is wrong with the list as a whole, before anybody is asked.
std::optional<ExitStatus> refuse(const Invocation& invocation, const AddressList& list) {
    const bool nobody = list.addresses.empty() && list.unreadable.empty();
    if (nobody && invocation.header_recipients == HeaderRecipients::ignored)
        return say(ExitStatus::usage, "not sent: the recipients of the command line are empty");
    if (nobody) return say(ExitStatus::data, "not sent: no recipient in To, Cc or Bcc of the header");
    if (list.addresses.size() > recipients_max)
        return say(ExitStatus::data, "not sent: " + std::to_string(list.addresses.size()) +
                                         " recipients, and at most " + std::to_string(recipients_max) +
                                         " are taken");
    return {};
}

ExitStatus send(const Invocation& invocation) {
    const Identity identity = identify();
    const auto sender = sender_of(invocation, identity);
    if (!sender) return say(ExitStatus::usage, sender.error().message);

    auto input = read_input(invocation.lone_dot);
    if (!input) return say(ExitStatus::io_error, "not sent: " + input.error().message);
    if (input->too_large())
        return say(ExitStatus::data,
                   "not sent: the message is larger than " + std::to_string(input_bytes_max) + " octets");
    if (input->bytes_behind_the_end() > 0)
        say(ExitStatus::done,
            "the message ended at a line with a lone dot, and what followed was not sent; "
            "with -i such a line is part of the message");

    const auto message = Message::from(input->take_content(), author_of(invocation, identity, *sender));
    if (!message) return say(ExitStatus::data, "not sent: " + message.error().message);
    const bool header_counts = invocation.header_recipients == HeaderRecipients::added;
    if (header_counts && message->has_bare_cr_in_header())
        return say(
            ExitStatus::data,
            "not sent: a line of the header has a bare CR (carriage return), behind which -t could miss "
            "a recipient; end lines in LF or CRLF");
    const AddressList list = recipients_of(invocation, *message);
    if (const auto refused = refuse(invocation, list)) return *refused;

    ExitStatus status = ExitStatus::done;
    for (const std::string& word : list.unreadable)
        status = say(ExitStatus::no_user, "not sent to '" + word + "': that is no mail address");
    if (list.addresses.empty()) return status;
    return worse_of(status, hand_over(invocation, identity,
                                      envelope_for(invocation, *sender, *message, list.addresses), *message));
}

// ------------------------------------------------------------------ the other modes

ExitStatus talk_smtp() {
    const auto places = servers();
    if (!places) return say(ExitStatus::usage, places.error().message);
    const auto connection = Connection::open(*places, {});
    if (!connection) {
        std::cout << "421 4.3.2 mailramp does not answer, try again later\r\n" << std::flush;
        return say(ExitStatus::try_again, how_to_reach(connection.error()));
    }
    const auto carried = pass_through(*connection, STDIN_FILENO, STDOUT_FILENO, {});
    if (carried) return ExitStatus::done;
    return say(ExitStatus::try_again, "the session broke off: " + carried.error().message);
}

// Becomes `mailramp queue list`: the one installed beside this program, else the one on the path.
ExitStatus list_queue() {
    std::error_code unknown;
    const auto self = std::filesystem::read_symlink("/proc/self/exe", unknown);
    const std::string beside = (self.parent_path() / "mailramp").string();
    std::string program = "mailramp";
    std::string command = "queue";
    std::string verb = "list";
    std::array<char*, 4> words{program.data(), command.data(), verb.data(), nullptr};
    ::signal(SIGPIPE, SIG_DFL);  // what is ignored stays ignored in the next program
    if (!unknown) ::execv(beside.c_str(), words.data());
    ::execvp(program.c_str(), words.data());
    return say(ExitStatus::unavailable,
               "'mailramp queue list' cannot be run: " + std::string(std::strerror(errno)));
}

ExitStatus run(const Invocation& invocation) {
    switch (invocation.mode) {
        case Mode::send:
            return send(invocation);
        case Mode::smtp_session:
            return talk_smtp();
        case Mode::list_queue:
            return list_queue();
        case Mode::rebuild_aliases:
            std::cout
                << "mailramp keeps no alias database: it reads its aliases_file anew within two seconds of a "
                   "change, and says so in its log.\n";
            return ExitStatus::done;
        case Mode::run_queue:
            std::cout
                << "mailramp runs its queue by itself; 'mailramp queue retry --all' tries everything now.\n";
            return ExitStatus::done;
        case Mode::help:
            std::cout << help_text();
            return ExitStatus::done;
        case Mode::version:
            std::cout << "mailramp-sendmail " << base::version() << '\n';
            return ExitStatus::done;
    }
    return ExitStatus::usage;
}

}  // namespace

ExitStatus run(int argc, char** argv) {
    // A caller that does not read our words must not end us before the message is handed over.
    ::signal(SIGPIPE, SIG_IGN);
    try {
        const std::vector<std::string> words(argv + std::min(argc, 1), argv + argc);
        const auto invocation = read_arguments(argc > 0 ? argv[0] : "", words);
        if (!invocation)
            return say(ExitStatus::usage,
                       invocation.error().message + "; --help lists what can be asked for");
        return run(*invocation);
    } catch (const std::exception& error) {
        return say(ExitStatus::try_again, std::string("not sent: ") + error.what());
    }
}

}  // namespace mailramp::sendmail
