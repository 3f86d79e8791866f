// io/resolver.h: getaddrinfo on threads that may hang, with a bound on how many do.
#pragma once

#include <atomic>
#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include <boost/asio/execution_context.hpp>

#include "mailramp/base/result.h"
#include "mailramp/io/async.h"
#include "mailramp/io/connect.h"

namespace mailramp::io {

// Blocks; runs on a thread of its own. Every address of `host` with `port`, best first.
using Lookup = std::function<base::Result<std::vector<Endpoint>>(const std::string& host, std::uint16_t port,
                                                                 Family family)>;

// The system's resolver.
[[nodiscard]] base::Result<std::vector<Endpoint>> system_lookup(const std::string& host, std::uint16_t port,
                                                                Family family);

// What the lookups of one event loop share. Tests put their own lookup in.
class Resolver final : public asio::execution_context::service {
  public:
    using key_type = Resolver;
    static inline asio::execution_context::id id;

    explicit Resolver(asio::execution_context& context) : service(context) {}
    [[nodiscard]] static Resolver& of(const Executor& executor);

    void set_lookup(Lookup lookup) { lookup_ = std::move(lookup); }
    [[nodiscard]] const Lookup& lookup() const { return lookup_; }
    // Threads count themselves out, perhaps after this service is gone.
    [[nodiscard]] const std::shared_ptr<std::atomic<std::size_t>>& in_flight() const { return in_flight_; }

  private:
    void shutdown() override {}
    Lookup lookup_ = &system_lookup;
    std::shared_ptr<std::atomic<std::size_t>> in_flight_ = std::make_shared<std::atomic<std::size_t>>(0);
};

}  // namespace mailramp::io
