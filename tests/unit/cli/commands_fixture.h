// A daemon that answers what a test told it to, and a console that remembers.
#pragma once

#include <deque>
#include <optional>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "cli/commands.h"
#include "samples.h"

namespace mailramp::cli {

inline const std::string id = "0A1B2C3D4E5";

class CommandsTest : public testing::Test {
  protected:
    Console console(Format format = Format::text) {
        return Console{out, err, sample_view(), format, [this](const std::string& question) {
                           questions.push_back(question);
                           return consent;
                       }};
    }

    Daemon daemon() {
        return [this](const std::string& method, const std::string& target) -> Reply {
            requests.push_back(method + " " + target);
            if (replies.empty()) return std::unexpected(Failure{ExitStatus::unavailable, "nobody is there"});
            Reply reply = std::move(replies.front());
            replies.pop_front();
            return reply;
        };
    }

    std::deque<Reply> replies;
    std::vector<std::string> requests;
    std::vector<std::string> questions;
    std::optional<bool> consent;
    std::ostringstream out;
    std::ostringstream err;
};

}  // namespace mailramp::cli
