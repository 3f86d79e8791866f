#include "queue/body_files.h"

#include <algorithm>
#include <system_error>
#include <utility>

#include "mailramp/base/text.h"
#include "queue/folder.h"
#include "queue/room.h"

namespace mailramp::queue {

using base::ErrorKind;

std::string BodyName::text() const {
    return id.text() + "-" + std::to_string(instance);
}

std::optional<BodyName> BodyName::parse(std::string_view text) {
    const std::size_t dash = text.find('-');
    if (dash == std::string_view::npos) return std::nullopt;
    const std::optional<QueueId> id = QueueId::parse(text.substr(0, dash));
    const std::optional<std::uint64_t> instance = base::parse_number(text.substr(dash + 1));
    if (!id || !instance) return std::nullopt;
    const BodyName name{*id, static_cast<std::int64_t>(*instance)};
    // Only the one way in which we write it: 'o' for '0' or "-007" is somebody else's file.
    if (name.text() != text) return std::nullopt;
    return name;
}

base::Error damaged(const BodyName& name, std::string_view how) {
    return base::Error{ErrorKind::invalid,
                       "the stored content of " + name.id.text() + " is damaged: " + std::string(how)};
}

// ------------------------------------------------------------------ the folder

base::Result<> BodyFolder::remove(const BodyName& name) const {
    return VfsFile::remove(vfs, path(name));
}

base::Result<> BodyFolder::sync() const {
    base::Result<VfsFile> opened = VfsFile::open(vfs, directory);
    if (!opened) return std::unexpected(opened.error());
    return opened->sync();
}

base::Result<std::vector<BodyName>> BodyFolder::written_before(std::int64_t instance) const {
    std::vector<BodyName> names;
    std::error_code failure;
    std::filesystem::directory_iterator entry(directory, failure);
    for (; !failure && entry != std::filesystem::directory_iterator(); entry.increment(failure)) {
        const std::optional<BodyName> name = BodyName::parse(entry->path().filename().string());
        if (name && name->instance < instance) names.push_back(*name);
    }
    if (failure) return std::unexpected(base::system_error("list " + directory.string(), failure.value()));
    return names;
}

// ------------------------------------------------------------------ writing

base::Result<BodyWriter> BodyWriter::create(const BodyFolder& folder, const BodyName& name,
                                            std::size_t sync_bytes) {
    base::Result<VfsFile> file = VfsFile::create(folder.vfs, folder.path(name), folder.lock_file);
    if (!file) return std::unexpected(file.error());
    return BodyWriter(folder, std::move(*file), sync_bytes);
}

BodyWriter::BodyWriter(BodyFolder folder, VfsFile file, std::size_t sync_bytes)
    : folder_(std::move(folder)), file_(std::move(file)), sync_bytes_(sync_bytes) {}

base::Result<> BodyWriter::fail_for_good(base::Error error) {
    // What is free is measured while the file is still there: without it there is room again.
    if (error.kind == ErrorKind::limit)
        error.message = "the queue's disk is full: " + mebibytes(disk_free_bytes(folder_.directory)) +
                        " are free; make room on it (" + error.message + ")";
    // Closed at once, so that nothing can sync it again and believe the answer.
    file_.reset();
    failure_ = error;
    return std::unexpected(std::move(error));
}

base::Result<> BodyWriter::write(std::string_view octets) {
    if (failure_) return std::unexpected(*failure_);
    if (auto written = file_->write(octets, size_bytes_); !written) return fail_for_good(written.error());
    checksum_.add(octets);
    size_bytes_ += octets.size();
    // Little and often: one sync of 35 MB at the end would stop every small message behind it.
    if (size_bytes_ - synced_bytes_ < sync_bytes_) return {};
    if (auto synced = file_->sync(); !synced) return fail_for_good(synced.error());
    synced_bytes_ = size_bytes_;
    return {};
}

base::Result<> BodyWriter::finish() {
    if (failure_) return std::unexpected(*failure_);
    if (auto synced = file_->sync(); !synced) return fail_for_good(synced.error());
    file_.reset();
    if (auto synced = folder_.sync(); !synced) return fail_for_good(synced.error());
    return {};
}

// ------------------------------------------------------------------ reading

base::Result<BodyReader> BodyReader::open(const BodyFolder& folder, const BodyName& name,
                                          std::uint64_t size_bytes, std::uint64_t checksum) {
    base::Result<VfsFile> file = VfsFile::open(folder.vfs, folder.path(name));
    if (!file) {
        std::error_code failure;
        if (!std::filesystem::exists(folder.path(name), failure) && !failure)
            return std::unexpected(damaged(name, folder.path(name).string() + " is missing"));
        return std::unexpected(file.error());
    }
    const base::Result<std::uint64_t> size = file->size();
    if (!size) return std::unexpected(size.error());
    // SQLite's layer says that a file of one octet is empty.
    if (*size != (size_bytes == 1 ? 0 : size_bytes))
        return std::unexpected(damaged(name, folder.path(name).string() + " has " + std::to_string(*size) +
                                                 " octets instead of " + std::to_string(size_bytes)));
    return BodyReader(std::move(*file), name, size_bytes, checksum);
}

BodyReader::BodyReader(VfsFile file, BodyName name, std::uint64_t size_bytes, std::uint64_t checksum)
    : file_(std::move(file)), name_(name), size_bytes_(size_bytes), expected_(checksum) {}

base::Result<std::string> BodyReader::read(std::size_t octets_max) {
    const std::uint64_t left = size_bytes_ - offset_;
    const std::size_t octets = static_cast<std::size_t>(std::min<std::uint64_t>(left, octets_max));
    if (octets == 0) return std::string();
    base::Result<std::string> piece = file_.read(octets, offset_);
    if (!piece) {
        if (piece.error().kind == ErrorKind::invalid)
            return std::unexpected(damaged(name_, piece.error().message));
        return piece;
    }
    checksum_.add(*piece);
    offset_ += octets;
    if (offset_ == size_bytes_ && checksum_.value() != expected_)
        return std::unexpected(damaged(
            name_, "the checksum of bodies/" + name_.text() + " is not the one that was stored with it"));
    return piece;
}

}  // namespace mailramp::queue
