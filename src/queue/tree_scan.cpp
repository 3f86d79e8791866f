#include "queue/tree_scan.h"

#include <algorithm>
#include <limits>
#include <map>
#include <vector>

namespace mailramp::queue {
namespace {

constexpr std::int64_t last_number = std::numeric_limits<std::int64_t>::max();

// Numbers of which is known what is there.
class Known {
  public:
    [[nodiscard]] bool has(std::int64_t number) const {
        const auto after = from_to_.upper_bound(number);
        return after != from_to_.begin() && std::prev(after)->second >= number;
    }
    void add(std::int64_t from, std::int64_t to) {
        auto at = from_to_.upper_bound(from);
        if (at != from_to_.begin() && std::prev(at)->second >= from - 1) --at;
        while (at != from_to_.end() && (to == last_number || at->first <= to + 1)) {
            from = std::min(from, at->first);
            to = std::max(to, at->second);
            at = from_to_.erase(at);
        }
        from_to_.emplace(from, to);
    }
    [[nodiscard]] std::size_t gaps() const {
        if (from_to_.empty()) return 1;
        const bool first = from_to_.begin()->first > 0;
        const bool last = std::prev(from_to_.end())->second < last_number;
        return from_to_.size() - 1 + static_cast<std::size_t>(first) + static_cast<std::size_t>(last);
    }

  private:
    std::map<std::int64_t, std::int64_t> from_to_;
};

class Scan {
  public:
    explicit Scan(const TreeReader& reader) : reader_(reader) {}

    std::size_t run(std::span<const std::int64_t> hints) {
        upwards(0);
        downwards(last_number);
        follow_edges();
        for (const std::int64_t hint : hints) {
            probe(hint);
            follow_edges();
        }
        return known_.gaps();
    }

  private:
    enum class Direction { up, down };
    struct Edge {
        std::int64_t number;  // that cannot be read
        Direction direction;
    };

    // A row that is not where it belongs is damage too.
    [[nodiscard]] RowFound after(std::int64_t number) const {
        RowFound found = reader_.at_or_after(number);
        if (found && found->value_or(last_number) < number) return out_of_order();
        return found;
    }
    [[nodiscard]] RowFound before(std::int64_t number) const {
        RowFound found = reader_.at_or_before(number);
        if (found && (found->value_or(0) > number || found->value_or(0) < 0)) return out_of_order();
        return found;
    }
    [[nodiscard]] static RowFound out_of_order() {
        return base::fail(base::ErrorKind::invalid, "the rows are not in their order");
    }

    void upwards(std::int64_t next) {
        while (!known_.has(next)) {
            const RowFound found = after(next);
            if (!found) return edges_.push_back({next, Direction::up});
            const std::int64_t to = found->value_or(last_number);
            known_.add(next, to);
            if (to == last_number) return;
            next = to + 1;
        }
    }

    void downwards(std::int64_t next) {
        while (!known_.has(next)) {
            const RowFound found = before(next);
            if (!found) return edges_.push_back({next, Direction::down});
            const std::int64_t from = found->value_or(0);
            known_.add(from, next);
            if (from == 0) return;
            next = from - 1;
        }
    }

    // Whether this was a way behind the damage.
    bool probe(std::int64_t number) {
        if (known_.has(number)) return true;
        const RowFound found = after(number);
        if (!found) return false;
        known_.add(number, found->value_or(last_number));
        // Behind all rows: the way to them is still to be found.
        if (!*found) return false;
        if (**found != last_number) upwards(**found + 1);
        if (number > 0) downwards(number - 1);
        return true;
    }

    void follow_edges() {
        while (!edges_.empty()) {
            const Edge edge = edges_.back();
            edges_.pop_back();
            const std::int64_t room =
                edge.direction == Direction::up ? last_number - edge.number : edge.number;
            for (std::int64_t step = 1; step <= room; step *= 2) {
                if (probe(edge.direction == Direction::up ? edge.number + step : edge.number - step)) break;
                if (step > last_number / 2) break;
            }
        }
    }

    const TreeReader& reader_;
    Known known_;
    std::vector<Edge> edges_;
};

}  // namespace

std::size_t scan_tree(const TreeReader& reader, std::span<const std::int64_t> hints) {
    return Scan(reader).run(hints);
}

}  // namespace mailramp::queue
