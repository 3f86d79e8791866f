// io/own_certificate.h: a certificate that vouches for itself, for those who have none from a CA.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "mailramp/base/clock.h"
#include "mailramp/base/result.h"
#include "mailramp/base/secret.h"

namespace mailramp::io {

// What a certificate is for. P-256 is small and quick; what knows no elliptic curves needs RSA.
enum class KeyKind { p256, rsa2048 };

struct OwnCertificate {
    std::vector<std::string> names;  // host names and IP addresses; the first is its subject
    KeyKind key = KeyKind::p256;
    base::WallTime begins;
    base::WallTime ends;
};

// Key and certificate, both PEM, one behind the other.
[[nodiscard]] base::Result<base::Secret> make_own_certificate(const OwnCertificate& wanted);

// Replaces the file as a whole, with mode 0600; its folder must exist.
[[nodiscard]] base::Result<> replace_private_file(const std::filesystem::path& path,
                                                  const base::Secret& content);

}  // namespace mailramp::io
