#include "queue/store_impl.h"

#include <algorithm>
#include <utility>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>

#include "mailramp/base/events.h"
#include "queue/staged_message.h"

namespace mailramp::queue {
namespace {

using base::ErrorKind;

// An operation whose result is a value. `call` may run more than once, on the store's thread; the value is
// the event loop's when the operation is finished.
template <class T, class Call>
std::shared_ptr<Operation> operation_for(Operation::Kind kind, std::shared_ptr<T> value, Call call) {
    auto operation = std::make_shared<Operation>();
    operation->kind = kind;
    operation->apply = [value = std::move(value), call = std::move(call)](Core& core) -> base::Result<> {
        base::Result<T> result = call(core);
        if (!result) return std::unexpected(std::move(result.error()));
        *value = std::move(*result);
        return {};
    };
    return operation;
}

// Says to the operation who waits, for as long as the coroutine does.
class Waiter {
  public:
    Waiter(Operation& operation, io::Event& event) : operation_(operation) { operation_.waiter = &event; }
    ~Waiter() { operation_.waiter = nullptr; }
    Waiter(const Waiter&) = delete;
    Waiter& operator=(const Waiter&) = delete;

  private:
    Operation& operation_;
};

// A place in a queue of waiting coroutines.
class Place {
  public:
    Place(std::deque<io::Event*>& queue, io::Event& event) : queue_(queue), event_(&event) {
        queue_.push_back(event_);
    }
    ~Place() { std::erase(queue_, event_); }
    Place(const Place&) = delete;
    Place& operator=(const Place&) = delete;

  private:
    std::deque<io::Event*>& queue_;
    io::Event* event_;
};

// Half a block: the other half lasts while the next one is on its way to the disk.
constexpr std::int64_t reserve_ahead = id_block / 2;

}  // namespace

SqliteStore::SqliteStore(Parts parts, GroupCommit group, const io::Executor& executor,
                         const base::Clock& clock, base::Logger logger)
    : parts_(std::move(parts)),
      executor_(executor),
      clock_(clock),
      logger_(std::move(logger)),
      limits_{parts_.options.size_bytes_max, parts_.options.disk_free_bytes_min,
              parts_.options.wal_bytes_max},
      next_id_(parts_.first_id.value()),
      reserve_at_(next_id_ + reserve_ahead),
      open_bodies_(parts_.options.large_bodies_open_max),
      health_(group.health()),
      room_(group.room()),
      timer_(executor),
      body_workers_("large-bodies", parts_.options.large_body_workers),
      thread_(executor, clock, std::move(group),
              StoreThreadOptions{parts_.options.batch_operations_max, parts_.options.batch_bytes_max},
              [this](StoreNews news) { receive(std::move(news)); }) {
    // After the constructor, when the event loop runs: sweeping is no reason to accept later, and neither is
    // counting.
    boost::asio::co_spawn(executor_, sweep(this, alive_), boost::asio::detached);
    housekeeping_left_ = !parts_.counted;
    arm_timer();
}

SqliteStore::~SqliteStore() {
    alive_.reset();
}

// ------------------------------------------------------------------ the way to the thread and back

io::Task<base::Result<>> SqliteStore::perform(std::shared_ptr<Operation> operation) {
    if (waiting_operations_ >= parts_.options.waiting_operations_max)
        co_return base::fail(ErrorKind::unavailable, "too many operations wait for the queue's disk");
    io::Event finished(executor_);
    const Waiter waiter(*operation, finished);
    ++waiting_operations_;
    thread_.submit(operation);
    co_await finished.wait();
    co_return std::move(operation->outcome);
}

void SqliteStore::receive(StoreNews news) {
    const StoreHealth before = std::exchange(health_, std::move(news.health));
    room_ = news.room;
    room_.spooled_bytes = spooled_bytes_;
    busy_since_tick_ = busy_since_tick_ || !news.finished.empty();
    housekeeping_left_ = news.housekeeping_left;
    waiting_operations_ -= news.finished.size();
    for (const std::shared_ptr<Operation>& operation : news.finished)
        if (operation->waiter != nullptr) operation->waiter->notify();
    for (const BodyName& name : news.ended_files) {
        open_bodies_.close(name.id);
        body_workers_.post([folder = parts_.bodies, name] { std::ignore = folder.remove(name); });
    }
    log_changes(before);
    arm_timer();
}

void SqliteStore::log_changes(const StoreHealth& before) {
    if (health_.state == before.state) return;
    switch (health_.state) {
        case StoreState::open:
            logger_.info(base::events::queue_recovered, "the queue accepts mail again",
                         {{"refused_but_maybe_sent", health_.refused_but_maybe_sent}});
            break;
        case StoreState::full:
            logger_.error(base::events::queue_full, health_.reason);
            break;
        case StoreState::failed:
            logger_.error(base::events::queue_failed, health_.reason);
            break;
    }
}

// Runs only while there is something to look after, so that an idle daemon stays idle.
void SqliteStore::arm_timer() {
    if (timer_armed_ || !(busy_since_tick_ || housekeeping_left_ || health_.state != StoreState::open))
        return;
    timer_armed_ = true;
    timer_.expires_after(housekeeping_left_ ? base::Duration::zero() : parts_.options.failed_commit_retry);
    timer_.async_wait([this, alive = std::weak_ptr<Alive>(alive_)](const boost::system::error_code& error) {
        if (error || alive.expired()) return;
        timer_armed_ = false;
        busy_since_tick_ = false;
        thread_.look_after();
    });
}

// ------------------------------------------------------------------ accepting

base::Result<> SqliteStore::works() const {
    if (health_.state == StoreState::failed) return base::fail(ErrorKind::unavailable, health_.reason);
    if (waiting_operations_ >= parts_.options.waiting_operations_max)
        return base::fail(ErrorKind::unavailable, "too many operations wait for the queue's disk");
    return {};
}

base::Result<> SqliteStore::has_room_for(std::uint64_t more_bytes) const {
    Room room = room_;
    room.coming_bytes = coming_bytes_;
    return room.admits(limits_, more_bytes);
}

base::Result<Reservation> SqliteStore::reserve(std::uint64_t size_bytes) {
    if (auto working = works(); !working) return std::unexpected(working.error());
    if (auto room = has_room_for(size_bytes); !room) {
        // The disk was last looked at when something was stored: others may have made room on it since.
        busy_since_tick_ = true;
        arm_timer();
        return std::unexpected(room.error());
    }
    return Reservation(coming_bytes_, size_bytes);
}

std::unique_ptr<StagedMessage> SqliteStore::stage(std::size_t inline_bytes_max, Reservation room) {
    const QueueId id(next_id_++);
    if (id.value() >= reserve_at_) {
        reserve_at_ = id.value() + reserve_ahead;
        auto reserve = std::make_shared<Operation>();
        reserve->apply = [id](Core& core) { return core.reserve_ids(id); };
        ++waiting_operations_;
        thread_.submit(std::move(reserve));
    }
    return std::make_unique<SqliteStagedMessage>(
        *this, id, std::min(inline_bytes_max, parts_.options.inline_bytes_max), std::move(room));
}

base::Result<> SqliteStore::grow(Reservation& room, std::uint64_t size_bytes) {
    if (auto working = works(); !working) return working;
    if (size_bytes <= room.bytes()) return {};
    const std::uint64_t more_bytes = size_bytes - room.bytes();
    if (auto admitted = has_room_for(more_bytes); !admitted) return admitted;
    room = Reservation(coming_bytes_, size_bytes);
    return {};
}

// Counts no longer as content that is on the disk for the time being, neither now nor when its free space was
// measured.
void SqliteStore::kept(std::uint64_t octets) {
    spooled_bytes_ -= octets;
    room_.spooled_bytes -= std::min(room_.spooled_bytes, octets);
}

io::Task<> SqliteStore::enter_flight(std::size_t octets) {
    const std::size_t max = parts_.options.large_body_in_flight_bytes_max;
    const auto fits = [this, octets, max] {
        return in_flight_bytes_ == 0 || in_flight_bytes_ + octets <= max;
    };
    if (!flight_queue_.empty() || !fits()) {
        io::Event turn(executor_);
        const Place place(flight_queue_, turn);
        // Only the first in the queue is woken, so big pieces are not overtaken for ever.
        while (flight_queue_.front() != &turn || !fits())
            co_await turn.wait();
    }
    in_flight_bytes_ += octets;
    // Perhaps the next one fits as well; it sees itself in front once this coroutine's place is gone.
    if (!flight_queue_.empty()) flight_queue_.front()->notify();
}

void SqliteStore::leave_flight(std::size_t octets) {
    in_flight_bytes_ -= octets;
    if (!flight_queue_.empty()) flight_queue_.front()->notify();
}

void SqliteStore::due(std::string_view mailbox) const {
    if (on_due_) on_due_(mailbox);
}

// ------------------------------------------------------------------ delivering

io::Task<base::Result<ClaimResult>> SqliteStore::claim_due(ClaimRequest request) {
    auto claim = std::make_shared<ClaimResult>();
    const std::size_t rows = std::min<std::size_t>(request.recipients_max, 8);
    auto call = [request = std::move(request)](Core& core) { return core.claim(request); };
    auto operation = operation_for(Operation::Kind::write, claim, std::move(call));
    operation->rows = rows;
    auto done = co_await perform(std::move(operation));
    if (!done) co_return std::unexpected(done.error());
    co_return std::move(*claim);
}

io::Task<base::Result<>> SqliteStore::mark_ending(QueueId id, std::string mailbox,
                                                  std::vector<std::int64_t> rows) {
    auto operation = std::make_shared<Operation>();
    operation->rows = rows.size();
    operation->apply = [id, mailbox = std::move(mailbox), rows = std::move(rows)](Core& core) {
        return core.mark_ending(id, mailbox, rows);
    };
    co_return co_await perform(std::move(operation));
}

io::Task<base::Result<>> SqliteStore::settle(Settlement settlement) {
    auto operation = std::make_shared<Operation>();
    operation->kind = Operation::Kind::fact;
    operation->rows = settlement.recipients.size() + 1;
    const bool reports = std::ranges::any_of(settlement.recipients, &RecipientSettlement::report);
    operation->apply = [settlement = std::move(settlement)](Core& core) { return core.settle(settlement); };
    auto outcome = co_await perform(std::move(operation));
    if (outcome && reports && on_unreported_) on_unreported_();
    co_return outcome;
}

io::Task<base::Result<std::vector<MailboxRecord>>> SqliteStore::mailboxes() {
    auto records = std::make_shared<std::vector<MailboxRecord>>();
    auto call = [](Core& core) { return core.mailboxes(); };
    auto operation = operation_for(Operation::Kind::read, records, std::move(call));
    auto done = co_await perform(std::move(operation));
    if (!done) co_return std::unexpected(done.error());
    co_return std::move(*records);
}

io::Task<base::Result<std::vector<MailboxBacklog>>> SqliteStore::backlogs() {
    auto found = std::make_shared<std::vector<MailboxBacklog>>();
    auto call = [](Core& core) { return core.backlogs(); };
    auto operation = operation_for(Operation::Kind::read, found, std::move(call));
    auto done = co_await perform(std::move(operation));
    if (!done) co_return std::unexpected(done.error());
    co_return std::move(*found);
}

io::Task<base::Result<>> SqliteStore::save(MailboxRecord record) {
    auto operation = std::make_shared<Operation>();
    operation->kind = Operation::Kind::fact;
    operation->apply = [record = std::move(record), now = clock_.wall()](Core& core) {
        return core.save(record, now);
    };
    co_return co_await perform(std::move(operation));
}

// ------------------------------------------------------------------ reading content

io::Task<base::Result<std::string>> SqliteStore::read(QueueId id, std::uint64_t offset,
                                                      std::size_t octets_max) {
    auto body = std::make_shared<StoredBody>();
    if (auto reader = open_bodies_.take(id, offset); reader != nullptr)
        co_return co_await read_on(id, std::move(reader), octets_max);
    auto call = [id](Core& core) { return core.body(id); };
    auto operation = operation_for(Operation::Kind::read, body, std::move(call));
    auto done = co_await perform(std::move(operation));
    if (!done) co_return std::unexpected(done.error());
    if (offset >= body->size_bytes) co_return std::string();
    if (body->content) co_return body->content->substr(offset, octets_max);
    co_return co_await read_file(std::move(*body), offset, octets_max);
}

// The first read of a file. A read that starts in its middle goes through what comes before, or the checksum
// could not be known at the end.
io::Task<base::Result<std::string>> SqliteStore::read_file(StoredBody body, std::uint64_t offset,
                                                           std::size_t octets_max) {
    using Opened = base::Result<std::shared_ptr<BodyReader>>;
    auto work = [folder = parts_.bodies, body, offset]() -> Opened {
        auto reader = BodyReader::open(folder, body.file, body.size_bytes, body.checksum);
        if (!reader) return std::unexpected(reader.error());
        constexpr std::uint64_t step = 1 << 20;
        while (reader->offset() < offset) {
            const auto skipped =
                reader->read(static_cast<std::size_t>(std::min(step, offset - reader->offset())));
            if (!skipped) return std::unexpected(skipped.error());
        }
        return std::make_shared<BodyReader>(std::move(*reader));
    };
    Opened reader = co_await io::offload(body_workers_, std::move(work));
    if (!reader) co_return std::unexpected(reader.error());
    co_return co_await read_on(body.file.id, std::move(*reader), octets_max);
}

io::Task<base::Result<std::string>> SqliteStore::read_on(QueueId id, std::shared_ptr<BodyReader> reader,
                                                         std::size_t octets_max) {
    auto work = [reader, octets_max] { return reader->read(octets_max); };
    auto piece = co_await io::offload(body_workers_, std::move(work));
    if (piece && !reader->at_end()) open_bodies_.put(id, std::move(reader));
    co_return piece;
}

// ------------------------------------------------------------------ looking and operating

io::Task<base::Result<ListPage>> SqliteStore::list(ListRequest request) {
    ListPage page;
    const std::size_t messages_max = request.messages_max;
    const base::SteadyTime enough = clock_.steady() + parts_.options.answer_time;
    for (;;) {
        auto slice = std::make_shared<ListSlice>();
        request.messages_max = messages_max - page.messages.size();
        auto call = [request](Core& core) { return core.list(request); };
        auto operation = operation_for(Operation::Kind::read, slice, std::move(call));
        auto done = co_await perform(std::move(operation));
        if (!done) co_return std::unexpected(done.error());
        std::ranges::move(slice->messages, std::back_inserter(page.messages));
        if (!slice->more) co_return page;
        request.after = slice->examined;
        if (page.messages.size() < messages_max && clock_.steady() < enough) continue;
        page.next = slice->examined;
        co_return page;
    }
}

io::Task<base::Result<MessageRow>> SqliteStore::show(QueueId id) {
    auto message = std::make_shared<MessageRow>();
    auto call = [id](Core& core) { return core.show(id); };
    auto operation = operation_for(Operation::Kind::read, message, std::move(call));
    auto done = co_await perform(std::move(operation));
    if (!done) co_return std::unexpected(done.error());
    co_return std::move(*message);
}

io::Task<base::Result<QueueCounts>> SqliteStore::counts() {
    auto counts = std::make_shared<QueueCounts>();
    auto call = [](Core& core) { return core.counts(); };
    auto operation = operation_for(Operation::Kind::read, counts, std::move(call));
    auto done = co_await perform(std::move(operation));
    if (!done) co_return std::unexpected(done.error());
    co_return *counts;
}

io::Task<base::Result<MessageTrace>> SqliteStore::trace(QueueId id) {
    auto trace = std::make_shared<MessageTrace>();
    auto call = [id](Core& core) { return core.trace(id); };
    auto operation = operation_for(Operation::Kind::read, trace, std::move(call));
    auto done = co_await perform(std::move(operation));
    if (!done) co_return std::unexpected(done.error());
    co_return std::move(*trace);
}

io::Task<base::Result<HistoryPage>> SqliteStore::history(HistoryRequest request) {
    HistoryPage page;
    const std::size_t rows_max = request.rows_max;
    const base::SteadyTime enough = clock_.steady() + parts_.options.answer_time;
    for (;;) {
        auto slice = std::make_shared<HistorySlice>();
        request.rows_max = rows_max - page.rows.size();
        auto call = [request](Core& core) { return core.history(request); };
        auto operation = operation_for(Operation::Kind::read, slice, std::move(call));
        auto done = co_await perform(std::move(operation));
        if (!done) co_return std::unexpected(done.error());
        std::ranges::move(slice->rows, std::back_inserter(page.rows));
        if (!slice->more) co_return page;
        request.before = slice->examined;
        if (page.rows.size() < rows_max && clock_.steady() < enough) continue;
        page.next = slice->examined;
        co_return page;
    }
}

io::Task<base::Result<OrderResult>> SqliteStore::operate(Order order) {
    OrderResult result;
    OrderPlace place{order.after_row, 0};
    QueueId last_message;
    const auto kind = order.verb == Verb::count ? Operation::Kind::read : Operation::Kind::write;
    const base::SteadyTime enough = clock_.steady() + parts_.options.answer_time;
    for (;;) {
        auto slice = std::make_shared<OrderSlice>();
        auto call = [order, place](Core& core) { return core.operate(order, place); };
        auto operation = operation_for(kind, slice, std::move(call));
        operation->rows = parts_.options.bulk_rows_max;
        auto done = co_await perform(std::move(operation));
        if (!done) co_return std::unexpected(done.error());
        result.recipients += slice->recipients;
        result.busy += slice->busy;
        result.messages += slice->messages;
        for (const std::string& mailbox : slice->mailboxes)
            due(mailbox);
        if (!slice->more) co_return result;
        place = slice->place;
        // All of one message, however many recipients it has: it is one thing to whoever asked.
        if (order.id || clock_.steady() < enough) continue;
        result.next = place.after_row;
        co_return result;
    }
}

StoreHealth SqliteStore::health() const {
    return health_;
}

// ------------------------------------------------------------------ reporting

io::Task<base::Result<std::optional<Unreported>>> SqliteStore::next_unreported(std::size_t recipients_max) {
    auto found = std::make_shared<std::optional<Unreported>>();
    auto call = [recipients_max](Core& core) { return core.next_unreported(recipients_max); };
    auto operation = operation_for(Operation::Kind::read, found, std::move(call));
    auto done = co_await perform(std::move(operation));
    if (!done) co_return std::unexpected(done.error());
    co_return std::move(*found);
}

io::Task<base::Result<>> SqliteStore::leave_unreported(QueueId id, std::vector<std::int64_t> rows) {
    auto operation = std::make_shared<Operation>();
    operation->rows = rows.size();
    operation->apply = [id, rows = std::move(rows)](Core& core) { return core.leave_unreported(id, rows); };
    co_return co_await perform(std::move(operation));
}

io::Task<base::Result<std::size_t>> SqliteStore::want_report(QueueId id) {
    auto recipients = std::make_shared<std::size_t>();
    auto call = [id](Core& core) { return core.want_report(id); };
    auto operation = operation_for(Operation::Kind::write, recipients, std::move(call));
    auto done = co_await perform(std::move(operation));
    if (!done) co_return std::unexpected(done.error());
    if (on_unreported_) on_unreported_();
    co_return *recipients;
}

// ------------------------------------------------------------------ sweeping

// Removes the content files that an earlier instance wrote and no message names: uploads that it did not
// finish.
io::Task<> SqliteStore::sweep(SqliteStore* store, std::weak_ptr<Alive> alive) {
    using Names = std::vector<BodyName>;
    if (alive.expired()) co_return;
    auto list = [folder = store->parts_.bodies, instance = store->parts_.instance] {
        return folder.written_before(instance);
    };
    base::Result<Names> names = co_await io::offload(store->body_workers_, std::move(list));
    while (!alive.expired() && names && !names->empty()) {
        const std::size_t count = std::min(names->size(), store->parts_.options.bulk_rows_max);
        const auto first = names->end() - static_cast<std::ptrdiff_t>(count);
        auto orphans = std::make_shared<Names>();
        auto call = [slice = Names(first, names->end())](Core& core) -> base::Result<Names> {
            Names unused;
            for (const BodyName& name : slice) {
                const auto used = core.file_in_use(name);
                if (!used) return std::unexpected(used.error());
                if (!*used) unused.push_back(name);
            }
            return unused;
        };
        names->erase(first, names->end());
        auto operation = operation_for(Operation::Kind::read, orphans, std::move(call));
        const auto looked = co_await store->perform(std::move(operation));
        if (!looked || alive.expired()) co_return;
        store->body_workers_.post([folder = store->parts_.bodies, orphans] {
            for (const BodyName& name : *orphans)
                std::ignore = folder.remove(name);
        });
    }
}

}  // namespace mailramp::queue
