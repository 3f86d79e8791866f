// smtp/line_ends.h: where the next CR and the next LF of a piece of text are, found in time linear in its
// size.
//
// Looking anew for both from every line end would be quadratic for text that has many of one and none of the
// other, which a hostile sender can arrange.
#pragma once

#include <cstddef>
#include <cstring>
#include <string_view>

namespace mailramp::smtp {

class LineEnds {
  public:
    // `text` must outlive this object.
    explicit LineEnds(std::string_view text)
        : end_(text.data() + text.size()), carriage_return_(text.data()), line_feed_(text.data()) {
        carriage_return_ = find(text.data(), '\r');
        line_feed_ = find(text.data(), '\n');
    }

    // The first one at or behind `at`, or the end of the text. `at` never goes back from call to call.
    [[nodiscard]] const char* carriage_return(const char* at) {
        if (carriage_return_ < at) carriage_return_ = find(at, '\r');
        return carriage_return_;
    }
    [[nodiscard]] const char* line_feed(const char* at) {
        if (line_feed_ < at) line_feed_ = find(at, '\n');
        return line_feed_;
    }
    [[nodiscard]] const char* end() const { return end_; }

  private:
    [[nodiscard]] const char* find(const char* from, char wanted) const {
        if (from == end_) return end_;
        const void* found = std::memchr(from, wanted, static_cast<std::size_t>(end_ - from));
        return found == nullptr ? end_ : static_cast<const char*>(found);
    }

    const char* end_;
    const char* carriage_return_;
    const char* line_feed_;
};

}  // namespace mailramp::smtp
