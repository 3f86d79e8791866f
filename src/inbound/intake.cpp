#include "inbound/intake.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "mailramp/base/events.h"
#include "mailramp/base/text.h"
#include "mailramp/mail/address.h"
#include "mailramp/mail/header_address.h"

namespace mailramp::inbound {
namespace {

// As much as one message may keep in memory before its content goes to a file.
constexpr std::size_t inline_bytes_wanted = 64 * 1024;

// RFC 5322 §2.1.1: no line is longer, and a Message-ID has no place to fold.
constexpr std::size_t message_id_bytes_max = 998;

// What a recipient takes in memory until its message is stored: it is held as the client gave it, with those
// whom its alias leads to, and by its key.
constexpr std::size_t recipient_copies = 4;
constexpr std::size_t recipient_bytes = 400;
constexpr std::size_t recipients_without_budget_max = 10;

smtp::ServerReply no_memory() {
    return {452, "4.3.1",
            "Too many messages at once for the memory set aside (inbound: memory_max); try again"};
}

smtp::ServerReply refusal_of_recipient(const base::Error& error) {
    if (error.kind == base::ErrorKind::limit) return {550, "5.5.3", error.message};
    return {550, "5.1.1", error.message};
}

// Two recipients are one when only the case of their domains differs. Local parts may mean different people.
std::string recipient_key(std::string_view address) {
    return std::string(mail::local_part_of(address)) + "@" + base::to_lower(mail::domain_of(address));
}

}  // namespace

smtp::ServerReply refusal_for(const base::Error& error) {
    if (error.kind == base::ErrorKind::limit) return {452, "4.3.1", error.message};
    return {451, "4.3.0", error.message};
}

Intake::Intake(Context& context, Origin origin, std::uint64_t expected_bytes)
    : context_(context),
      origin_(origin),
      expected_bytes_(expected_bytes),
      header_({.header_bytes_max = context.options.header_bytes_max,
               .received_max = context.options.received_fields_max}) {}

Intake::~Intake() {
    context_.memory.give_back(reserved_bytes_);
}

std::optional<smtp::ServerReply> Intake::take_recipient(std::string_view sender,
                                                        const mail::Recipient& recipient) {
    // An alias may lead to many: it is followed once, however often it is named.
    std::string alias;
    if (context_.recipients.needs_alias(recipient.address))
        if (const auto* found =
                context_.recipients.find(route::alias_key(mail::local_part_of(recipient.address))))
            alias = found->name;
    if (!alias.empty() && aliases_taken_.contains(alias)) return {};
    auto addresses = context_.recipients.resolve(recipient.address);
    std::optional<smtp::ServerReply> refused;
    if (!addresses)
        refused = refusal_of_recipient(addresses.error());
    else
        refused = judge_recipient(sender, *addresses);
    if (!refused && !reserve_recipients(*addresses, recipient.orcpt.size())) refused = no_memory();
    if (refused) {
        if (refused->code >= 500) log_refused(sender, recipient.address, *refused);
        return refused;
    }
    for (std::string& address : *addresses) {
        if (!recipient_keys_.insert(recipient_key(address)).second) continue;
        recipients_.push_back(recipient);
        recipients_.back().address = std::move(address);
    }
    if (!alias.empty()) aliases_taken_.insert(std::move(alias));
    return {};
}

// A few recipients are always taken, so that ordinary mail comes through while others bring many.
bool Intake::reserve_recipients(const std::vector<std::string>& addresses, std::size_t orcpt_bytes) {
    if (recipients_.size() + addresses.size() <= recipients_without_budget_max) return true;
    std::size_t bytes = 0;
    for (const std::string& address : addresses)
        bytes += recipient_bytes + recipient_copies * (address.size() + orcpt_bytes);
    if (!context_.memory.take(bytes)) return false;
    reserved_bytes_ += bytes;
    return true;
}

std::optional<smtp::ServerReply> Intake::judge_recipient(std::string_view sender,
                                                         const std::vector<std::string>& addresses) const {
    std::size_t added = 0;
    for (const std::string& address : addresses) {
        if (!context_.router.may_route(query_for(sender, address)))
            return smtp::ServerReply{550, "5.7.1", std::string(no_route)};
        if (!recipient_keys_.contains(recipient_key(address))) ++added;
    }
    if (recipients_.size() + added <= context_.options.recipients_max) return {};
    if (recipients_.empty())
        return smtp::ServerReply{
            550, "5.5.3",
            "The alias leads to more addresses than a message may have recipients (inbound: "
            "recipients_max)"};
    return smtp::ServerReply{452, "4.5.3", "Too many recipients; send the rest in another message"};
}

route::Query Intake::query_for(std::string_view sender, std::string_view recipient) const {
    return {.sender = sender,
            .header_from = {},
            .client_address = origin_.client_address,
            .listener = origin_.listener,
            .recipient = recipient};
}

std::optional<smtp::ServerReply> Intake::begin() {
    auto room = context_.store.reserve(expected_bytes_);
    if (!room) return refusal_for(room.error());
    // Tight memory never refuses a message here: its content then goes to a file from the first octet on.
    inline_bytes_ = std::min(inline_bytes_wanted, context_.memory.left() / 4);
    if (!context_.memory.take(inline_bytes_)) inline_bytes_ = 0;
    reserved_bytes_ += inline_bytes_;
    staged_ = context_.store.stage(inline_bytes_, *std::move(room));
    received_ = context_.clock.wall();
    return {};
}

io::Task<std::optional<smtp::ServerReply>> Intake::take(std::string_view chunk, std::string_view helo,
                                                        mail::WithProtocol with) {
    if (header_.reading()) {
        chunk.remove_prefix(header_.feed(chunk));
        if (!reserve_header()) co_return no_memory();
        if (auto refused = judge_header()) co_return refused;
        if (header_.reading()) co_return std::nullopt;
        auto refused = co_await write_head(helo, with);
        if (refused) co_return refused;
    }
    if (chunk.empty()) co_return std::nullopt;
    co_return co_await append(std::string(chunk));
}

// The header section is held in memory until it is complete; what it really takes is accounted for.
bool Intake::reserve_header() {
    const std::size_t held = header_.held_bytes();
    const std::size_t reserved = reserved_bytes_ - inline_bytes_;
    if (held <= reserved) return true;
    if (!context_.memory.take(held - reserved)) return false;
    reserved_bytes_ += held - reserved;
    return true;
}

std::optional<smtp::ServerReply> Intake::judge_header() const {
    if (header_.state() == mail::HeaderSection::State::too_large)
        return smtp::ServerReply(552, "5.3.4",
                                 "Header section too large (" +
                                     std::to_string(context_.options.header_bytes_max) +
                                     " octets, inbound: header_size_max; or 1000 fields)");
    if (header_.loops())
        return smtp::ServerReply(
            554, "5.4.6",
            "Too many Received fields: this message goes in circles; check that no server "
            "behind the mailbox sends its mail back to this relay");
    return {};
}

io::Task<std::optional<smtp::ServerReply>> Intake::write_head(std::string_view helo,
                                                              mail::WithProtocol with) {
    const std::string queue_id = staged_->id().text();
    mail::Trace trace{.helo = helo,
                      .client_address = origin_.client_address,
                      .host_name = context_.options.hostname,
                      .queue_id = queue_id,
                      .with = with,
                      .received = received_};
    const std::uint64_t random[2] = {context_.random(), context_.random()};
    static_assert(sizeof random == sizeof trace.entropy);
    std::memcpy(trace.entropy.data(), random, sizeof random);

    header_from_ = mail::first_header_address(header_.facts().from);
    message_id_ = header_.facts().has_message_id
                      ? base::printable(header_.facts().message_id, message_id_bytes_max)
                      : mail::message_id(trace.entropy, context_.options.hostname);
    std::string head = mail::head_of(header_, trace);
    header_.release();
    context_.memory.give_back(reserved_bytes_ - inline_bytes_);
    reserved_bytes_ = inline_bytes_;
    co_return co_await append(std::move(head));
}

io::Task<std::optional<smtp::ServerReply>> Intake::append(std::string octets) {
    auto stored = co_await staged_->append(std::move(octets));
    if (stored) co_return std::nullopt;
    co_return refusal_for(stored.error());
}

io::Task<smtp::ServerReply> Intake::commit(const mail::Envelope& envelope, std::string_view helo,
                                           mail::WithProtocol with) {
    std::optional<smtp::ServerReply> refused;
    if (header_.reading()) {
        header_.finish();
        refused = judge_header();
        if (!refused) refused = co_await write_head(helo, with);
    }
    std::optional<std::vector<queue::AcceptedRecipient>> recipients;
    if (!refused) {
        recipients = plan(envelope);
        if (!recipients) refused.emplace(550, "5.7.1", std::string(no_route));
    }
    if (refused) {
        log_rejected(envelope, *refused);
        co_return *std::move(refused);
    }

    queue::Acceptance acceptance{.envelope = envelope,
                                 .recipients = *std::move(recipients),
                                 .header_from = header_from_,
                                 .message_id = message_id_,
                                 .client_address = std::string(origin_.client_address),
                                 .listener = std::string(origin_.listener),
                                 .priority = 0,
                                 .accepted = received_};
    const std::uint64_t size_bytes = staged_->size_bytes();
    auto durable = co_await staged_->commit(std::move(acceptance));
    if (!durable) {
        smtp::ServerReply reply = refusal_for(durable.error());
        log_rejected(envelope, reply);
        co_return reply;
    }
    log_accepted(envelope, size_bytes);
    co_return smtp::ServerReply(250, "2.0.0", "queued as " + staged_->id().text());
}

std::optional<std::vector<queue::AcceptedRecipient>> Intake::plan(const mail::Envelope& envelope) const {
    std::vector<queue::AcceptedRecipient> planned;
    planned.reserve(recipients_.size());
    for (const mail::Recipient& recipient : recipients_) {
        route::Query query = query_for(envelope.sender, recipient.address);
        query.header_from = header_from_;
        auto choice = context_.router.choose(query);
        if (!choice) return {};
        planned.push_back({.recipient = recipient,
                           .mailbox = std::move(choice->mailbox),
                           .route = std::move(choice->route)});
    }
    return planned;
}

void Intake::log_accepted(const mail::Envelope& envelope, std::uint64_t size_bytes) const {
    context_.logger.info(base::events::message_accepted, "",
                         {{"queue_id", staged_->id().text()},
                          {"client", origin_.client_address},
                          {"from", envelope.sender},
                          {"recipients", recipients_.size()},
                          {"bytes", size_bytes},
                          {"message_id", message_id_},
                          {"tls", origin_.tls},
                          {"user", origin_.user}});
}

void Intake::log_refused(std::string_view sender, std::string_view recipient,
                         const smtp::ServerReply& reply) const {
    context_.logger.warning(base::events::recipient_refused, reply.text,
                            {{"client", origin_.client_address},
                             {"from", sender},
                             {"to", recipient},
                             {"reply", std::to_string(reply.code) + " " + reply.enhanced}});
}

void Intake::log_rejected(const mail::Envelope& envelope, const smtp::ServerReply& reply) const {
    context_.logger.warning(base::events::message_rejected, reply.text,
                            {{"client", origin_.client_address},
                             {"from", envelope.sender},
                             {"reply", std::to_string(reply.code) + " " + reply.enhanced}});
}

}  // namespace mailramp::inbound
