#include "mailramp/inbound/password_file.h"

#include <algorithm>
#include <array>
#include <memory>
#include <utility>

#include <crypt.h>
#include <string.h>  // explicit_bzero

#include "inbound/hash_cost.h"
#include "mailramp/base/text.h"
#include "mailramp/io/private_file.h"

namespace mailramp::inbound {
namespace {

// crypt(5), without the methods that can be broken by trying.
constexpr std::array<std::string_view, 8> good_prefixes{"$y$",  "$gy$", "$7$", "$2b$",
                                                        "$2y$", "$2a$", "$6$", "$5$"};

base::Error wrong_line(std::size_t number, std::string_view what) {
    return {base::ErrorKind::invalid, "line " + std::to_string(number) + ": " + std::string(what)};
}

bool has_control_character(std::string_view text) {
    return std::ranges::any_of(text,
                               [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == '\x7F'; });
}

// Each of these methods ends in a section of at least so many octets, behind the last "$".
bool is_damaged(const std::string& hash) {
    constexpr std::size_t last_section_bytes_min = 43;
    const int salt = ::crypt_checksalt(hash.c_str());
    return salt == CRYPT_SALT_INVALID || salt == CRYPT_SALT_METHOD_DISABLED ||
           hash.size() - hash.rfind('$') <= last_section_bytes_min;
}

struct CryptDataFree {
    void operator()(crypt_data* data) const {
        ::explicit_bzero(data, sizeof *data);
        delete data;  // NOLINT(cppcoreguidelines-owning-memory): the deleter of its unique_ptr
    }
};

// Whether the password gives this hash. Takes its time from the hash alone, not from where two of them
// differ.
bool gives(const base::Secret& password, const std::string& hash) {
    if (password.reveal().find('\0') != std::string_view::npos) return false;
    const std::unique_ptr<crypt_data, CryptDataFree> data(new crypt_data{});
    std::string phrase(password.reveal());
    const char* computed = ::crypt_rn(phrase.c_str(), hash.c_str(), data.get(), sizeof *data);
    base::wipe(phrase);
    if (computed == nullptr) return false;
    const std::string_view got = computed;
    if (got.size() != hash.size()) return false;
    unsigned char difference = 0;
    for (std::size_t i = 0; i < got.size(); ++i)
        difference |= static_cast<unsigned char>(got[i] ^ hash[i]);
    return difference == 0;
}

}  // namespace

base::Result<PasswordFile> PasswordFile::parse(std::string_view text) {
    PasswordFile file;
    std::size_t number = 0;
    while (!text.empty()) {
        const std::size_t end = std::min(text.find('\n'), text.size());
        const std::string_view line = base::trim(text.substr(0, end));
        text.remove_prefix(std::min(end + 1, text.size()));
        ++number;
        if (line.empty() || line.starts_with('#')) continue;
        const std::size_t colon = line.rfind(':');  // no hash has one
        if (colon == std::string_view::npos || colon == 0)
            return std::unexpected(wrong_line(number, "it is not name:hash"));
        Entry entry{std::string(line.substr(0, colon)), std::string(line.substr(colon + 1)), 0};
        if (has_control_character(entry.user))
            return std::unexpected(wrong_line(number, "the name has a control character"));
        if (std::ranges::none_of(good_prefixes, [&](auto prefix) { return entry.hash.starts_with(prefix); }))
            return std::unexpected(wrong_line(
                number, "behind the colon is no hash that is good enough; make one with: openssl passwd -6"));
        if (is_damaged(entry.hash))
            return std::unexpected(
                wrong_line(number, "the hash is damaged, or this machine does not know its kind"));
        if (std::ranges::find(file.entries_, entry.user, &Entry::user) != file.entries_.end())
            return std::unexpected(wrong_line(number, "this name stands in a line above"));
        entry.cost = hash_cost(entry.hash);
        file.entries_.push_back(std::move(entry));
    }
    if (file.entries_.empty())
        return base::fail(base::ErrorKind::invalid,
                          "there is no user in it; a line is name:hash, the hash made with: "
                          "openssl passwd -6");
    file.costliest_ = std::ranges::max_element(file.entries_, {}, &Entry::cost)->hash;
    return file;
}

base::Result<PasswordFile> PasswordFile::load(const std::filesystem::path& path) {
    const std::string what = "the file of users " + path.string();
    const auto text = io::read_private_file(path, what, password_file_bytes_max);
    if (!text) return std::unexpected(text.error());
    auto parsed = parse(text->reveal());
    if (!parsed) return base::fail(what, std::move(parsed.error()));
    return parsed;
}

PasswordFile::Verdict PasswordFile::judge(std::string_view user, const base::Secret& password) const {
    const auto known = std::ranges::find(entries_, user, &Entry::user);
    if (known != entries_.end())
        return gives(password, known->hash) ? Verdict::good : Verdict::wrong_password;
    // As long as for the known one that takes longest: a shorter time would tell that the name is not there.
    // Names with a cheaper hash than that are answered sooner, unless the caller makes up for it.
    static_cast<void>(gives(password, costliest_));
    return Verdict::unknown_user;
}

}  // namespace mailramp::inbound
