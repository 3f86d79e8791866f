#include "simulation/provider.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "mailramp/io/timer.h"

namespace mailramp::simulation {
namespace {

using namespace std::chrono_literals;
using Step = sandbox::ExchangeSession::Step;

constexpr base::Duration idle_max = 5min;

// One key for all runs: making it takes longer than some of them.
const sandbox::TokenSigner& signer() {
    static const sandbox::TokenSigner made = sandbox::TokenSigner::create().value();
    return made;
}

std::string between(std::string_view text, std::string_view before, std::string_view after) {
    const std::size_t begin = text.find(before);
    if (begin == text.npos) return {};
    const std::size_t at = begin + before.size();
    return std::string(text.substr(at, text.find(after, at) - at));
}

}  // namespace

Provider::Provider(Machine& machine, Network& network, Book& book)
    : machine_(machine),
      book_(book),
      directory_({sandbox::App{"contoso", "app", client_secret, {"one@contoso.test", "two@contoso.test"}}}),
      limits_({.connections_max = 1000, .messages_max = 1'000'000}),  // the book counts, and never refuses
      tokens_({}, directory_, signer(), faults) {
    book_.add_secret(client_secret);
    network.provider = [this](std::shared_ptr<Link> link) { accept(std::move(link)); };
}

void Provider::accept(std::shared_ptr<Link> link) {
    const std::uint64_t number = ++visits_begun_;
    Visit& visit = visits_[number];
    visit.link = std::move(link);
    visit.last_heard = machine_.now();
    visit.session = std::make_unique<sandbox::ExchangeSession>(
        sandbox::SessionOptions{}, sandbox::SessionWorld{directory_, signer(), faults, limits_, counters_},
        number, "192.0.2.7");
    visit.link->end(Side::peer).on_event = [this, number] { heard(number); };
    watch(number);
    go_on(number);
}

void Provider::heard(std::uint64_t number) {
    Visit& visit = visits_.at(number);
    End& end = visit.link->end(Side::peer);
    visit.last_heard = machine_.now();
    if (!end.arrived.empty()) visit.session->receive(std::exchange(end.arrived, {}));
    go_on(number);
}

// Everything that can be done now; what is said goes out a little later, in its order.
void Provider::go_on(std::uint64_t number) {
    Visit& visit = visits_.at(number);
    End& end = visit.link->end(Side::peer);
    for (;;) {
        const Step step = visit.session->next(now());
        if (std::string output = visit.session->take_output(); !output.empty()) {
            base::Duration pause = machine_.up_to(reply_latency_max);
            if (faults.take("slow")) pause += 5s + machine_.up_to(4min);
            end.send(std::move(output), pause);
        }
        switch (step) {
            case Step::need_bytes:
            case Step::hang:
                if (end.closed) leave(number);
                return;
            case Step::start_tls:
                if (end.closed) return leave(number);
                if (end.hello == Tls::none) return;
                if (!visit.session->certificate_fault().empty()) {
                    end.send(Tls::untrusted);
                    return;
                }
                end.send(Tls::good);
                visit.session->tls_started("TLSv1.3");
                break;
            case Step::message: {
                const sandbox::ReceivedMessage message = visit.session->take_message();
                std::vector<std::string> recipients;
                for (const mail::Recipient& recipient : message.envelope.recipients)
                    recipients.push_back(recipient.address);
                book_.delivered(message.mailbox, message.content, recipients);
                visit.session->stored(now());
                break;
            }
            case Step::closed:
                end.close(machine_.up_to(reply_latency_max));
                return leave(number);
        }
    }
}

void Provider::watch(std::uint64_t number) {
    machine_.at(idle_max, [this, number] {
        const auto found = visits_.find(number);
        if (found == visits_.end()) return;
        if (machine_.now() - found->second.last_heard < idle_max) return watch(number);
        found->second.session->close_with("421 4.4.1 Connection timed out");
        go_on(number);
        leave(number);
    });
}

void Provider::leave(std::uint64_t number) {
    const auto found = visits_.find(number);
    if (found == visits_.end()) return;
    found->second.link->end(Side::peer).on_event = nullptr;
    found->second.link->end(Side::peer).close(machine_.up_to(reply_latency_max));
    visits_.erase(found);
}

sandbox::HttpAnswer Provider::token(std::string_view tenant, std::string_view form) {
    sandbox::HttpAnswer answer = tokens_.answer(tenant, form, machine_.true_wall());
    // Its last part differs from token to token.
    const std::string token = between(answer.body, "\"access_token\":\"", "\"");
    if (!token.empty()) book_.add_secret(token.substr(token.rfind('.') + 1));
    return answer;
}

// ------------------------------------------------------------------ HTTP

io::Task<base::Result<io::HttpResponse>> SimulatedHttp::send(io::HttpRequest request) {
    book_.token_asked();
    const base::Duration there = machine_.up_to(150ms);
    const base::Duration back = machine_.up_to(150ms);
    switch (network_.weather) {
        case Network::Weather::fair:
        case Network::Weather::rough:
            break;
        case Network::Weather::refused:
        case Network::Weather::nameless:
            co_await io::sleep_for(there);
            book_.token_answered(Book::TokenEnd::failed, {});
            co_return base::fail(base::ErrorKind::unavailable, "connection refused");
        case Network::Weather::unreachable:
            co_await io::sleep_for(request.connect_timeout);
            book_.token_answered(Book::TokenEnd::failed, {});
            co_return base::fail(base::ErrorKind::timeout, "no answer within the time limit");
    }
    co_await io::sleep_for(there);
    const std::string tenant = between(request.url, "microsoftonline.com/", "/");
    const sandbox::HttpAnswer answer = provider_.token(tenant, request.body.reveal());
    if (answer.hang) {
        co_await io::sleep_for(request.total_timeout);
        book_.token_answered(Book::TokenEnd::failed, {});
        co_return base::fail(base::ErrorKind::timeout, "no answer within the time limit");
    }
    co_await io::sleep_for(back);
    const bool granted = answer.status == 200 && answer.body.find("access_token") != std::string::npos &&
                         answer.body.find("\\r\\n") == std::string::npos;
    const bool refused = answer.status >= 400 && answer.status < 429;
    base::Duration retry_after{};
    if (!answer.retry_after.empty()) retry_after = std::chrono::seconds(std::stol(answer.retry_after));
    book_.token_answered(granted   ? Book::TokenEnd::granted
                         : refused ? Book::TokenEnd::refused
                                   : Book::TokenEnd::failed,
                         retry_after);
    // The end of a token, since a line of the log has an end.
    const std::string shown = answer.body.substr(answer.body.rfind('.') + 1);
    leak_.info("leak", shown);
    io::HttpResponse response;
    response.status = answer.status;
    response.headers = {{"content-type", answer.content_type}};
    if (!answer.retry_after.empty()) response.headers.emplace_back("retry-after", answer.retry_after);
    response.body = base::Secret(answer.body);
    co_return response;
}

}  // namespace mailramp::simulation
