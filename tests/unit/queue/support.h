// What the tests of the queue share: a folder that goes away, simple messages, a store without threads.
#pragma once

#include <cstdlib>
#include <filesystem>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>
#include <unistd.h>

#include "queue/body_files.h"
#include "queue/core.h"
#include "queue/folder.h"
#include "queue/group_commit.h"

namespace mailramp::queue {

using namespace std::chrono_literals;

inline const base::WallTime noon{std::chrono::sys_days(std::chrono::year(2026) / 1 / 2) + 12h};

class TemporaryFolder {
  public:
    TemporaryFolder() {
        // In memory where that is possible: TestDisk knows what is durable, the real disk need not.
        const std::filesystem::path memory = "/dev/shm";
        const auto parent =
            ::access(memory.c_str(), W_OK) == 0 ? memory : std::filesystem::temp_directory_path();
        std::string pattern = (parent / "mailramp-queue-XXXXXX").string();
        if (::mkdtemp(pattern.data()) == nullptr) std::abort();
        path_ = pattern;
    }
    ~TemporaryFolder() { std::filesystem::remove_all(path_); }
    TemporaryFolder(const TemporaryFolder&) = delete;
    TemporaryFolder& operator=(const TemporaryFolder&) = delete;
    [[nodiscard]] const std::filesystem::path& path() const { return path_; }
    [[nodiscard]] std::filesystem::path queue() const { return path_ / "queue"; }

  private:
    std::filesystem::path path_;
};

inline Acceptance acceptance_for(std::initializer_list<std::pair<std::string, std::string>> recipients) {
    Acceptance acceptance;
    acceptance.envelope.sender = "app@example.com";
    acceptance.accepted = noon;
    acceptance.client_address = "127.0.0.1";
    acceptance.listener = "127.0.0.1:25";
    for (const auto& [address, mailbox] : recipients)
        acceptance.recipients.push_back({mail::Recipient{address, "", ""}, mailbox, "default"});
    return acceptance;
}

inline NewMessage inline_message(QueueId id, std::string content, Acceptance acceptance) {
    Checksum checksum;
    checksum.add(content);
    return NewMessage{id, std::move(acceptance), content.size(), checksum.value(), std::move(content)};
}

// A queue folder with its core, and one transaction around each call.
class CoreOnDisk {
  public:
    explicit CoreOnDisk(const std::filesystem::path& path, CoreOptions options = {},
                        base::WallTime now = noon)
        : folder(Folder::open(path).value()) {
        options.database = folder.database();
        core = Core::open(options, now).value();
        next = core->first_id().value();
    }

    template <class Call>
    auto in_transaction(Call call) {
        EXPECT_TRUE(core->begin());
        auto result = call(*core);
        if (result)
            EXPECT_TRUE(core->commit());
        else
            core->rollback();
        return result;
    }

    QueueId accept(Acceptance acceptance, std::string content = "Subject: x\r\n\r\nbody\r\n") {
        const QueueId id(next++);
        const NewMessage message = inline_message(id, std::move(content), std::move(acceptance));
        EXPECT_TRUE(in_transaction([&](Core& c) { return c.accept(message); }));
        return id;
    }
    // One slice of an order, from its beginning.
    base::Result<OrderSlice> operate(Verb verb, std::optional<QueueId> id, Filter filter = {},
                                     base::WallTime now = noon, OrderPlace place = {}) {
        const Order order{verb, id, std::move(filter), "root (uid 0, pid 7)", now, 0};
        return in_transaction([&](Core& c) { return c.operate(order, place); });
    }
    ClaimResult claim(const std::string& mailbox, base::WallTime now = noon,
                      std::size_t recipients_max = 500) {
        ClaimRequest request{mailbox, now, now + 1h, recipients_max, "budget"};
        return in_transaction([&](Core& c) { return c.claim(request); }).value();
    }
    // The end of data is about to go out to everybody.
    base::Result<> mark_ending(QueueId id, const std::string& mailbox) {
        std::vector<std::int64_t> rows;
        const MessageRow message = core->show(id).value();
        for (const RecipientRow& recipient : message.recipients)
            rows.push_back(recipient.row);
        return in_transaction([&](Core& c) { return c.mark_ending(id, mailbox, rows); });
    }
    base::Result<> settle(const ClaimedMessage& message, const std::string& mailbox, RecipientState state,
                          base::WallTime due = noon, base::WallTime now = noon) {
        Settlement settlement{message.id, mailbox, now, {}, "receipt", "budget"};
        for (const ClaimedRecipient& recipient : message.recipients)
            settlement.recipients.push_back(
                {recipient.row,
                 state,
                 due,
                 true,
                 {mail::Channel::smtp, mail::Phase::body_end, 451, "4.3.2", "later"}});
        return in_transaction([&](Core& c) { return c.settle(settlement); });
    }
    RecipientState state_of(QueueId id) { return core->show(id).value().recipients.at(0).state; }

    Folder folder;
    std::unique_ptr<Core> core;
    std::int64_t next = 0;
};

}  // namespace mailramp::queue
