#include "app/spare_memory.h"

#include <algorithm>

#include <malloc.h>

namespace mailramp::app {
namespace {

constexpr std::size_t crowd_min = 16;  // fewer leave too little behind
constexpr std::size_t part_left = 4;   // of the crowd, one in so many may still be there

}  // namespace

bool CrowdWatch::has_left(std::size_t sessions_peak, std::size_t sessions_open) {
    most_open_ = std::max(most_open_, sessions_peak);
    if (most_open_ < crowd_min || sessions_open > most_open_ / part_left) return false;
    most_open_ = sessions_open;
    return true;
}

void give_spare_memory_back() {
    malloc_trim(0);
}

}  // namespace mailramp::app
