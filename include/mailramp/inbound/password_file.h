// mailramp/inbound/password_file.h: who may log in, with hashes of their passwords.
//
// One line a user, "name:hash", as `mkpasswd`, `openssl passwd -6` and `htpasswd -B` write them. Blank lines
// and lines that begin with # mean nothing. Names are compared octet by octet; no name stands there twice.
// Hashes are those of crypt(5) that are still good: yescrypt ($y$), gost-yescrypt, scrypt, bcrypt, SHA-512
// and SHA-256.
#pragma once

#include <cstddef>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "mailramp/base/result.h"
#include "mailramp/base/secret.h"

namespace mailramp::inbound {

inline constexpr std::size_t password_file_bytes_max = 256 * 1024;

class PasswordFile {
  public:
    enum class Verdict { good, unknown_user, wrong_password };

    // Errors name the line, and never what stands in it.
    [[nodiscard]] static base::Result<PasswordFile> parse(std::string_view text);
    // The file must be private (io/private_file.h). Blocks.
    [[nodiscard]] static base::Result<PasswordFile> load(const std::filesystem::path& path);

    // Takes as long as the hashes want (tens of milliseconds, up to 16 MiB); for an unknown user
    // as long as the costliest of them.
    [[nodiscard]] Verdict judge(std::string_view user, const base::Secret& password) const;

  private:
    struct Entry {
        std::string user;
        std::string hash;
        double cost = 0;  // see inbound/hash_cost.h
    };
    std::vector<Entry> entries_;  // never empty once parsed
    std::string costliest_;       // the hash that takes longest to compare with
};

}  // namespace mailramp::inbound
