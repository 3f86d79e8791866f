// mailramp/queue/salvage.h: what can still be read of a damaged queue, saved as plain files.
//
// Works on a queue that no daemon has, and writes nothing into it: the database is copied first, what the
// disk does not give reads as zeros, and the copy is read tree by tree around what is damaged. Contents are
// compared with their checksums; envelopes have none. Blocking, for a command: not for the event loop.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "mailramp/base/result.h"
#include "mailramp/queue/queue_store.h"

namespace mailramp::queue {

enum class SalvagedContent {
    whole,    // as it was accepted
    damaged,  // what is left of it, or nothing to compare it with
    missing,
};

struct SalvagedMessage {
    MessageRow message;           // as far as it is known; `recipients` are those that had not been delivered
    bool envelope_known = false;  // sender, sizes, times
    SalvagedContent content = SalvagedContent::missing;
    std::filesystem::path file;       // ID.eml if whole, ID.damaged.eml if not; empty when missing
    std::vector<std::string> damage;  // of this message, for humans; empty: none
};

struct SalvageReport {
    std::uint64_t messages = 0;       // found, in whatever state
    std::uint64_t whole = 0;          // with envelope, recipients and content
    std::vector<std::string> damage;  // of the queue as such
};

struct SalvageOptions {
    std::filesystem::path from;  // the queue's folder
    std::filesystem::path to;    // made if it is not there; must not be in `from`
};

// Called for each message once its content is in `to` and on the disk. An error ends the salvage.
using OnSalvaged = std::function<base::Result<>(const SalvagedMessage& message)>;

// ErrorKind::conflict: a daemon has the queue; not_found: there is none; io: `to` cannot be written. Existing
// files are never overwritten.
[[nodiscard]] base::Result<SalvageReport> salvage(const SalvageOptions& options,
                                                  const OnSalvaged& on_message);

}  // namespace mailramp::queue
