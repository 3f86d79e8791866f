// queue/reserve.h: room on the disk that is taken before anybody needs it, and given up when the disk is
// full.
//
// New mail is refused while there is little room left, but others fill the disk to its last block; a delivery
// then could not be written down, and the queue could not shrink. Not thread-safe.
#pragma once

#include <cstdint>
#include <filesystem>

namespace mailramp::queue {

struct ReserveOptions {
    std::filesystem::path file;
    std::uint64_t bytes = 8ull << 20;
    // It is made where at least so much stays free beside it.
    std::uint64_t free_bytes_min = 24ull << 20;
};

class Reserve {
  public:
    explicit Reserve(ReserveOptions options) : options_(std::move(options)) {}

    // Takes the room, unless it has it or there is not enough. `disk_free_bytes`: what is free now. That it
    // cannot be had is no failure: the disk is what it is then.
    void take(std::uint64_t disk_free_bytes);
    void give_up();
    // Of what is free now, so much is for deliveries alone: it was given up for them.
    [[nodiscard]] std::uint64_t given_up_bytes() const { return given_up_ ? options_.bytes : 0; }

  private:
    ReserveOptions options_;
    bool taken_ = false;
    bool given_up_ = false;
};

}  // namespace mailramp::queue
