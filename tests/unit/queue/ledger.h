// A small life of a queue with everything in it, for the tests that break the disk under it, and the book
// that is kept of what was promised.
#pragma once

#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "queue/group_commit.h"
#include "unit/queue/support.h"
#include "unit/queue/test_disk.h"

namespace mailramp::queue {

// What the queue has said so far. Outlives any number of restarts.
struct Ledger {
    std::map<QueueId, std::string> contents;  // of every message that was ever brought
    std::set<QueueId> acknowledged;           // 250 was said
    std::set<QueueId> refused;                // with the promise that nothing is left of it
    std::set<QueueId> settled;                // "delivered" was stored, and its storing acknowledged
    std::set<QueueId> maybe_settled;          // "delivered" was asked to be stored
    std::set<QueueId> ending;                 // marked, and no end was asked to be stored yet
    std::set<QueueId> maybe_ending;           // a mark was asked for at any time
};

class QueueUnderTest {
  public:
    QueueUnderTest(const std::filesystem::path& path, TestDisk& disk, Ledger& ledger)
        : disk_(disk), ledger_(ledger), folder_(Folder::open(path).value()) {
        CoreOptions options;
        options.database = folder_.database();
        options.vfs = disk.name();
        auto core = Core::open(options, noon);
        if (!core) return;
        bodies_ = BodyFolder{folder_.bodies(), folder_.lock_file(), disk.vfs()};
        next_ = (*core)->first_id().value();
        instance_ = (*core)->instance();
        GroupCommitOptions group;
        group.limits = {1ull << 40, 0, 1ull << 40};
        group.wal_checkpoint_bytes = 40 * wal_frame_bytes;  // so that a short life has several checkpoints
        group.disk_free_bytes = [] { return 1ull << 40; };
        group_.emplace(std::move(*core), std::move(group));
    }

    [[nodiscard]] bool is_open() const { return group_.has_value(); }
    [[nodiscard]] GroupCommit& group() { return *group_; }

    // Brings these contents in one batch; those beyond 5,000 octets as files.
    void accept(const std::vector<std::string>& contents) {
        Operations batch;
        std::vector<QueueId> ids;
        for (const std::string& content : contents) {
            const QueueId id(next_++);
            ledger_.contents[id] = content;
            auto operation = accepting(id, content);
            if (!operation) {
                ledger_.refused.insert(id);
                continue;
            }
            ids.push_back(id);
            batch.push_back(std::move(operation));
        }
        const Operations all = batch;
        std::ignore = group_->write(std::move(batch));
        group_->tidy_log();
        for (std::size_t i = 0; i < all.size(); ++i) {
            if (all[i]->outcome)
                ledger_.acknowledged.insert(ids[i]);
            else if (!all[i]->maybe_on_disk)
                ledger_.refused.insert(ids[i]);
        }
    }

    // Claims one message and settles it so; what may have arrived is marked before, and goes back into the
    // queue when that fails. False: nothing could be claimed.
    bool deliver(RecipientState as) {
        auto claim = std::make_shared<ClaimResult>();
        auto claiming = std::make_shared<Operation>();
        claiming->apply = [claim](Core& core) -> base::Result<> {
            auto result = core.claim({"m", noon, noon + 1h, 500, "b"});
            if (!result) return std::unexpected(result.error());
            *claim = std::move(*result);
            return {};
        };
        std::ignore = group_->write({claiming});
        group_->tidy_log();
        if (!claiming->outcome || !claim->message) return false;
        const QueueId id = claim->message->id;
        const bool arrives = as == RecipientState::delivered || as == RecipientState::uncertain;
        if (arrives && !mark_ending(*claim->message)) as = RecipientState::queued;
        Settlement settlement{id, "m", noon, {}, "receipt", "b"};
        for (const ClaimedRecipient& recipient : claim->message->recipients)
            settlement.recipients.push_back({recipient.row, as, noon + 1h, true, {}});
        auto settling = std::make_shared<Operation>();
        settling->kind = Operation::Kind::fact;
        settling->apply = [settlement](Core& core) { return core.settle(settlement); };
        if (as == RecipientState::delivered) ledger_.maybe_settled.insert(id);
        ledger_.ending.erase(id);
        note_finished(group_->write({settling}), settling, id, as);
        group_->tidy_log();
        return true;
    }

    // What the store does about once a second.
    void look_after() {
        for (const auto& operation : group_->recover())
            if (const auto found = kept_.find(operation.get()); found != kept_.end() && operation->outcome)
                ledger_.settled.insert(found->second);
        std::ignore = group_->keep_house(noon);
        remove_ended();
    }

    // A life with every kind of call in it.
    void live() {
        const std::string small = "Subject: small\r\n\r\nbody\r\n";
        for (int round = 0; round < 2; ++round) {
            accept({small, std::string(4500, static_cast<char>('a' + round)), small + small});
            accept({std::string(9000, static_cast<char>('A' + round))});
            look_after();
            deliver(RecipientState::delivered);
            deliver(RecipientState::queued);
            look_after();
            deliver(RecipientState::held);
            deliver(round == 1 ? RecipientState::uncertain : RecipientState::delivered);  // the one in a file
            look_after();
        }
    }

    // Compares what is on the disk with what was promised.
    void check() {
        Core& core = group_->core();
        for (const auto& [id, content] : ledger_.contents) {
            const auto body = core.body(id);
            const bool there = body.has_value();
            if (there) {
                EXPECT_EQ(content_of(*body), content) << id.text() << " was altered";
            } else {
                EXPECT_EQ(body.error().kind, base::ErrorKind::not_found) << body.error().message;
            }
            EXPECT_FALSE(there && ledger_.refused.contains(id)) << id.text() << " was refused for good";
            EXPECT_FALSE(there && ledger_.settled.contains(id))
                << id.text() << " was delivered and would go again";
            if (!ledger_.acknowledged.contains(id) || ledger_.maybe_settled.contains(id)) continue;
            EXPECT_TRUE(there) << id.text() << " was acknowledged and is lost";
            const auto row = core.show(id);
            EXPECT_TRUE(row && row->recipients.size() == 1 &&
                        row->recipients[0].state != RecipientState::delivered &&
                        row->recipients[0].state != RecipientState::failed)
                << id.text() << " waits for nobody";
            check_doubt(id, row->recipients[0]);
        }
    }
    // For the control: how many of those that were acknowledged are lost or altered.
    [[nodiscard]] int losses() {
        int count = 0;
        for (const QueueId id : ledger_.acknowledged) {
            if (ledger_.maybe_settled.contains(id)) continue;
            const auto body = group_->core().body(id);
            if (!body || content_of(*body) != ledger_.contents[id]) ++count;
        }
        return count;
    }

  private:
    bool mark_ending(const ClaimedMessage& message) {
        std::vector<std::int64_t> rows;
        for (const ClaimedRecipient& recipient : message.recipients)
            rows.push_back(recipient.row);
        auto marking = std::make_shared<Operation>();
        marking->apply = [id = message.id, rows](Core& core) { return core.mark_ending(id, "m", rows); };
        ledger_.maybe_ending.insert(message.id);
        std::ignore = group_->write({marking});
        group_->tidy_log();
        if (marking->outcome) ledger_.ending.insert(message.id);
        return marking->outcome.has_value();
    }
    // The end of data goes out after the mark: without one nobody can have it, with one somebody may.
    void check_doubt(QueueId id, const RecipientRow& row) {
        if (!ledger_.maybe_ending.contains(id)) {
            EXPECT_FALSE(row.maybe_delivered) << id.text() << " cannot have been sent";
        }
        if (ledger_.ending.contains(id)) {
            EXPECT_TRUE(row.maybe_delivered && row.state == RecipientState::uncertain)
                << id.text() << " may have been sent, and would go again as if it had not";
        }
    }
    std::shared_ptr<Operation> accepting(QueueId id, const std::string& content) {
        auto message = std::make_shared<NewMessage>(
            inline_message(id, content, acceptance_for({{"a@example.com", "m"}})));
        if (content.size() > 5000) {
            auto writer = BodyWriter::create(bodies_, BodyName{id, instance_}, 3000);
            if (!writer || !writer->write(std::string_view(content).substr(0, 4000)) ||
                !writer->write(std::string_view(content).substr(4000)) || !writer->finish())
                return nullptr;
            message->content.reset();
        }
        auto operation = std::make_shared<Operation>();
        operation->brings_mail = true;
        operation->content_bytes = content.size();
        operation->apply = [message](Core& core) { return core.accept(*message); };
        return operation;
    }
    void note_finished(const Operations& finished, const std::shared_ptr<Operation>& operation, QueueId id,
                       RecipientState as) {
        if (as != RecipientState::delivered) return;
        if (finished.empty())
            kept_[operation.get()] = id;
        else if (operation->outcome)
            ledger_.settled.insert(id);
    }
    void remove_ended() {
        for (const BodyName& name : group_->core().take_ended_files())
            std::ignore = bodies_.remove(name);
    }
    std::string content_of(const StoredBody& body) {
        if (body.content) return *body.content;
        auto reader = BodyReader::open(bodies_, body.file, body.size_bytes, body.checksum);
        if (!reader) return reader.error().message;
        auto all = reader->read(body.size_bytes);
        return all ? *all : all.error().message;
    }

    TestDisk& disk_;
    Ledger& ledger_;
    Folder folder_;
    BodyFolder bodies_;
    std::int64_t next_ = 0, instance_ = 0;
    std::map<Operation*, QueueId> kept_;
    std::optional<GroupCommit> group_;
};

}  // namespace mailramp::queue
