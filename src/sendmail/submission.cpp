#include "sendmail/submission.h"

#include <algorithm>
#include <numeric>
#include <utility>

namespace mailramp::sendmail {
namespace {

using smtp::ClientProtocol;
using smtp::RecipientFate;
using smtp::RecipientOutcome;

smtp::ClientOptions options_for(std::string ehlo_name, const SubmissionLimits& limits) {
    smtp::ClientOptions options;
    options.ehlo_name = std::move(ehlo_name);
    options.starttls = smtp::StartTls::none;
    options.authentication = smtp::Authentication::none;
    options.recipients_max = limits.recipients_max;
    return options;
}

bool is_one_too_many(const RecipientOutcome& outcome) {
    return outcome.fate == RecipientFate::refused && outcome.answer.phase == mail::Phase::rcpt &&
           outcome.answer.code == 452 && outcome.answer.enhanced == "4.5.3";
}

class Submission {
  public:
    Submission(const Connection& connection, std::string ehlo_name, const mail::Envelope& envelope,
               const Message& message, const SubmissionLimits& limits)
        : connection_(connection),
          protocol_(options_for(std::move(ehlo_name), limits)),
          envelope_(envelope),
          message_(message),
          limits_(limits),
          outcomes_(envelope.recipients.size()),
          pending_(envelope.recipients.size()) {
        std::iota(pending_.begin(), pending_.end(), std::size_t{0});
    }

    std::vector<RecipientOutcome> run() {
        using Step = ClientProtocol::Step;
        for (;;) {
            switch (protocol_.next()) {
                case Step::need_bytes:
                    converse();
                    break;
                case Step::ready:
                    if (pending_.empty())
                        protocol_.quit();
                    else
                        begin();
                    break;
                case Step::need_body:
                    send_piece();
                    break;
                case Step::submitted:
                    settle();
                    break;
                case Step::closed:
                    return std::move(outcomes_);
                case Step::failed:
                    settle();
                    give_up();
                    return std::move(outcomes_);
                case Step::start_tls:
                case Step::need_credentials:
                    base::check(false, "a session without TLS and authentication asks for neither");
            }
        }
    }

  private:
    void begin() {
        const std::size_t count = std::min(pending_.size(), limits_.recipients_max);
        batch_.assign(pending_.begin(), pending_.begin() + static_cast<std::ptrdiff_t>(count));
        pending_.erase(pending_.begin(), pending_.begin() + static_cast<std::ptrdiff_t>(count));
        mail::Envelope envelope = envelope_;
        envelope.recipients.clear();
        for (const std::size_t recipient : batch_)
            envelope.recipients.push_back(envelope_.recipients[recipient]);
        body_ = message_.body();
        head_sent_ = false;
        protocol_.submit({.envelope = std::move(envelope), .size_bytes = message_.size_bytes()});
    }

    void send_piece() {
        if (!std::exchange(head_sent_, true)) {
            protocol_.send_body(message_.head());
        } else if (!body_.empty()) {
            protocol_.send_body(body_.substr(0, limits_.piece_bytes));
            body_.remove_prefix(std::min(limits_.piece_bytes, body_.size()));
        } else {
            protocol_.end_body();
        }
        if (flush() && connection_.readable()) receive();
    }

    void converse() {
        if (flush()) receive();
    }

    // False: the connection broke. Then what the daemon said before may still be there, and is its reason.
    bool flush() {
        const std::string output = protocol_.take_output();
        const auto written = connection_.write(output);
        if (written) return true;
        while (connection_.readable()) {
            const auto bytes = connection_.read(Duration::zero());
            if (!bytes) break;
            protocol_.receive(*bytes);
        }
        protocol_.connection_lost(written.error());
        return false;
    }

    void receive() {
        const auto bytes = connection_.read(timeout());
        if (bytes)
            protocol_.receive(*bytes);
        else
            protocol_.connection_lost(bytes.error());
    }

    [[nodiscard]] Duration timeout() const {
        if (protocol_.phase() == mail::Phase::quit) return limits_.quit_timeout;
        return protocol_.phase() == mail::Phase::body_end ? limits_.final_reply_timeout
                                                          : limits_.reply_timeout;
    }

    // Another transaction is tried for those who were too many, if this one got anywhere.
    void settle() {
        const std::vector<RecipientOutcome> taken = protocol_.take_outcomes();
        const bool progress = std::ranges::any_of(
            taken, [](const RecipientOutcome& outcome) { return outcome.fate == RecipientFate::delivered; });
        for (std::size_t i = 0; i < taken.size(); ++i) {
            outcomes_[batch_[i]] = taken[i];
            if (progress && is_one_too_many(taken[i])) pending_.push_back(batch_[i]);
        }
    }

    // The session is over; whoever was not tried learns why.
    void give_up() {
        for (const std::size_t recipient : pending_)
            outcomes_[recipient] = {RecipientFate::not_tried, protocol_.failure()};
    }

    const Connection& connection_;
    ClientProtocol protocol_;
    const mail::Envelope& envelope_;
    const Message& message_;
    const SubmissionLimits& limits_;
    std::vector<RecipientOutcome> outcomes_;  // of all recipients
    std::vector<std::size_t> pending_;        // not yet handed over, by index
    std::vector<std::size_t> batch_;          // in the transaction under way
    std::string_view body_;                   // what is left of it
    bool head_sent_ = false;
};

}  // namespace

std::vector<RecipientOutcome> submit(const Connection& connection, std::string ehlo_name,
                                     const mail::Envelope& envelope, const Message& message,
                                     const SubmissionLimits& limits) {
    return Submission(connection, std::move(ehlo_name), envelope, message, limits).run();
}

}  // namespace mailramp::sendmail
