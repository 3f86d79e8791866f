#include "mailramp/io/system_clock.h"

namespace mailramp::io {

base::WallTime SystemClock::wall() const {
    return std::chrono::time_point_cast<base::WallTime::duration>(std::chrono::system_clock::now());
}

base::SteadyTime SystemClock::steady() const {
    return std::chrono::steady_clock::now();
}

}  // namespace mailramp::io
