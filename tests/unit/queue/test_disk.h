// A disk for tests: SQLite's file layer, passed through to real files, that can fail on purpose, and that
// knows what a power cut at this instant would leave.
//
// It keeps for every file what has been synced and what has been written since. A failed sync behaves as
// Linux's does: what it should have written is lost, and a later sync says that all is well. Names of files
// are durable when their folder was synced. Calls that change the disk (create, write, truncate, sync,
// delete) are numbered from 1. Safe from every thread.
#pragma once

#include <atomic>
#include <cstdint>
#include <filesystem>
#include <map>
#include <mutex>
#include <optional>
#include <random>
#include <string>
#include <vector>

#include <sqlite3.h>

namespace mailramp::queue {

class TestDisk {
  public:
    enum class Lasting { once, until_healed };
    enum class Syncs { obeyed, ignored };
    enum class As { named, standard };  // whether it becomes the file layer that everybody gets

    TestDisk(std::filesystem::path folder, std::uint64_t seed, As as = As::named);
    ~TestDisk();
    TestDisk(const TestDisk&) = delete;
    TestDisk& operator=(const TestDisk&) = delete;

    [[nodiscard]] const char* name() const { return name_.c_str(); }
    [[nodiscard]] sqlite3_vfs* vfs() { return &vfs_; }

    // The k-th call from now fails: writes with `write_code`, everything else with its own I/O error.
    void fail_call(long k, Lasting lasting, int write_code = SQLITE_IOERR_WRITE);
    // The next sync of a file whose name ends so fails.
    void fail_sync_of(std::string name_end, Lasting lasting);
    void heal();
    // The power goes at the k-th call from now: that call and all later ones fail.
    void cut_at_call(long k);
    void keep_power() { cut_at_call(-calls_); }  // which is never
    void obey_syncs(Syncs syncs) { syncs_ = syncs; }

    // What kill -9 does: from stop() on nothing reaches the disk, but what was written stays, synced or not,
    // for whoever reads it after go_on().
    void stop() { frozen_ = true; }
    void go_on() { frozen_ = false; }

    [[nodiscard]] bool fault_has_struck() const { return struck_; }
    [[nodiscard]] bool power_is_gone() const { return frozen_; }
    [[nodiscard]] long calls() const { return calls_; }

    // Makes the folder what a power cut leaves: each write since the last sync may be there, in part or not
    // at all. Everything must be closed. The disk works again afterwards.
    void cut_power();

  private:
    friend struct TestDiskCalls;

    struct Change {
        std::int64_t offset = 0;  // of a write; the new size of a truncation
        std::optional<std::string> octets;
    };
    struct Image {
        std::string durable;
        std::vector<Change> since;
        bool name_is_durable = false;
    };
    enum class Call { create, write, truncate, sync, remove };

    // The code with which this call fails, or SQLITE_OK.
    int next_call(Call call, const std::string& path);
    void synced(const std::string& path, bool worked);
    void folder_synced(const std::string& folder);
    static void apply(std::string& content, const Change& change);
    [[nodiscard]] std::string after_power_cut(const Image& image);

    std::filesystem::path folder_;
    std::string name_;
    std::mt19937_64 chance_;
    sqlite3_vfs vfs_{};
    sqlite3_vfs* real_ = nullptr;
    bool standard_ = false;
    mutable std::recursive_mutex mutex_;
    std::map<std::string, Image> files_;
    std::map<std::string, Image> removed_;  // whose removal is not durable
    Syncs syncs_ = Syncs::obeyed;
    std::atomic<long> calls_ = 0;
    long fail_at_ = 0, cut_at_ = 0;
    Lasting lasting_ = Lasting::once;
    int write_code_ = SQLITE_IOERR_WRITE;
    std::string fail_sync_end_;
    std::atomic<bool> struck_ = false, frozen_ = false;  // asked for while others write
};

}  // namespace mailramp::queue
