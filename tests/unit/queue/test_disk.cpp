#include "unit/queue/test_disk.h"

#include <algorithm>
#include <atomic>
#include <cstring>
#include <fstream>
#include <new>
#include <sstream>
#include <utility>

namespace mailramp::queue {
namespace {

std::string content_of(const std::filesystem::path& path) {
    std::ifstream file(path, std::ios::binary);
    std::ostringstream content;
    content << file.rdbuf();
    return std::move(content).str();
}

struct DiskFile {
    sqlite3_file base;
    TestDisk* disk;
    std::string* path;
    bool syncs_its_folder_once;  // as SQLite's file layer for Unix does for a new journal or WAL
    bool is_folder;
    sqlite3_file* real() { return reinterpret_cast<sqlite3_file*>(this + 1); }
};

DiskFile* of(sqlite3_file* file) {
    return reinterpret_cast<DiskFile*>(file);
}

}  // namespace

struct TestDiskCalls {
    static TestDisk& disk(sqlite3_vfs* vfs) { return *static_cast<TestDisk*>(vfs->pAppData); }

    static int open(sqlite3_vfs* vfs, sqlite3_filename name, sqlite3_file* file, int flags, int* granted) {
        TestDisk& self = disk(vfs);
        const std::lock_guard lock(self.mutex_);
        file->pMethods = nullptr;
        const std::string path = name == nullptr ? "" : name;
        const bool existed = std::filesystem::exists(path);
        if (self.frozen_) return SQLITE_IOERR;
        if ((flags & SQLITE_OPEN_CREATE) != 0 && !existed)
            if (const int code = self.next_call(TestDisk::Call::create, path); code != SQLITE_OK)
                return SQLITE_CANTOPEN;
        DiskFile* mine = of(file);
        std::memset(static_cast<void*>(mine->real()), 0, static_cast<std::size_t>(self.real_->szOsFile));
        const int code = self.real_->xOpen(self.real_, name, mine->real(), flags, granted);
        if (code != SQLITE_OK) return code;
        mine->disk = &self;
        mine->path = new std::string(path);
        mine->is_folder = std::filesystem::is_directory(path);
        mine->syncs_its_folder_once = !existed;
        if (!mine->is_folder && !self.files_.contains(path)) {
            TestDisk::Image image;
            if (existed) image.durable = content_of(path);
            image.name_is_durable = existed;
            self.files_[path] = std::move(image);
        }
        file->pMethods = methods();
        return SQLITE_OK;
    }

    static int remove(sqlite3_vfs* vfs, const char* name, int sync_folder) {
        TestDisk& self = disk(vfs);
        const std::lock_guard lock(self.mutex_);
        if (const int code = self.next_call(TestDisk::Call::remove, name); code != SQLITE_OK) return code;
        const int code = self.real_->xDelete(self.real_, name, 0);
        if (code != SQLITE_OK) return code;
        if (auto file = self.files_.find(name); file != self.files_.end()) {
            if (file->second.name_is_durable) self.removed_[name] = std::move(file->second);
            self.files_.erase(file);
        }
        if (sync_folder != 0) self.folder_synced(std::filesystem::path(name).parent_path());
        return SQLITE_OK;
    }

    static int access(sqlite3_vfs* vfs, const char* name, int flags, int* result) {
        return disk(vfs).real_->xAccess(disk(vfs).real_, name, flags, result);
    }
    static int full_name(sqlite3_vfs* vfs, const char* name, int size, char* out) {
        return disk(vfs).real_->xFullPathname(disk(vfs).real_, name, size, out);
    }
    static int randomness(sqlite3_vfs* vfs, int size, char* out) {
        return disk(vfs).real_->xRandomness(disk(vfs).real_, size, out);
    }
    static int sleep(sqlite3_vfs*, int) { return 0; }
    static int now(sqlite3_vfs* vfs, double* out) {
        return disk(vfs).real_->xCurrentTime(disk(vfs).real_, out);
    }
    static int last_error(sqlite3_vfs*, int, char*) { return 0; }

    static int close(sqlite3_file* file) {
        delete of(file)->path;
        return of(file)->real()->pMethods->xClose(of(file)->real());
    }
    static int read(sqlite3_file* file, void* out, int size, sqlite3_int64 offset) {
        if (of(file)->disk->power_is_gone()) return SQLITE_IOERR_READ;
        return of(file)->real()->pMethods->xRead(of(file)->real(), out, size, offset);
    }
    static int write(sqlite3_file* file, const void* octets, int size, sqlite3_int64 offset) {
        TestDisk& self = *of(file)->disk;
        const std::lock_guard lock(self.mutex_);
        const int failure = self.next_call(TestDisk::Call::write, *of(file)->path);
        if (self.frozen_ && self.cut_at_ != self.calls_) return SQLITE_IOERR_WRITE;
        // A write that fails may have been done in part.
        const int done = failure == SQLITE_OK ? size : size / 2;
        if (done > 0) {
            const int code = of(file)->real()->pMethods->xWrite(of(file)->real(), octets, done, offset);
            if (code != SQLITE_OK) return code;
            self.files_[*of(file)->path].since.push_back(
                {offset, std::string(static_cast<const char*>(octets), static_cast<std::size_t>(done))});
        }
        return failure;
    }
    static int truncate(sqlite3_file* file, sqlite3_int64 size) {
        TestDisk& self = *of(file)->disk;
        const std::lock_guard lock(self.mutex_);
        if (const int code = self.next_call(TestDisk::Call::truncate, *of(file)->path); code != SQLITE_OK)
            return code;
        self.files_[*of(file)->path].since.push_back({size, std::nullopt});
        return of(file)->real()->pMethods->xTruncate(of(file)->real(), size);
    }
    static int sync(sqlite3_file* file, int) {
        TestDisk& self = *of(file)->disk;
        const std::lock_guard lock(self.mutex_);
        const int failure = self.next_call(TestDisk::Call::sync, *of(file)->path);
        if (self.frozen_) return SQLITE_IOERR_FSYNC;
        if (of(file)->is_folder) {
            if (failure == SQLITE_OK) self.folder_synced(*of(file)->path);
            return failure;
        }
        self.synced(*of(file)->path, failure == SQLITE_OK);
        if (failure == SQLITE_OK && std::exchange(of(file)->syncs_its_folder_once, false))
            self.folder_synced(std::filesystem::path(*of(file)->path).parent_path());
        return failure;
    }
    static int size(sqlite3_file* file, sqlite3_int64* out) {
        return of(file)->real()->pMethods->xFileSize(of(file)->real(), out);
    }
    static int lock(sqlite3_file* file, int level) {
        return of(file)->real()->pMethods->xLock(of(file)->real(), level);
    }
    static int unlock(sqlite3_file* file, int level) {
        return of(file)->real()->pMethods->xUnlock(of(file)->real(), level);
    }
    static int reserved(sqlite3_file* file, int* out) {
        return of(file)->real()->pMethods->xCheckReservedLock(of(file)->real(), out);
    }
    static int control(sqlite3_file* file, int operation, void* argument) {
        return of(file)->real()->pMethods->xFileControl(of(file)->real(), operation, argument);
    }
    static int sector(sqlite3_file* file) {
        return of(file)->real()->pMethods->xSectorSize(of(file)->real());
    }
    static int character(sqlite3_file* file) {
        return of(file)->real()->pMethods->xDeviceCharacteristics(of(file)->real());
    }

    // Version 1: no shared memory, so this also shows that the queue needs none.
    static const sqlite3_io_methods* methods() {
        static const sqlite3_io_methods table = [] {
            sqlite3_io_methods calls{};
            calls.iVersion = 1;
            calls.xClose = close;
            calls.xRead = read;
            calls.xWrite = write;
            calls.xTruncate = truncate;
            calls.xSync = sync;
            calls.xFileSize = size;
            calls.xLock = lock;
            calls.xUnlock = unlock;
            calls.xCheckReservedLock = reserved;
            calls.xFileControl = control;
            calls.xSectorSize = sector;
            calls.xDeviceCharacteristics = character;
            return calls;
        }();
        return &table;
    }
};

TestDisk::TestDisk(std::filesystem::path folder, std::uint64_t seed, As as)
    : folder_(std::move(folder)),
      chance_(seed),
      real_(sqlite3_vfs_find("unix")),
      standard_(as == As::standard) {
    static std::atomic<int> count = 0;
    name_ = "test-disk-" + std::to_string(++count);
    vfs_.iVersion = 1;
    vfs_.szOsFile = static_cast<int>(sizeof(DiskFile)) + real_->szOsFile;
    vfs_.mxPathname = real_->mxPathname;
    vfs_.zName = name_.c_str();
    vfs_.pAppData = this;
    vfs_.xOpen = TestDiskCalls::open;
    vfs_.xDelete = TestDiskCalls::remove;
    vfs_.xAccess = TestDiskCalls::access;
    vfs_.xFullPathname = TestDiskCalls::full_name;
    vfs_.xRandomness = TestDiskCalls::randomness;
    vfs_.xSleep = TestDiskCalls::sleep;
    vfs_.xCurrentTime = TestDiskCalls::now;
    vfs_.xGetLastError = TestDiskCalls::last_error;
    sqlite3_vfs_register(&vfs_, standard_ ? 1 : 0);
}

TestDisk::~TestDisk() {
    sqlite3_vfs_unregister(&vfs_);
    if (standard_) sqlite3_vfs_register(real_, 1);
}

void TestDisk::fail_call(long k, Lasting lasting, int write_code) {
    const std::lock_guard lock(mutex_);
    fail_at_ = calls_ + k;
    lasting_ = lasting;
    write_code_ = write_code;
    struck_ = false;
}

void TestDisk::fail_sync_of(std::string name_end, Lasting lasting) {
    const std::lock_guard lock(mutex_);
    fail_sync_end_ = std::move(name_end);
    lasting_ = lasting;
    struck_ = false;
}

void TestDisk::heal() {
    const std::lock_guard lock(mutex_);
    fail_at_ = 0;
    fail_sync_end_.clear();
}

void TestDisk::cut_at_call(long k) {
    const std::lock_guard lock(mutex_);
    cut_at_ = calls_ + k;
}

int TestDisk::next_call(Call call, const std::string& path) {
    ++calls_;
    if (cut_at_ != 0 && calls_ >= cut_at_) frozen_ = true;
    bool fails = fail_at_ != 0 && (lasting_ == Lasting::once ? calls_ == fail_at_ : calls_ >= fail_at_);
    if (call == Call::sync && !fail_sync_end_.empty() && path.ends_with(fail_sync_end_)) {
        fails = true;
        if (lasting_ == Lasting::once) fail_sync_end_.clear();
    }
    struck_ = struck_ || fails;
    if (!fails && !frozen_) return SQLITE_OK;
    switch (call) {
        case Call::create:
            return SQLITE_CANTOPEN;
        case Call::write:
            return frozen_ ? SQLITE_IOERR_WRITE : write_code_;
        case Call::truncate:
            return SQLITE_IOERR_TRUNCATE;
        case Call::sync:
            return SQLITE_IOERR_FSYNC;
        case Call::remove:
            return SQLITE_IOERR_DELETE;
    }
    return SQLITE_IOERR;
}

void TestDisk::synced(const std::string& path, bool worked) {
    if (syncs_ == Syncs::ignored) return;
    Image& image = files_[path];
    if (worked)
        for (const Change& change : image.since)
            apply(image.durable, change);
    // After a failure the kernel takes the pages for clean: they never reach the disk.
    image.since.clear();
}

void TestDisk::folder_synced(const std::string& folder) {
    if (syncs_ == Syncs::ignored) return;
    for (auto& [path, image] : files_)
        if (std::filesystem::path(path).parent_path() == folder) image.name_is_durable = true;
    std::erase_if(removed_, [&folder](const auto& entry) {
        return std::filesystem::path(entry.first).parent_path() == folder;
    });
}

void TestDisk::apply(std::string& content, const Change& change) {
    const auto offset = static_cast<std::size_t>(change.offset);
    if (!change.octets) {
        content.resize(offset);
        return;
    }
    if (content.size() < offset + change.octets->size()) content.resize(offset + change.octets->size());
    content.replace(offset, change.octets->size(), *change.octets);
}

std::string TestDisk::after_power_cut(const Image& image) {
    std::string content = image.durable;
    // Whether this disk kept much or little of what was on its way.
    const unsigned long kept_of_four = chance_() % 4;
    for (const Change& change : image.since) {
        if (chance_() % 4 >= kept_of_four) continue;
        Change part = change;
        if (part.octets && chance_() % 4 == 0) part.octets->resize(chance_() % (part.octets->size() + 1));
        apply(content, part);
    }
    return content;
}

void TestDisk::cut_power() {
    const std::lock_guard lock(mutex_);
    std::map<std::string, std::string> left;
    for (const auto& [path, image] : removed_)
        if (chance_() % 2 == 0) left[path] = after_power_cut(image);
    for (const auto& [path, image] : files_)
        if (image.name_is_durable || chance_() % 2 == 0) left[path] = after_power_cut(image);
    for (const auto& entry : std::filesystem::recursive_directory_iterator(folder_))
        if (entry.is_regular_file() && entry.path().filename() != "lock" && !left.contains(entry.path()))
            std::filesystem::remove(entry.path());
    files_.clear();
    for (auto& [path, content] : left) {
        std::ofstream(path, std::ios::binary | std::ios::trunc) << content;
        // It is what the next cut finds, too, whether somebody opens it meanwhile or not.
        files_[path] = Image{.durable = std::move(content), .since = {}, .name_is_durable = true};
    }
    removed_.clear();
    fail_at_ = cut_at_ = 0;
    fail_sync_end_.clear();
    frozen_ = false;
    struck_ = false;
}

}  // namespace mailramp::queue
