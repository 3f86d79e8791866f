#include "queue/group_commit.h"

#include <tuple>
#include <utility>

namespace mailramp::queue {

using base::ErrorKind;

GroupCommit::GroupCommit(std::unique_ptr<Core> core, GroupCommitOptions options)
    : core_(std::move(core)),
      options_(std::move(options)),
      checkpoint_at_bytes_(options_.wal_checkpoint_bytes) {
    look_at_room();
}

void GroupCommit::look_at_room() {
    room_.content_bytes = core_->content_bytes();
    room_.wal_bytes = core_->wal_bytes();
    room_.disk_free_bytes = options_.disk_free_bytes();
}

StoreHealth GroupCommit::health() const {
    StoreHealth health = health_;
    health.messages_accepted = core_->accepted();
    health.messages_settled = core_->settled();
    health.wal_bytes = core_->wal_bytes();
    health.disk_free_bytes = room_.disk_free_bytes;
    if (const auto room = room_.admits(options_.limits, 0); !room) {
        health.state = StoreState::full;
        health.reason = room.error().message;
    }
    if (failed_) {
        health.state = StoreState::failed;
        health.reason = failure_.message;
    }
    return health;
}

void GroupCommit::read(Operation& operation) {
    operation.outcome = operation.apply(*core_);
    // Others fill the disk too, while no mail comes.
    look_at_room();
}

Operations GroupCommit::write(Operations batch) {
    if (failed_) return refuse(std::move(batch));
    look_at_room();
    switch (commit_together(batch)) {
        case Ended::committed:
            break;
        case Ended::disk_failed:
            note_failure(last_error_);
            return refuse(std::move(batch));
        case Ended::one_failed: {
            if (batch.size() == 1) return batch;
            // One of them cannot be done (a damaged page, say). Each gets a transaction of its own, so that
            // it fails alone.
            Operations finished;
            for (const std::shared_ptr<Operation>& operation : batch)
                for (std::shared_ptr<Operation>& one : write({operation}))
                    finished.push_back(std::move(one));
            return finished;
        }
    }
    look_at_room();
    return batch;
}

GroupCommit::Ended GroupCommit::commit_together(Operations& batch) {
    if (auto begun = core_->begin(); !begun) return give_up(batch, begun.error());
    Room room = room_;
    for (const std::shared_ptr<Operation>& operation : batch) {
        if (operation->brings_mail) {
            const std::size_t bytes = operation->content_bytes;
            operation->outcome = operation->content_on_disk ? room.admits_on_disk(options_.limits, bytes)
                                                            : room.admits(options_.limits, bytes);
            if (!operation->outcome) continue;
            room.coming_bytes += bytes;
            if (operation->content_on_disk) room.spooled_bytes += bytes;
        }
        operation->outcome = operation->apply(*core_);
        if (core_->damage() == Damage::none) continue;
        const base::Error error = operation->outcome.error();
        operation->outcome = {};
        return give_up(batch, error);
    }
    if (auto committed = core_->commit(); !committed) {
        // Whatever SQLite calls it: after a COMMIT has failed nobody knows what is on the disk.
        core_->rollback();
        last_error_ = committed.error();
        note_maybe_on_disk(batch);
        return Ended::disk_failed;
    }
    ++health_.commits;
    return Ended::committed;
}

GroupCommit::Ended GroupCommit::give_up(Operations& batch, const base::Error& error) {
    const bool disk = core_->damage() == Damage::disk;
    core_->rollback();
    last_error_ = error;
    if (!disk && batch.size() == 1) batch.front()->outcome = std::unexpected(error);
    return disk ? Ended::disk_failed : Ended::one_failed;
}

// Their frames may have reached the disk. If the machine stops before recover() has done away with them, the
// messages come back although their clients were told to try again.
void GroupCommit::note_maybe_on_disk(const Operations& batch) {
    for (const std::shared_ptr<Operation>& operation : batch) {
        operation->maybe_on_disk = operation->outcome.has_value();
        if (operation->maybe_on_disk && operation->brings_mail) ++health_.refused_but_maybe_sent;
    }
}

void GroupCommit::note_failure(const base::Error& error) {
    ++health_.commits_failed;
    failed_ = true;
    if (error.kind == ErrorKind::limit && options_.give_up_reserve) options_.give_up_reserve();
    failure_.kind = error.kind == ErrorKind::limit ? ErrorKind::limit : ErrorKind::unavailable;
    failure_.message =
        "the queue's disk does not take what is written; it is tried again until it does: " + error.message;
}

// What was found wrong with an operation itself stays its outcome.
Operations GroupCommit::refuse(Operations batch) {
    Operations finished;
    for (std::shared_ptr<Operation>& operation : batch) {
        if (operation->outcome && operation->kind == Operation::Kind::fact) {
            kept_.push_back(std::move(operation));
            continue;
        }
        if (operation->outcome) operation->outcome = std::unexpected(failure_);
        finished.push_back(std::move(operation));
    }
    return finished;
}

Operations GroupCommit::recover() {
    if (!failed_) return {};
    core_->rollback();
    // Brings what has committed into the database file, and does away with the frames that follow it.
    if (auto truncated = core_->checkpoint(SQLITE_CHECKPOINT_TRUNCATE); !truncated) return {};
    failed_ = false;
    // With nothing left to copy, that checkpoint may not have written a single octet: a commit shows more.
    auto probe = std::make_shared<Operation>();
    probe->apply = [](Core& core) { return core.note_recovery(); };
    std::ignore = write({probe});
    if (!probe->outcome && !failed_) note_failure(probe->outcome.error());
    if (failed_) return {};
    return write(std::exchange(kept_, {}));
}

bool GroupCommit::keep_house(base::WallTime now) {
    if (failed_) return false;
    if (!core_->counted()) {
        // A page that cannot be read must not keep the rest of the house from being kept.
        if (core_->count_on()) return true;
    }
    bool more = false;
    auto trimming = std::make_shared<Operation>();
    trimming->apply = [&more, now](Core& core) -> base::Result<> {
        const auto history = core.trim_history(now);
        if (!history) return std::unexpected(history.error());
        const auto pages = core.give_back_pages();
        if (!pages) return std::unexpected(pages.error());
        more = *history || *pages;
        return {};
    };
    std::ignore = write({trimming});
    if (checkpoint_at_bytes_ > options_.wal_checkpoint_bytes) {
        // The last checkpoint failed: not only growth, time too may have changed that.
        checkpoint_at_bytes_ = 0;
    }
    tidy_log();
    if (!failed_ && options_.take_reserve) options_.take_reserve(room_.disk_free_bytes);
    return more && trimming->outcome.has_value();
}

// Between commits, on our own: the automatic one would hide its failures. It never truncates; the WAL is
// overwritten from its beginning when all of it has been copied.
void GroupCommit::tidy_log() {
    if (failed_ || core_->wal_bytes() <= checkpoint_at_bytes_) return look_at_room();
    const auto progress = core_->checkpoint(SQLITE_CHECKPOINT_PASSIVE);
    checkpoint_at_bytes_ = options_.wal_checkpoint_bytes;
    if (!progress || progress->done < progress->frames) {
        ++health_.checkpoints_failed;
        checkpoint_at_bytes_ += core_->wal_bytes();
    }
    look_at_room();
}

}  // namespace mailramp::queue
