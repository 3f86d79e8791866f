#include "simulation/client.h"

#include <utility>

#include "mailramp/smtp/dot_stuffer.h"

namespace mailramp::simulation {
namespace {

constexpr base::Duration patience = std::chrono::minutes(10);
constexpr base::Duration thinking_max = std::chrono::milliseconds(30);

}  // namespace

Client::~Client() {
    if (link_) link_->end(Side::peer).on_event = nullptr;
}

void Client::begin(Ended ended) {
    ended_ = std::move(ended);
    self_ = shared_from_this();
    link_ = network_.call_daemon();
    if (!link_) return over(End::refused);
    link_->end(Side::peer).on_event = [this] { heard(); };
    machine_.at(patience, [weak = weak_from_this()] {
        const auto self = weak.lock();
        if (self && self->state_ != State::over)
            self->over(self->state_ == State::body ? End::unknown : End::refused);
    });
}

void Client::heard() {
    const auto alive = shared_from_this();
    smtp::ReplyParser& parser = parser_;
    const std::string arrived = std::exchange(link_->end(Side::peer).arrived, {});
    std::string_view left = arrived;
    while (!left.empty() && state_ != State::over) {
        auto reply = parser.consume(left);
        if (!reply) return over(state_ == State::body ? End::unknown : End::refused);
        if (!*reply) break;
        answered(**reply);
    }
    if (state_ != State::over && link_->end(Side::peer).closed)
        over(state_ == State::body ? End::unknown : End::refused);
}

void Client::answered(const smtp::Reply& reply) {
    const Parcel& parcel = book_.parcel(tag_);
    const bool good = reply.code < 400;
    if (!good && state_ != State::body) return over(End::refused);
    switch (state_) {
        case State::banner:
            state_ = State::helo;
            return say("EHLO app.test\r\n");
        case State::helo:
            state_ = State::mail;
            return say("MAIL FROM:<" + parcel.mailbox + "@contoso.test>\r\n");
        case State::mail:
            state_ = State::rcpt;
            return next_recipient();
        case State::rcpt:
            if (recipients_named_ < parcel.recipients.size()) return next_recipient();
            state_ = State::data;
            return say("DATA\r\n");
        case State::data: {
            state_ = State::body;
            smtp::DotStuffer stuffer;
            std::string octets;
            stuffer.write(parcel.content, octets);
            stuffer.finish(octets);
            return say(std::move(octets));
        }
        case State::body: {
            if (!good) return over(End::refused);
            const std::string text = reply.text();
            const auto id = queue::QueueId::parse(text.substr(text.rfind(' ') + 1));
            if (!id) return over(End::unknown);
            book_.accepted(tag_, *id);
            say("QUIT\r\n");
            return over(End::accepted);
        }
        case State::quit:
        case State::over:
            return;
    }
}

void Client::next_recipient() {
    say("RCPT TO:<" + book_.parcel(tag_).recipients[recipients_named_++] + ">\r\n");
}

void Client::say(std::string line) {
    link_->end(Side::peer).send(std::move(line), machine_.up_to(thinking_max));
}

void Client::over(End end) {
    if (std::exchange(state_, State::over) == State::over) return;
    if (end == End::refused) book_.parcel(tag_).answer = Parcel::Answer::refused;
    if (link_) {
        link_->end(Side::peer).on_event = nullptr;
        link_->end(Side::peer).close();
    }
    const Ended ended = std::move(ended_);
    const auto alive = std::move(self_);
    ended(end);
}

}  // namespace mailramp::simulation
