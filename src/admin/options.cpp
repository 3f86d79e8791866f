#include "mailramp/admin/options.h"

#include <array>
#include <cerrno>
#include <cstddef>

#include <grp.h>

namespace mailramp::admin {
namespace {

constexpr std::size_t group_entry_bytes_max = 16 * 1024;

}  // namespace

base::Result<gid_t> find_group(const std::string& name) {
    std::array<char, group_entry_bytes_max> space{};
    group entry{};
    group* found = nullptr;
    const int error = ::getgrnam_r(name.c_str(), &entry, space.data(), space.size(), &found);
    if (found != nullptr) return entry.gr_gid;
    if (error != 0 && error != ENOENT)
        return std::unexpected(base::system_error("look up group " + name, error));
    return base::fail(base::ErrorKind::not_found,
                      "there is no group " + name + "; make it with: groupadd --system " + name);
}

}  // namespace mailramp::admin
