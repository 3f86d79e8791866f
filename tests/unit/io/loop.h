// tests/unit/io/loop.h: an event loop for a test, and pairs of connected streams.
#pragma once

#include <array>
#include <exception>
#include <functional>
#include <optional>
#include <stdexcept>
#include <string>
#include <utility>

#include <gtest/gtest.h>
#include <sys/socket.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>

#include "mailramp/io/stream.h"

namespace mailramp::io::testing {

// Long enough for any machine; a test that takes so long has failed.
inline constexpr base::Duration patient = std::chrono::seconds(30);

class Loop {
  public:
    [[nodiscard]] Executor executor() { return context_.get_executor(); }
    [[nodiscard]] asio::io_context& context() { return context_; }

    void spawn(Task<> task) {
        asio::co_spawn(context_, std::move(task), [](std::exception_ptr error) {
            if (error) std::rethrow_exception(error);
        });
    }

    // Runs until `task` is done (other tasks go on in a later run) and returns what it returned. `meanwhile`
    // is called once when everything waits.
    template <class T>
    T run(Task<T> task, std::move_only_function<void()> meanwhile = [] {}) {
        std::optional<T> result;
        asio::co_spawn(context_, keep(std::move(task), result), [this](std::exception_ptr error) {
            if (error) std::rethrow_exception(error);
            context_.stop();
        });
        context_.restart();
        context_.poll();
        meanwhile();
        context_.run();
        if (!result) throw std::runtime_error("the event loop had nothing left to do");
        return std::move(*result);
    }

  private:
    template <class T>
    static Task<> keep(Task<T> task, std::optional<T>& result) {
        auto value = co_await std::move(task);
        result.emplace(std::move(value));
    }

    asio::io_context context_;
};

// Two ends of one AF_UNIX connection.
inline std::array<int, 2> connected_sockets() {
    std::array<int, 2> sockets{};
    EXPECT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, sockets.data()), 0);
    return sockets;
}

inline Stream adopt(Loop& loop, int socket) {
    auto stream = Stream::adopt(loop.executor(), socket);
    EXPECT_TRUE(stream.has_value());
    return std::move(stream.value());
}

struct Pair {
    explicit Pair(Loop& loop) : Pair(loop, connected_sockets()) {}
    Stream left;
    Stream right;

  private:
    Pair(Loop& loop, std::array<int, 2> sockets)
        : left(adopt(loop, sockets[0])), right(adopt(loop, sockets[1])) {}
};

}  // namespace mailramp::io::testing
