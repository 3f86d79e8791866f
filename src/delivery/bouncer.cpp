#include "mailramp/delivery/bouncer.h"

#include <algorithm>
#include <cstring>
#include <optional>
#include <random>
#include <utility>

#include "delivery/bounce_policy.h"
#include "mailramp/base/events.h"
#include "mailramp/base/result.h"
#include "mailramp/base/text.h"
#include "mailramp/bounce/report.h"
#include "mailramp/delivery/hold_text.h"
#include "mailramp/io/timer.h"
#include "mailramp/mail/dsn.h"
#include "mailramp/mail/header_section.h"

namespace mailramp::delivery {

using base::ErrorKind;
using queue::Unreported;

struct Bouncer::Impl {
    Impl(BounceOptions given, std::vector<ReportingMailbox> all, std::string host, queue::QueueStore& queue,
         const io::Executor& executor, const base::Clock& its_clock, base::Logger its_logger,
         std::uint64_t seed)
        : options(std::move(given)),
          mailboxes(std::move(all)),
          host_name(std::move(host)),
          store(queue),
          clock(its_clock),
          logger(std::move(its_logger)),
          random(seed),
          limits(options),
          changed(executor),
          ended(executor) {
        base::check(store.bounces() != nullptr, "the queue knows of reports");
    }

    io::Task<> run();
    io::Task<base::Result<>> handle(Unreported message);
    io::Task<base::Result<>> keep(queue::QueueId id, std::vector<std::int64_t> rows, std::string reason);
    io::Task<base::Result<std::string>> read_header(queue::QueueId id, std::uint64_t size_bytes);
    io::Task<base::Result<>> store_report(Unreported message, const ReportingMailbox& mailbox, std::string to,
                                          std::string header);
    io::Task<base::Result<>> append_returned(queue::StagedMessage& staged, queue::QueueId id,
                                             std::uint64_t size_bytes);
    [[nodiscard]] bounce::Report report_of(const Unreported& message, const ReportingMailbox& mailbox,
                                           std::string to, const std::string& header);
    [[nodiscard]] bounce::RecipientStatus status_of(const queue::UnreportedRecipient& recipient,
                                                    const ReportingMailbox& mailbox,
                                                    bool to_postmaster) const;
    [[nodiscard]] const ReportingMailbox* mailbox_of(const Unreported& message) const;

    BounceOptions options;
    std::vector<ReportingMailbox> mailboxes;
    std::string host_name;
    queue::QueueStore& store;
    const base::Clock& clock;
    base::Logger logger;
    std::mt19937_64 random;
    ReportLimits limits;
    BouncerCounters counters;
    io::Event changed;
    io::Event ended;
    bool stopping = false;
    bool running = false;
};

namespace {

std::vector<std::int64_t> rows_of(const std::vector<queue::UnreportedRecipient>& recipients) {
    std::vector<std::int64_t> rows;
    for (const queue::UnreportedRecipient& recipient : recipients)
        rows.push_back(recipient.row);
    return rows;
}

// Those who do not want to be told of failures, taken out (RFC 3461 §4.1).
std::vector<queue::UnreportedRecipient> take_quiet(std::vector<queue::UnreportedRecipient>& recipients) {
    const auto wants = [](const queue::UnreportedRecipient& recipient) {
        return mail::wants_notice(recipient.recipient.notify, mail::Notice::failure);
    };
    const auto quiet = std::ranges::stable_partition(recipients, wants);
    std::vector<queue::UnreportedRecipient> taken(quiet.begin(), quiet.end());
    recipients.erase(quiet.begin(), quiet.end());
    return taken;
}

}  // namespace

Bouncer::Bouncer(BounceOptions options, std::vector<ReportingMailbox> mailboxes, std::string host_name,
                 queue::QueueStore& store, const io::Executor& executor, const base::Clock& clock,
                 base::Logger logger, std::uint64_t seed)
    : impl_(std::make_unique<Impl>(std::move(options), std::move(mailboxes), std::move(host_name), store,
                                   executor, clock, std::move(logger), seed)) {
    store.bounces()->on_unreported([impl = impl_.get()] { impl->changed.notify(); });
}

Bouncer::~Bouncer() = default;

io::Task<> Bouncer::run() {
    return impl_->run();
}

io::Task<> Bouncer::stop(base::SteadyTime deadline) {
    impl_->stopping = true;
    impl_->changed.notify();
    if (impl_->running) static_cast<void>(co_await impl_->ended.wait_until(deadline));
}

const BouncerCounters& Bouncer::counters() const {
    return impl_->counters;
}

io::Task<> Bouncer::Impl::run() {
    running = true;
    base::Duration pause = options.store_pause_min;
    while (!stopping) {
        base::Result<std::optional<Unreported>> found =
            co_await store.bounces()->next_unreported(options.recipients_max);
        if (found && !*found) {
            pause = options.store_pause_min;
            co_await changed.wait();
            continue;
        }
        base::Result<> done;
        if (found) {
            done = co_await handle(std::move(**found));
        } else {
            done = std::unexpected(std::move(found.error()));
        }
        // Somebody retried or deleted it meanwhile: what is left is looked at anew.
        if (done || done.error().kind == ErrorKind::conflict) {
            pause = options.store_pause_min;
            continue;
        }
        logger.warning(base::events::report_waits, "a report could not be stored; it is tried again",
                       {{"reason", done.error().message}});
        const base::SteadyTime until = clock.steady() + pause;
        while (!stopping && clock.steady() < until)
            static_cast<void>(co_await changed.wait_until(until));
        pause = std::min(pause * 2, options.store_pause_max);
    }
    running = false;
    ended.notify();
}

const ReportingMailbox* Bouncer::Impl::mailbox_of(const Unreported& message) const {
    const auto found = std::ranges::find(mailboxes, message.mailbox, &ReportingMailbox::name);
    return found == mailboxes.end() ? nullptr : &*found;
}

io::Task<base::Result<>> Bouncer::Impl::handle(Unreported message) {
    if (std::vector<queue::UnreportedRecipient> quiet = take_quiet(message.recipients); !quiet.empty()) {
        std::vector<std::int64_t> rows = rows_of(quiet);
        base::Result<> kept =
            co_await keep(message.id, std::move(rows), "its sender does not want to be told (NOTIFY)");
        if (!kept || message.recipients.empty()) co_return kept;
    }
    const queue::QueueId id = message.id;
    std::vector<std::int64_t> rows = rows_of(message.recipients);
    const ReportingMailbox* const mailbox = mailbox_of(message);
    if (mailbox == nullptr)
        co_return co_await keep(id, std::move(rows), "its mailbox is not configured any more");
    base::Result<std::string> header = co_await read_header(id, message.size_bytes);
    // What cannot be read is no matter of time as a rule, and others must not wait for it.
    if (!header) co_return co_await keep(id, std::move(rows), std::move(header.error().message));
    Addressee addressee = addressee_of(options, message, *header, mailbox->own_names);
    if (!addressee.objection.empty())
        co_return co_await keep(id, std::move(rows), std::move(addressee.objection));
    if (!limits.admit(addressee.address, clock.steady()))
        co_return co_await keep(id, std::move(rows), "too many reports in the last hour (section bounces)");
    base::Result<> stored =
        co_await store_report(std::move(message), *mailbox, std::move(addressee.address), std::move(*header));
    // Content that is damaged stays so, and others must not wait for it.
    if (stored || stored.error().kind != ErrorKind::invalid) co_return stored;
    co_return co_await keep(id, std::move(rows), std::move(stored.error().message));
}

io::Task<base::Result<>> Bouncer::Impl::keep(queue::QueueId id, std::vector<std::int64_t> rows,
                                             std::string reason) {
    const std::size_t recipients = rows.size();
    base::Result<> left = co_await store.bounces()->leave_unreported(id, std::move(rows));
    if (left) {
        counters.kept += recipients;
        logger.warning(base::events::not_reported, "nobody was told; it stays held",
                       {{"queue_id", id.text()}, {"recipients", recipients}, {"reason", reason}});
    }
    co_return left;
}

// The header section without its blank line; empty when it is larger than may be.
io::Task<base::Result<std::string>> Bouncer::Impl::read_header(queue::QueueId id, std::uint64_t size_bytes) {
    mail::HeaderLimits header_limits;
    header_limits.header_bytes_max = options.header_bytes_max;
    mail::HeaderSection section(header_limits);
    std::uint64_t offset = 0;
    while (section.reading() && offset < size_bytes) {
        base::Result<std::string> piece = co_await store.read(id, offset, options.piece_bytes);
        if (!piece) co_return std::unexpected(std::move(piece.error()));
        if (piece->empty()) break;
        offset += piece->size();
        std::ignore = section.feed(*piece);
    }
    section.finish();
    if (section.state() == mail::HeaderSection::State::too_large) co_return std::string();
    std::string octets(section.octets());
    if (octets.ends_with("\r\n\r\n")) octets.resize(octets.size() - 2);
    if (octets == "\r\n") octets.clear();
    co_return octets;
}

bounce::RecipientStatus Bouncer::Impl::status_of(const queue::UnreportedRecipient& recipient,
                                                 const ReportingMailbox& mailbox, bool to_postmaster) const {
    const provider::Verdict verdict = provider::classify(mailbox.dialect, recipient.answer);
    HoldText text = explain_hold(recipient.hold_reason, verdict, mailbox.names);
    bounce::RecipientStatus status;
    status.address = recipient.recipient.address;
    status.orcpt = recipient.recipient.orcpt;
    status.answer = recipient.answer;
    status.cause = std::move(text.cause);
    // Commands with the names of the tenant are for its administrators.
    if (to_postmaster) status.remedy = std::move(text.remedy);
    if (recipient.answer.channel == mail::Channel::smtp) status.server = mailbox.server;
    status.last_tried = recipient.ended;
    return status;
}

bounce::Report Bouncer::Impl::report_of(const Unreported& message, const ReportingMailbox& mailbox,
                                        std::string to, const std::string& header) {
    bounce::Report report;
    const bool whole =
        message.envelope.ret == mail::DsnReturn::full && message.size_bytes <= options.returned_bytes_max;
    report.returned = whole ? bounce::Returned::message : bounce::Returned::headers;
    report.host_name = host_name;
    report.from = mailbox.names.mailbox;
    report.to = std::move(to);
    report.now = clock.wall();
    const std::uint64_t chance[2] = {random(), random()};
    static_assert(sizeof chance == sizeof report.entropy);
    std::memcpy(report.entropy.data(), chance, sizeof chance);
    report.queue_id = message.id.text();
    report.message_id = message.message_id;
    report.subject = bounce::field_value(header, "Subject");
    report.sender = message.envelope.sender;
    report.envid = message.envelope.envid;
    report.accepted = message.accepted;
    report.eight_bit =
        whole ? message.envelope.body == mail::BodyType::eight_bit_mime : !base::is_ascii(header);
    const bool to_postmaster = target_of(options, message.route).kind == BounceTarget::Kind::address;
    for (const queue::UnreportedRecipient& recipient : message.recipients)
        report.recipients.push_back(status_of(recipient, mailbox, to_postmaster));
    return report;
}

io::Task<base::Result<>> Bouncer::Impl::store_report(Unreported message, const ReportingMailbox& mailbox,
                                                     std::string to, std::string header) {
    const bounce::Report report = report_of(message, mailbox, to, header);
    base::Result<queue::Reservation> room = store.reserve(0);
    if (!room) co_return std::unexpected(std::move(room.error()));
    const std::unique_ptr<queue::StagedMessage> staged = store.stage(options.piece_bytes, std::move(*room));
    std::string head = bounce::head_of(report);
    base::Result<> done = co_await staged->append(std::move(head));
    if (done && report.returned == bounce::Returned::message)
        done = co_await append_returned(*staged, message.id, message.size_bytes);
    if (done && report.returned == bounce::Returned::headers)
        done = co_await staged->append(std::move(header));
    std::string tail = bounce::tail_of(report);
    if (done) done = co_await staged->append(std::move(tail));
    if (!done) co_return done;

    queue::Acceptance acceptance;
    acceptance.envelope.body =
        bounce::has_eight_bit(report) ? mail::BodyType::eight_bit_mime : mail::BodyType::seven_bit;
    acceptance.envelope.smtputf8 = !base::is_ascii(to);
    // RFC 3461 §6.1: a report asks for no report.
    mail::Recipient recipient{.address = to, .notify = "NEVER", .orcpt = {}};
    queue::AcceptedRecipient accepted{
        .recipient = std::move(recipient), .mailbox = message.mailbox, .route = message.route};
    acceptance.recipients.push_back(std::move(accepted));
    acceptance.header_from = report.from;
    acceptance.message_id = bounce::message_id_of(report);
    acceptance.listener = "report";
    acceptance.accepted = report.now;
    acceptance.origin = queue::Origin::report;
    queue::Reported reported{.id = message.id, .rows = rows_of(message.recipients)};
    acceptance.reported = std::move(reported);
    done = co_await staged->commit(std::move(acceptance));
    if (!done) co_return done;
    ++counters.reports;
    for (const queue::UnreportedRecipient& one : message.recipients)
        logger.info(base::events::message_bounced, "could not be delivered, and is reported",
                    {{"queue_id", message.id.text()},
                     {"to", one.recipient.address},
                     {"report_id", staged->id().text()},
                     {"report_to", to},
                     {"answer", mail::to_string(one.answer)}});
    co_return done;
}

io::Task<base::Result<>> Bouncer::Impl::append_returned(queue::StagedMessage& staged, queue::QueueId id,
                                                        std::uint64_t size_bytes) {
    for (std::uint64_t offset = 0; offset < size_bytes;) {
        base::Result<std::string> piece = co_await store.read(id, offset, options.piece_bytes);
        if (!piece) co_return std::unexpected(std::move(piece.error()));
        if (piece->empty()) co_return base::fail(ErrorKind::invalid, "it is not as long as it is said to be");
        offset += piece->size();
        base::Result<> appended = co_await staged.append(std::move(*piece));
        if (!appended) co_return appended;
    }
    co_return base::Result<>{};
}

}  // namespace mailramp::delivery
