// queue/store_impl.h: QueueStore on the store's thread and the large-body workers. Of the event loop.
#pragma once

#include <deque>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include <boost/asio/steady_timer.hpp>

#include "mailramp/base/log.h"
#include "mailramp/io/timer.h"
#include "mailramp/io/worker.h"
#include "mailramp/queue/sqlite_store.h"
#include "queue/folder.h"
#include "queue/open_bodies.h"
#include "queue/store_thread.h"

namespace mailramp::queue {

class SqliteStore final : public QueueStore, public BounceQueue {
  public:
    // What open_sqlite_store() has put together.
    struct Parts {
        SqliteStoreOptions options;
        Folder folder;
        BodyFolder bodies;
        std::int64_t instance = 0;
        QueueId first_id;
        bool counted = true;  // else the counting goes on as housekeeping
    };

    SqliteStore(Parts parts, GroupCommit group, const io::Executor& executor, const base::Clock& clock,
                base::Logger logger);
    ~SqliteStore() override;

    [[nodiscard]] base::Result<Reservation> reserve(std::uint64_t size_bytes) override;
    [[nodiscard]] std::unique_ptr<StagedMessage> stage(std::size_t inline_bytes_max,
                                                       Reservation room) override;
    void on_due(std::function<void(std::string_view mailbox)> callback) override {
        on_due_ = std::move(callback);
    }
    [[nodiscard]] io::Task<base::Result<ClaimResult>> claim_due(ClaimRequest request) override;
    [[nodiscard]] io::Task<base::Result<std::string>> read(QueueId id, std::uint64_t offset,
                                                           std::size_t octets_max) override;
    [[nodiscard]] io::Task<base::Result<>> mark_ending(QueueId id, std::string mailbox,
                                                       std::vector<std::int64_t> rows) override;
    [[nodiscard]] io::Task<base::Result<>> settle(Settlement settlement) override;
    [[nodiscard]] io::Task<base::Result<std::vector<MailboxRecord>>> mailboxes() override;
    [[nodiscard]] io::Task<base::Result<std::vector<MailboxBacklog>>> backlogs() override;
    [[nodiscard]] io::Task<base::Result<>> save(MailboxRecord record) override;
    [[nodiscard]] io::Task<base::Result<ListPage>> list(ListRequest request) override;
    [[nodiscard]] io::Task<base::Result<MessageRow>> show(QueueId id) override;
    [[nodiscard]] io::Task<base::Result<QueueCounts>> counts() override;
    [[nodiscard]] io::Task<base::Result<MessageTrace>> trace(QueueId id) override;
    [[nodiscard]] io::Task<base::Result<HistoryPage>> history(HistoryRequest request) override;
    [[nodiscard]] io::Task<base::Result<OrderResult>> operate(Order order) override;
    [[nodiscard]] StoreHealth health() const override;
    [[nodiscard]] BounceQueue* bounces() override { return this; }
    void on_unreported(std::function<void()> callback) override { on_unreported_ = std::move(callback); }
    [[nodiscard]] io::Task<base::Result<std::optional<Unreported>>> next_unreported(
        std::size_t recipients_max) override;
    [[nodiscard]] io::Task<base::Result<>> leave_unreported(QueueId id,
                                                            std::vector<std::int64_t> rows) override;
    [[nodiscard]] io::Task<base::Result<std::size_t>> want_report(QueueId id) override;

    // ---- for StagedMessage
    // Waits until the operation is finished, and gives its outcome.
    [[nodiscard]] io::Task<base::Result<>> perform(std::shared_ptr<Operation> operation);
    // Waits until so many octets may be on their way to the large-body workers.
    [[nodiscard]] io::Task<> enter_flight(std::size_t octets);
    void leave_flight(std::size_t octets);
    // Makes the room of a message at least so large.
    [[nodiscard]] base::Result<> grow(Reservation& room, std::uint64_t size_bytes);
    // Content that is in a file and in no transaction yet; then the file is removed, or stays.
    void spooled(std::uint64_t octets) { spooled_bytes_ += octets; }
    void unspooled(std::uint64_t octets) { spooled_bytes_ -= octets; }
    void kept(std::uint64_t octets);
    void due(std::string_view mailbox) const;
    [[nodiscard]] const SqliteStoreOptions& options() const { return parts_.options; }
    [[nodiscard]] const BodyFolder& bodies() const { return parts_.bodies; }
    [[nodiscard]] std::int64_t instance() const { return parts_.instance; }
    [[nodiscard]] io::Worker& body_workers() { return body_workers_; }

  private:
    struct Alive {};  // coroutines of the store's own see by it that the store is gone

    [[nodiscard]] base::Result<> works() const;
    [[nodiscard]] base::Result<> has_room_for(std::uint64_t more_bytes) const;
    void receive(StoreNews news);
    void log_changes(const StoreHealth& before);
    void arm_timer();
    [[nodiscard]] io::Task<base::Result<std::string>> read_file(StoredBody body, std::uint64_t offset,
                                                                std::size_t octets_max);
    [[nodiscard]] io::Task<base::Result<std::string>> read_on(QueueId id, std::shared_ptr<BodyReader> reader,
                                                              std::size_t octets_max);
    static io::Task<> sweep(SqliteStore* store, std::weak_ptr<Alive> alive);

    Parts parts_;
    io::Executor executor_;
    const base::Clock& clock_;
    base::Logger logger_;
    RoomLimits limits_;
    std::function<void(std::string_view)> on_due_;
    std::function<void()> on_unreported_;
    std::int64_t next_id_ = 0, reserve_at_ = 0;
    std::size_t waiting_operations_ = 0;
    std::uint64_t coming_bytes_ = 0;   // the sum of the reservations
    std::uint64_t spooled_bytes_ = 0;  // of those, in files
    std::size_t in_flight_bytes_ = 0;
    std::deque<io::Event*> flight_queue_;  // in the frames of coroutines that wait
    OpenBodies open_bodies_;
    StoreHealth health_;
    Room room_;
    bool busy_since_tick_ = false, housekeeping_left_ = false, timer_armed_ = false;
    boost::asio::steady_timer timer_;
    std::shared_ptr<Alive> alive_ = std::make_shared<Alive>();
    io::Worker body_workers_;
    StoreThread thread_;  // last: it ends first
};

}  // namespace mailramp::queue
