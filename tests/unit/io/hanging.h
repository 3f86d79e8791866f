// tests/unit/io/hanging.h: what never answers: a name server, and a server that accepts no connection.
#pragma once

#include <future>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "io/resolver.h"
#include "mailramp/io/connect.h"
#include "unit/io/loop.h"

namespace mailramp::io::testing {

// A name server that does not answer until it is told to, at the latest at its end.
class HungNameServer {
  public:
    explicit HungNameServer(Loop& loop) {
        Resolver::of(loop.executor())
            .set_lookup([answered = gate_.get_future().share()](const std::string&, std::uint16_t, Family) {
                answered.wait();
                return base::Result<std::vector<Endpoint>>(std::vector<Endpoint>{{"127.0.0.1", 25}});
            });
    }
    ~HungNameServer() { release(); }
    HungNameServer(const HungNameServer&) = delete;
    HungNameServer& operator=(const HungNameServer&) = delete;

    void release() {
        if (!std::exchange(released_, true)) gate_.set_value();
    }

  private:
    std::promise<void> gate_;
    bool released_ = false;
};

// A listener whose backlog is full lets further connections hang: the kernel drops their SYNs.
class FullListener {
  public:
    explicit FullListener(Loop& loop)
        : listener_(Listener::bind_tcp(loop.executor(), {"127.0.0.1", 0}, 0).value()) {
        constexpr int places_max = 20;
        for (int i = 0; i < places_max; ++i) {
            auto stream = loop.run(reach(endpoint()));
            if (!stream) return;
            waiting_.push_back(std::move(*stream));
        }
        ADD_FAILURE() << "the backlog did not fill";
    }

    [[nodiscard]] Endpoint endpoint() const { return listener_.endpoint(); }

  private:
    static Task<base::Result<Stream>> reach(Endpoint endpoint) {
        ConnectOptions options;
        options.address_timeout = std::chrono::milliseconds(20);
        std::vector<Endpoint> endpoints(1, endpoint);
        co_return co_await connect(std::move(endpoints), std::move(options));
    }

    Listener listener_;
    std::vector<Stream> waiting_;
};

}  // namespace mailramp::io::testing
