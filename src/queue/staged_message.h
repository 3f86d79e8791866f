// queue/staged_message.h: a message on its way in: in memory while it is small, in a file when it is not.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "queue/body_files.h"
#include "queue/store_impl.h"

namespace mailramp::queue {

class SqliteStagedMessage final : public StagedMessage {
  public:
    // `store` must outlive it.
    SqliteStagedMessage(SqliteStore& store, QueueId id, std::size_t inline_bytes_max, Reservation room)
        : store_(store), id_(id), inline_bytes_max_(inline_bytes_max), room_(std::move(room)) {}
    ~SqliteStagedMessage() override;

    [[nodiscard]] QueueId id() const override { return id_; }
    [[nodiscard]] std::uint64_t size_bytes() const override { return size_bytes_; }
    [[nodiscard]] io::Task<base::Result<>> append(std::string octets) override;
    [[nodiscard]] io::Task<base::Result<>> commit(Acceptance acceptance) override;

  private:
    // Shared with the job on the large-body workers, which may outlive this object.
    struct File {
        std::optional<BodyWriter> writer;
    };

    [[nodiscard]] io::Task<base::Result<>> spill();
    [[nodiscard]] io::Task<base::Result<>> finish_file(NewMessage& message);
    void discard_file();
    [[nodiscard]] base::Result<> fail_for_good(base::Error error);

    SqliteStore& store_;
    QueueId id_;
    std::size_t inline_bytes_max_;
    Reservation room_;
    std::uint64_t spooled_bytes_ = 0;
    std::string buffer_;
    std::uint64_t size_bytes_ = 0;
    std::shared_ptr<File> file_;
    bool file_is_needed_ = false;  // a row names it, or may name it after a power cut
    std::optional<base::Error> failure_;
};

}  // namespace mailramp::queue
