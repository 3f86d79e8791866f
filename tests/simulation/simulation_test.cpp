// The whole daemon from one seed. A failure names its seed; MAILRAMP_SEED=n runs that one alone.
//
// MAILRAMP_TRACE=1 prints what happens.
// MAILRAMP_SEEDS: how many (500; 10,000 with MAILRAMP_LONG=1); MAILRAMP_FIRST: which one first.
#include <cstdint>
#include <cstdlib>
#include <iostream>
#include <optional>
#include <string>
#include <string_view>

#include <gtest/gtest.h>

#include "simulation/world.h"

namespace mailramp::simulation {
namespace {

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr std::uint64_t seeds_by_default = 50;
#else
constexpr std::uint64_t seeds_by_default = 500;
#endif
constexpr std::uint64_t seeds_in_the_long_run = 10'000;
constexpr int failures_max = 5;

std::optional<std::uint64_t> number_from(const char* variable) {
    const char* const text = std::getenv(variable);
    if (text == nullptr) return std::nullopt;
    return std::strtoull(text, nullptr, 10);
}

std::uint64_t seeds() {
    if (const auto number = number_from("MAILRAMP_SEEDS")) return *number;
    return number_from("MAILRAMP_LONG") == 1 ? seeds_in_the_long_run : seeds_by_default;
}

void print(base::SteadyTime when, std::string_view what) {
    std::cerr << std::chrono::duration<double>(when.time_since_epoch()).count() << " " << what << "\n";
}

void expect_sound(const World& world, std::uint64_t seed) {
    for (const auto& [rule, what] : world.book().broken())
        ADD_FAILURE() << what << "\nagain: MAILRAMP_SEED=" << seed
                      << " tests/test_simulation --gtest_filter='WholeDaemon.KeepsItsPromises*'";
}

TEST(WholeDaemon, KeepsItsPromisesWhateverGoesWrong) {
    const auto only = number_from("MAILRAMP_SEED");
    const std::uint64_t first = only ? *only : number_from("MAILRAMP_FIRST").value_or(0);
    const std::uint64_t last = only ? *only + 1 : first + seeds();
    World::Seen sum;
    int failures = 0;
    for (std::uint64_t seed = first; seed < last && failures < failures_max; ++seed) {
        World world(seed);
        if (std::getenv("MAILRAMP_TRACE") != nullptr) world.trace(print);
        world.run();
        expect_sound(world, seed);
        if (!world.book().broken().empty()) ++failures;
        const World::Seen seen = world.seen();
        sum.messages += seen.messages;
        sum.copies += seen.copies;
        sum.duplicates += seen.duplicates;
        sum.kills += seen.kills;
        sum.power_cuts += seen.power_cuts;
        sum.stops += seen.stops;
        sum.starts_failed += seen.starts_failed;
        sum.faults += seen.faults;
        sum.disk_faults += seen.disk_faults;
        sum.jumps += seen.jumps;
        sum.simulated += seen.simulated;
    }
    std::cout << last - first << " runs, " << sum.simulated / std::chrono::hours(1)
              << " hours: " << sum.messages << " messages sent by clients, " << sum.copies
              << " delivered to a recipient, " << sum.duplicates << " of them again; " << sum.kills
              << " kills, " << sum.power_cuts << " power cuts, " << sum.stops << " stops, "
              << sum.starts_failed << " failed starts, " << sum.faults << " faults of the provider, "
              << sum.disk_faults << " of the disk, " << sum.jumps << " jumps of the clock\n";
    if (last - first < 100) return;
    EXPECT_GT(sum.copies, 5 * (last - first)) << "little arrives";
    EXPECT_GT(sum.duplicates, (last - first) / 50) << "hardly anything was in doubt";
}

TEST(WholeDaemon, DoesTheSameForTheSameSeed) {
    for (const std::uint64_t seed : {1, 2, 3, 4, 5}) {
        std::uint64_t hashes[2] = {};
        for (std::uint64_t& hash : hashes) {
            World world(seed);
            world.run();
            hash = world.hash();
            EXPECT_GT(world.book().lines(), 10U);
        }
        EXPECT_EQ(hashes[0], hashes[1]) << "seed " << seed;
    }
}

}  // namespace
}  // namespace mailramp::simulation
