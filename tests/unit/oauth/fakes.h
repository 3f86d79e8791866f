// tests/unit/oauth/fakes.h: a clock that stands still, and an HTTP client that answers from a list.
#pragma once

#include <chrono>
#include <deque>
#include <string>
#include <utility>
#include <vector>

#include "mailramp/base/clock.h"
#include "mailramp/io/http_client.h"

namespace mailramp::oauth {

class FakeClock final : public base::Clock {
  public:
    [[nodiscard]] base::WallTime wall() const override { return wall_now; }
    [[nodiscard]] base::SteadyTime steady() const override { return steady_now; }

    base::WallTime wall_now{std::chrono::sys_days(std::chrono::year(2026) / 3 / 1)};
    base::SteadyTime steady_now{std::chrono::hours(1000)};
};

class FakeHttpClient final : public io::HttpClient {
  public:
    using Answer = base::Result<io::HttpResponse>;

    io::Task<Answer> send(io::HttpRequest request) override {
        requests.push_back(std::move(request));
        Answer answer = base::fail(base::ErrorKind::internal, "the test has no more answers");
        if (!answers.empty()) {
            answer = std::move(answers.front());
            answers.pop_front();
        }
        co_return answer;
    }

    void answer_with(int status, std::string body,
                     std::vector<std::pair<std::string, std::string>> headers = {}) {
        io::HttpResponse response;
        response.status = status;
        response.headers = std::move(headers);
        response.body = base::Secret(std::move(body));
        answers.emplace_back(std::move(response));
    }
    void fail_with(base::ErrorKind kind, std::string message) {
        answers.emplace_back(base::fail(kind, std::move(message)));
    }

    std::vector<io::HttpRequest> requests;
    std::deque<Answer> answers;
};

}  // namespace mailramp::oauth
