// Each rule of the book can be broken: a daemon or a disk that is spoiled in one way is found out by that
// rule.
#include <algorithm>
#include <cstdint>
#include <string>

#include <gtest/gtest.h>

#include "simulation/world.h"

namespace mailramp::simulation {
namespace {

constexpr std::uint64_t seeds_max = 60;

struct Control {
    Spoil spoil;
    Rule rule;
};

class Spoiled : public ::testing::TestWithParam<Control> {};

TEST_P(Spoiled, IsNoticed) {
    for (std::uint64_t seed = 0; seed < seeds_max; ++seed) {
        World world(seed, GetParam().spoil);
        world.run();
        if (std::ranges::any_of(world.book().broken(),
                                [](const auto& one) { return one.first == GetParam().rule; }))
            return;
    }
    FAIL() << "the rule '" << name_of(GetParam().rule) << "' is never broken: nothing would break it";
}

std::string name_for(const ::testing::TestParamInfo<Control>& info) {
    std::string name(name_of(info.param.rule));
    std::ranges::replace(name, ' ', '_');
    return name;
}

INSTANTIATE_TEST_SUITE_P(
    Rule, Spoiled,
    ::testing::Values(Control{Spoil::syncs, Rule::durable}, Control{Spoil::content, Rule::intact},
                      Control{Spoil::outcomes, Rule::once}, Control{Spoil::plan, Rule::plan},
                      Control{Spoil::rate, Rule::rate}, Control{Spoil::connections, Rule::connections},
                      Control{Spoil::token_alone, Rule::token_alone},
                      Control{Spoil::token_pace, Rule::token_pace}, Control{Spoil::settlements, Rule::drains},
                      Control{Spoil::log, Rule::secrets}, Control{Spoil::counts, Rule::counts}),
    name_for);

}  // namespace
}  // namespace mailramp::simulation
