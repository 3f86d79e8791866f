// mailramp/io/system_clock.h: the clocks of this machine.
#pragma once

#include "mailramp/base/clock.h"

namespace mailramp::io {

class SystemClock final : public base::Clock {
  public:
    [[nodiscard]] base::WallTime wall() const override;
    [[nodiscard]] base::SteadyTime steady() const override;
};

}  // namespace mailramp::io
