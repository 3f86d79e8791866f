// queue/open_bodies.h: the content files that are being read, so that each is opened once and checked as a
// whole.
#pragma once

#include <cstddef>
#include <list>
#include <memory>

#include "queue/body_files.h"

namespace mailramp::queue {

// Of the event loop. Readers are used on the large-body workers, one read at a time.
class OpenBodies {
  public:
    explicit OpenBodies(std::size_t open_max) : open_max_(open_max) {}

    // The reader that stands at this offset, which the caller gives back with put() if there is more to read.
    // Null: none does.
    [[nodiscard]] std::shared_ptr<BodyReader> take(QueueId id, std::uint64_t offset) {
        for (auto open = open_.begin(); open != open_.end(); ++open) {
            if (open->id != id || open->reader->offset() != offset) continue;
            std::shared_ptr<BodyReader> reader = std::move(open->reader);
            open_.erase(open);
            return reader;
        }
        return nullptr;
    }

    void put(QueueId id, std::shared_ptr<BodyReader> reader) {
        open_.push_back(Open{id, std::move(reader)});
        // Whoever stopped in the middle is at the front.
        if (open_.size() > open_max_) open_.pop_front();
    }

    void close(QueueId id) {
        std::erase_if(open_, [id](const Open& open) { return open.id == id; });
    }

  private:
    struct Open {
        QueueId id;
        std::shared_ptr<BodyReader> reader;
    };
    std::list<Open> open_;
    std::size_t open_max_;
};

}  // namespace mailramp::queue
