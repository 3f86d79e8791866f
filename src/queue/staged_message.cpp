#include "queue/staged_message.h"

#include <tuple>
#include <utility>

namespace mailramp::queue {

using base::ErrorKind;

SqliteStagedMessage::~SqliteStagedMessage() {
    if (!file_) return;
    if (file_is_needed_)
        store_.kept(spooled_bytes_);
    else
        discard_file();
}

// What it has taken is given back at once: the client may go on sending for a while, and others need the
// room.
base::Result<> SqliteStagedMessage::fail_for_good(base::Error error) {
    failure_ = std::move(error);
    buffer_.clear();
    if (file_) discard_file();
    room_.give_back();
    return std::unexpected(*failure_);
}

void SqliteStagedMessage::discard_file() {
    const BodyName name{id_, store_.instance()};
    store_.unspooled(std::exchange(spooled_bytes_, 0));
    store_.body_workers().post([file = std::move(file_), folder = store_.bodies(), name] {
        file->writer.reset();
        // What cannot be removed now is an orphan that the next start removes.
        std::ignore = folder.remove(name);
    });
}

io::Task<base::Result<>> SqliteStagedMessage::append(std::string octets) {
    if (failure_) co_return std::unexpected(*failure_);
    auto grown = store_.grow(room_, size_bytes_ + octets.size());
    if (!grown) co_return fail_for_good(std::move(grown.error()));
    size_bytes_ += octets.size();
    if (buffer_.empty())
        buffer_ = std::move(octets);
    else
        buffer_ += octets;
    if (buffer_.size() <= inline_bytes_max_) co_return base::Result<>();
    co_return co_await spill();
}

// Hands the buffer to the large-body workers and waits until they have written it: so a client sends no
// faster than the disk takes.
io::Task<base::Result<>> SqliteStagedMessage::spill() {
    if (!file_) file_ = std::make_shared<File>();
    const std::size_t octets = buffer_.size();
    co_await store_.enter_flight(octets);
    auto work = [file = file_, folder = store_.bodies(), name = BodyName{id_, store_.instance()},
                 piece = std::exchange(buffer_, {}),
                 sync_bytes = store_.options().large_body_sync_bytes]() -> base::Result<> {
        if (!file->writer) {
            auto writer = BodyWriter::create(folder, name, sync_bytes);
            if (!writer) return std::unexpected(writer.error());
            file->writer = std::move(*writer);
        }
        return file->writer->write(piece);
    };
    auto written = co_await io::offload(store_.body_workers(), std::move(work));
    store_.leave_flight(octets);
    if (!written) {
        // A full disk is the client's business (452); any other failure may pass (451).
        if (written.error().kind != ErrorKind::limit) written.error().kind = ErrorKind::unavailable;
        co_return fail_for_good(std::move(written.error()));
    }
    spooled_bytes_ += octets;
    store_.spooled(octets);
    co_return written;
}

io::Task<base::Result<>> SqliteStagedMessage::commit(Acceptance acceptance) {
    if (failure_) co_return std::unexpected(*failure_);
    auto message = std::make_shared<NewMessage>();
    message->id = id_;
    message->size_bytes = size_bytes_;
    message->acceptance = std::move(acceptance);
    if (file_) {
        auto finished = co_await finish_file(*message);
        if (!finished) co_return finished;
    } else {
        Checksum checksum;
        checksum.add(buffer_);
        message->checksum = checksum.value();
        message->content = std::move(buffer_);
    }
    auto operation = std::make_shared<Operation>();
    operation->brings_mail = true;
    operation->content_bytes = size_bytes_;
    operation->content_on_disk = file_ != nullptr;
    operation->rows = 2 + message->acceptance.recipients.size();
    if (message->acceptance.reported) operation->rows += 2 * message->acceptance.reported->rows.size();
    operation->apply = [message](Core& core) { return core.accept(*message); };
    // If this coroutine ends while it waits, nobody knows how the commit ended: the file stays.
    file_is_needed_ = true;
    auto outcome = co_await store_.perform(operation);
    file_is_needed_ = outcome.has_value() || operation->maybe_on_disk;
    if (!outcome) {
        failure_ = outcome.error();
        co_return outcome;
    }
    // From now on the content counts among the queue's own.
    room_.give_back();
    store_.kept(std::exchange(spooled_bytes_, 0));
    failure_ = base::Error{ErrorKind::invalid, "the message has been committed"};
    for (std::size_t i = 0; i < message->acceptance.recipients.size(); ++i) {
        const std::string& mailbox = message->acceptance.recipients[i].mailbox;
        if (i == 0 || mailbox != message->acceptance.recipients[i - 1].mailbox) store_.due(mailbox);
    }
    co_return outcome;
}

io::Task<base::Result<>> SqliteStagedMessage::finish_file(NewMessage& message) {
    if (!buffer_.empty()) {
        auto written = co_await spill();
        if (!written) co_return written;
    }
    auto work = [file = file_] { return file->writer->finish(); };
    auto finished = co_await io::offload(store_.body_workers(), std::move(work));
    if (!finished) {
        if (finished.error().kind != ErrorKind::limit) finished.error().kind = ErrorKind::unavailable;
        co_return fail_for_good(std::move(finished.error()));
    }
    message.checksum = file_->writer->checksum();
    co_return finished;
}

}  // namespace mailramp::queue
