// mailramp/io/private_file.h: small files with something in them that nobody but their owner may read:
// secrets, keys, password hashes.
#pragma once

#include <cstddef>
#include <filesystem>
#include <string_view>

#include "mailramp/base/result.h"
#include "mailramp/base/secret.h"

namespace mailramp::io {

// The content of the file. `what` names it in an error, which never contains anything of it.
// ErrorKind::not_found: there is no such file. ErrorKind::limit: it is larger than `size_bytes_max`.
// ErrorKind::invalid: it is not a regular file, or group or others may read it; then the error has the
// command that helps. Two places are trusted to keep others out by other means than permissions:
// - $CREDENTIALS_DIRECTORY itself, for systemd credentials: the folder is private, and how their access list
//   looks is as if the group could read them.
// - /run/secrets and what is below, where engines mount secrets for a container, open to all who are in it. A
//   machine that runs no container has no such folder, and only root can make one.
// Symbolic links are followed, since Kubernetes mounts secrets as links; where they end counts. Blocks for
// the reading of one small file.
[[nodiscard]] base::Result<base::Secret> read_private_file(const std::filesystem::path& path,
                                                           std::string_view what, std::size_t size_bytes_max);

}  // namespace mailramp::io
