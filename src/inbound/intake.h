// inbound/intake.h: one message on its way from the client to the store.
//
// Decides once, at acceptance, what is added in front of the content, and passes everything else on octet for
// octet. Dropping it leaves no trace in the store.
#pragma once

#include <array>
#include <cstddef>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "inbound/context.h"
#include "mailramp/io/async.h"
#include "mailramp/mail/header_section.h"
#include "mailramp/mail/trace.h"
#include "mailramp/smtp/server_protocol.h"

namespace mailramp::inbound {

// Who is sending: what `Received:` and the queue say about it. The views must outlive the intake.
struct Origin {
    std::string_view client_address;
    std::string_view listener;
    std::string_view tls;   // "TLSv1.3"; "none"
    std::string_view user;  // who has logged in, printable; empty: nobody
};

// 452 4.3.1 when there is no room, else 451 4.3.0.
[[nodiscard]] smtp::ServerReply refusal_for(const base::Error& error);

// What this relay adds in front of a message is less.
inline constexpr std::uint64_t added_bytes_max = 4096;

// What a client is told when no route takes its message.
inline constexpr std::string_view no_route =
    "No route takes this sender, recipient and client; see `routes` in the relay's configuration";

class Intake {
  public:
    // `context` and `origin`'s strings must outlive it. `expected_bytes` is the room that the store is to
    // keep for the message from begin() on; 0: nobody knows.
    Intake(Context& context, Origin origin, std::uint64_t expected_bytes);
    ~Intake();
    Intake(const Intake&) = delete;
    Intake& operator=(const Intake&) = delete;

    // Finds out who gets what is for this recipient: whoever its alias leads to, nobody twice. A reply means
    // that the recipient is refused, and why.
    [[nodiscard]] std::optional<smtp::ServerReply> take_recipient(std::string_view sender,
                                                                  const mail::Recipient& recipient);
    // Opens the message in the store, or says why not now (452 4.3.1, 451 4.3.0).
    [[nodiscard]] std::optional<smtp::ServerReply> begin();
    // Takes a piece of the content; a reply means that the message is refused and the rest need not come. The
    // views (chunk, helo) must live until it returns.
    [[nodiscard]] io::Task<std::optional<smtp::ServerReply>> take(std::string_view chunk,
                                                                  std::string_view helo,
                                                                  mail::WithProtocol with);
    // The content is complete: makes it durable. 250 with the queue id, or what the client is to be told.
    [[nodiscard]] io::Task<smtp::ServerReply> commit(const mail::Envelope& envelope, std::string_view helo,
                                                     mail::WithProtocol with);

  private:
    [[nodiscard]] std::optional<smtp::ServerReply> judge_header() const;
    [[nodiscard]] io::Task<std::optional<smtp::ServerReply>> write_head(std::string_view helo,
                                                                        mail::WithProtocol with);
    [[nodiscard]] io::Task<std::optional<smtp::ServerReply>> append(std::string octets);
    [[nodiscard]] bool reserve_header();
    [[nodiscard]] bool reserve_recipients(const std::vector<std::string>& addresses, std::size_t orcpt_bytes);
    [[nodiscard]] std::optional<smtp::ServerReply> judge_recipient(
        std::string_view sender, const std::vector<std::string>& addresses) const;
    [[nodiscard]] route::Query query_for(std::string_view sender, std::string_view recipient) const;
    // Every recipient with its mailbox, now that the From field is known; nothing when one has no route.
    [[nodiscard]] std::optional<std::vector<queue::AcceptedRecipient>> plan(
        const mail::Envelope& envelope) const;
    void log_accepted(const mail::Envelope& envelope, std::uint64_t size_bytes) const;
    void log_refused(std::string_view sender, std::string_view recipient,
                     const smtp::ServerReply& reply) const;
    void log_rejected(const mail::Envelope& envelope, const smtp::ServerReply& reply) const;

    Context& context_;
    Origin origin_;
    std::uint64_t expected_bytes_;
    std::unique_ptr<queue::StagedMessage> staged_;
    std::vector<mail::Recipient> recipients_;  // who gets it, aliases followed
    std::set<std::string> recipient_keys_;     // of recipients_: to find out who is in it
    std::set<std::string> aliases_taken_;      // names whose addresses are among recipients_
    mail::HeaderSection header_;
    std::string header_from_;
    std::string message_id_;
    base::WallTime received_{};
    std::size_t reserved_bytes_ = 0;  // of context_.memory
    std::size_t inline_bytes_ = 0;    // of those, for the content that the store keeps in memory
};

}  // namespace mailramp::inbound
