#include "delivery/presentation.h"

#include <algorithm>
#include <memory>
#include <utility>

#include "mailramp/mail/header_section.h"
#include "mailramp/mail/originators.h"
#include "mailramp/mail/recipient_fields.h"

namespace mailramp::delivery {
namespace {

// The content in two parts: octets that stand here, and what the store has behind them.
struct Front {
    std::string octets;
    std::uint64_t stored_offset = 0;  // of what follows
};

io::Task<base::Result<std::string>> read_behind(queue::QueueStore& store, queue::QueueId id,
                                                std::shared_ptr<const Front> front, std::uint64_t offset,
                                                std::size_t octets_max) {
    if (offset < front->octets.size()) co_return front->octets.substr(offset, octets_max);
    co_return co_await store.read(id, offset - front->octets.size() + front->stored_offset, octets_max);
}

ContentReader reader(queue::QueueStore& store, queue::QueueId id, Front front) {
    auto shared = std::make_shared<const Front>(std::move(front));
    return [&store, id, shared](std::uint64_t offset, std::size_t octets_max) {
        return read_behind(store, id, shared, offset, octets_max);
    };
}

Presentation as_stored(queue::QueueStore& store, const queue::ClaimedMessage& message) {
    Presentation as_it_is;
    as_it_is.envelope_sender = message.envelope.sender;
    as_it_is.from = message.header_from;
    as_it_is.size_bytes = message.size_bytes;
    as_it_is.content = reader(store, message.id, {});
    return as_it_is;
}

}  // namespace

io::Task<base::Result<Presentation>> present(queue::QueueStore& store, const queue::ClaimedMessage& message,
                                             const route::SenderPolicy& policy,
                                             std::string_view qualify_domain, PresentationLimits limits) {
    if (policy.mode == route::SenderMode::keep && qualify_domain.empty()) co_return as_stored(store, message);
    mail::HeaderLimits header_limits;
    header_limits.header_bytes_max = limits.header_bytes_max;
    header_limits.fields_max = limits.header_bytes_max;
    mail::HeaderSection section(header_limits);
    Front front;
    std::string body_start;
    while (section.reading() && front.stored_offset < message.size_bytes) {
        base::Result<std::string> piece =
            co_await store.read(message.id, front.stored_offset, limits.piece_bytes);
        if (!piece) co_return std::unexpected(std::move(piece.error()));
        if (piece->empty())
            co_return base::fail(base::ErrorKind::io, "it is not as long as it is said to be");
        front.stored_offset += piece->size();
        const std::size_t used = section.feed(*piece);
        body_start = piece->substr(used);
    }
    section.finish();
    if (section.state() == mail::HeaderSection::State::too_large)
        co_return base::fail(base::ErrorKind::invalid, "the stored header section is too large");
    const mail::Originators header = mail::originators_of(section.octets());
    const route::SenderPlan plan = route::plan_senders(policy, message.envelope.sender, header);
    front.octets = mail::changed_originators(section.octets(), header, plan.change);
    if (!qualify_domain.empty()) front.octets = mail::qualified_recipients(front.octets, qualify_domain);
    front.octets.append(section.body_start()).append(body_start);

    Presentation presented;
    presented.envelope_sender = plan.envelope_sender;
    presented.from = plan.from;
    presented.size_bytes = message.size_bytes - front.stored_offset + front.octets.size();
    presented.content = reader(store, message.id, std::move(front));
    co_return presented;
}

}  // namespace mailramp::delivery
