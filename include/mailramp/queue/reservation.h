// mailramp/queue/reservation.h: room that is kept for a message on its way in.
#pragma once

#include <cstdint>
#include <utility>

namespace mailramp::queue {

// Counts in a total, which must outlive it, until it is destroyed. Move-only.
class Reservation {
  public:
    Reservation() = default;  // of nothing
    Reservation(std::uint64_t& total, std::uint64_t bytes) : total_(&total), bytes_(bytes) { total += bytes; }
    Reservation(Reservation&& other) noexcept
        : total_(std::exchange(other.total_, nullptr)), bytes_(std::exchange(other.bytes_, 0)) {}
    Reservation& operator=(Reservation&& other) noexcept {
        std::swap(total_, other.total_);
        std::swap(bytes_, other.bytes_);
        return *this;
    }
    ~Reservation() { give_back(); }

    [[nodiscard]] std::uint64_t bytes() const { return bytes_; }
    void give_back() {
        if (total_ != nullptr) *total_ -= std::exchange(bytes_, 0);
    }

  private:
    std::uint64_t* total_ = nullptr;
    std::uint64_t bytes_ = 0;
};

}  // namespace mailramp::queue
