// app/spare_memory.h: memory that a crowd of clients needed goes back to the machine when they have gone.
//
// The C library keeps what is freed in small pieces, for later: many sessions with many recipients leave
// hundreds of megabytes behind that nobody needs again soon.
#pragma once

#include <cstddef>

namespace mailramp::app {

class CrowdWatch {
  public:
    // To be asked again and again, with the most sessions at once since it was last asked, and with those of
    // now. True once after each crowd, when most of it is gone.
    [[nodiscard]] bool has_left(std::size_t sessions_peak, std::size_t sessions_open);

  private:
    std::size_t most_open_ = 0;
};

// Takes some milliseconds for each hundred megabytes.
void give_spare_memory_back();

}  // namespace mailramp::app
