// queue/tree_scan.h: all rows of a table of which some pages cannot be read; pure.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>

#include "mailramp/base/result.h"

namespace mailramp::queue {

// The number of a row that was found, or nothing: there is none that way.
using RowFound = base::Result<std::optional<std::int64_t>>;

// How to read a table in the order of its numbers, which are not negative: at_or_after(n) takes the first row
// with a number of at least n, at_or_before(n) the last one of at most n. Each may fail for some n. Now and
// then a row is taken twice.
struct TreeReader {
    std::function<RowFound(std::int64_t)> at_or_after;
    std::function<RowFound(std::int64_t)> at_or_before;
};

// Reads from both ends, and where it cannot go on it looks behind the damage, further and further. `hints`
// are numbers that may have rows: where both ends are damaged nothing else says where to look. Returns in how
// many places it found no way.
[[nodiscard]] std::size_t scan_tree(const TreeReader& reader, std::span<const std::int64_t> hints = {});

}  // namespace mailramp::queue
