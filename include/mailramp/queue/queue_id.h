// mailramp/queue/queue_id.h: our name for a message, given to the client in the 250.
#pragma once

#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace mailramp::queue {

// A row number of the store, never given twice, also not by a queue that was deleted and made anew: the first
// number of a new queue is derived from the time it was made. As text: 11 characters of Crockford's base 32
// without lower case, in the order of the numbers.
class QueueId {
  public:
    QueueId() = default;
    explicit QueueId(std::int64_t value) : value_(value) {}
    [[nodiscard]] std::int64_t value() const { return value_; }
    [[nodiscard]] std::string text() const;
    // Ignores case, reads O as 0 and I and L as 1. Nothing for any other text.
    [[nodiscard]] static std::optional<QueueId> parse(std::string_view text);
    friend auto operator<=>(const QueueId&, const QueueId&) = default;

  private:
    std::int64_t value_ = 0;
};

}  // namespace mailramp::queue
