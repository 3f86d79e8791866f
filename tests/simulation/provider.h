// simulation/provider.h: Exchange Online and Entra at the other end: the sandbox's machines on the simulated
// network.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>

#include "mailramp/io/http_client.h"
#include "sandbox/exchange_session.h"
#include "sandbox/token_service.h"
#include "simulation/book.h"
#include "simulation/network.h"

namespace mailramp::simulation {

inline constexpr const char* client_secret = "Kx8~very-secret-value-of-the-simulated-application";

class Provider {
  public:
    Provider(Machine& machine, Network& network, Book& book);

    sandbox::Faults faults;
    base::Duration reply_latency_max = std::chrono::milliseconds(200);

    // For the daemon's HTTP client.
    [[nodiscard]] sandbox::HttpAnswer token(std::string_view tenant, std::string_view form);

  private:
    struct Visit {
        std::shared_ptr<Link> link;
        std::unique_ptr<sandbox::ExchangeSession> session;
        base::SteadyTime last_heard;
    };
    void accept(std::shared_ptr<Link> link);
    void heard(std::uint64_t number);
    void go_on(std::uint64_t number);
    void watch(std::uint64_t number);
    void leave(std::uint64_t number);
    [[nodiscard]] sandbox::Now now() const { return {machine_.true_wall(), machine_.now()}; }

    Machine& machine_;
    Book& book_;
    sandbox::Directory directory_;
    sandbox::MailboxLimits limits_;
    sandbox::SessionCounters counters_;
    sandbox::TokenService tokens_;
    std::map<std::uint64_t, Visit> visits_;
    std::uint64_t visits_begun_ = 0;
};

// The daemon's way to the token endpoint.
class SimulatedHttp final : public io::HttpClient {
  public:
    SimulatedHttp(Machine& machine, Network& network, Provider& provider, Book& book)
        : machine_(machine), network_(network), provider_(provider), book_(book) {}
    [[nodiscard]] io::Task<base::Result<io::HttpResponse>> send(io::HttpRequest request) override;
    // For the control: logs what it hears.
    void leak_to(base::Logger logger) { leak_ = logger; }

  private:
    Machine& machine_;
    Network& network_;
    Provider& provider_;
    Book& book_;
    base::Logger leak_;
};

}  // namespace mailramp::simulation
