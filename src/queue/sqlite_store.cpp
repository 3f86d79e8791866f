#include "mailramp/queue/sqlite_store.h"

#include <algorithm>
#include <utility>

#include "mailramp/base/events.h"
#include "queue/reserve.h"
#include "queue/store_impl.h"

namespace mailramp::queue {
namespace {

// Beside what new mail must leave free: the reserve is to change nothing about what is taken.
constexpr std::uint64_t reserve_margin_bytes = 16ull << 20;

CoreOptions core_options(const SqliteStoreOptions& options, const Folder& folder) {
    CoreOptions core;
    core.database = folder.database();
    core.deletion = options.secure_delete ? Deletion::overwriting : Deletion::quick;
    core.bulk_rows_max = options.bulk_rows_max;
    core.unsent_delay = options.unsent_delay;
    core.uncertain_delay = options.uncertain_delay;
    core.uncertain_attempts_max = options.uncertain_attempts_max;
    core.due_ahead_max = options.due_ahead_max;
    core.counted_at_open_max = options.counted_at_open_max;
    core.history_age_max = options.history_age_max;
    core.history_rows_max = options.history_rows_max;
    core.free_pages_max = static_cast<std::int64_t>(options.free_bytes_max) / page_bytes;
    return core;
}

// In slices, before anybody waits for anything. The number of recipients.
base::Result<std::size_t> hold_all(Core& core, base::WallTime now) {
    const Order order{Verb::hold, {}, {}, "mailramp serve --hold", now, 0};
    std::size_t held = 0;
    OrderPlace place;
    for (bool more = true; more;) {
        if (auto begun = core.begin(); !begun) return std::unexpected(begun.error());
        const auto slice = core.operate(order, place);
        auto done = slice ? core.commit() : std::unexpected(slice.error());
        if (!done) {
            core.rollback();
            return std::unexpected(done.error());
        }
        held += slice->recipients;
        place = slice->place;
        more = slice->more;
    }
    return held;
}

base::Error cannot_open(const Folder& folder, base::Error error) {
    const std::string path = folder.path().string();
    const bool perhaps_damaged = error.kind == base::ErrorKind::io;
    error.message.insert(0, "the queue in " + path + " cannot be opened: ");
    if (perhaps_damaged)
        error.message +=
            ". If the disk works, the queue is damaged: save what can be read with `mailramp queue "
            "recover --from " +
            path + " --to FOLDER`, move " + path +
            " aside, and start again (docs/data.md tells how the saved mail is sent)";
    return error;
}

}  // namespace

base::Result<std::unique_ptr<QueueStore>> open_sqlite_store(const SqliteStoreOptions& options,
                                                            const io::Executor& executor,
                                                            const base::Clock& clock, base::Logger logger) {
    auto folder = Folder::open(options.directory);
    if (!folder) return std::unexpected(folder.error());
    auto core = Core::open(core_options(options, *folder), clock.wall());
    if (!core) return std::unexpected(cannot_open(*folder, core.error()));
    if (options.hold_at_start) {
        const auto held = hold_all(**core, clock.wall());
        if (!held) return std::unexpected(cannot_open(*folder, held.error()));
        logger.warning(base::events::queue_held, "all mail of the queue is held until it is released",
                       {{"recipients", *held}, {"remedy", "mailramp queue release --all"}});
    }

    for (const std::filesystem::path& closed : folder->closed())
        logger.warning(base::events::queue_folder_closed, "others could write to it; the mode is 0700 now",
                       {{"path", closed.string()}});
    const auto counts = (*core)->counts();
    if (!counts) return std::unexpected(counts.error());
    logger.info(base::events::queue_opened, "the queue is open",
                {{"path", folder->path().string()},
                 {"instance", (*core)->instance()},
                 {"messages", counts->messages},
                 {"bytes", counts->bytes},
                 {"held", counts->held},
                 {"counted", counts->complete ? "all" : "not yet"},
                 {"made_uncertain", (*core)->made_uncertain()},
                 {"made_queued", (*core)->made_queued()}});

    BodyFolder bodies{folder->bodies(), folder->lock_file(), sqlite3_vfs_find(nullptr)};
    SqliteStore::Parts parts{
        options,           std::move(*folder), std::move(bodies), (*core)->instance(), (*core)->first_id(),
        (*core)->counted()};
    GroupCommitOptions group;
    group.limits = RoomLimits{options.size_bytes_max, options.disk_free_bytes_min, options.wal_bytes_max};
    group.wal_checkpoint_bytes = options.wal_checkpoint_bytes;
    const auto reserve = std::make_shared<Reserve>(
        ReserveOptions{.file = parts.folder.reserve(),
                       .free_bytes_min = options.disk_free_bytes_min + reserve_margin_bytes});
    group.disk_free_bytes = [path = parts.folder.path(), reserve] {
        const std::uint64_t free_bytes = disk_free_bytes(path);
        return free_bytes - std::min(free_bytes, reserve->given_up_bytes());
    };
    group.give_up_reserve = [reserve] { reserve->give_up(); };
    group.take_reserve = [reserve](std::uint64_t free_bytes) { reserve->take(free_bytes); };
    reserve->take(disk_free_bytes(parts.folder.path()));
    return std::make_unique<SqliteStore>(std::move(parts), GroupCommit(std::move(*core), std::move(group)),
                                         executor, clock, std::move(logger));
}

}  // namespace mailramp::queue
