// Kinds of values: what is read can be shown and read again, and what is refused can be shown in an error.
#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "config/value_types.h"
#include "mailramp/base/result.h"
#include "mailramp/base/text.h"

namespace {

namespace base = mailramp::base;
using base::check;
using namespace mailramp::config;  // NOLINT(google-build-using-namespace): a test of just these

template <class T>
void try_type(const ValueType<T>& type, const std::string& text) {
    const auto value = type.read(text);
    if (!value) {
        const std::string& why = value.error().message;
        check(!why.empty() && why.size() <= 512, "an error has its words and its limit");
        check(base::printable(why, why.size()) == why, "an error is printable");
        return;
    }
    const std::string shown = type.show(*value);
    const auto again = type.read(shown);
    check(again.has_value(), "what is shown can be read");
    check(type.show(*again) == shown, "and means the same");
}

using namespace std::chrono_literals;  // NOLINT(google-build-using-namespace): as in the tables of the keys

const std::vector<std::function<void(const std::string&)>>& kinds() {
    static const std::vector<std::function<void(const std::string&)>> all{
        [](const std::string& text) { try_type(boolean(), text); },
        [](const std::string& text) { try_type(integer(1, 1'000'000), text); },
        [](const std::string& text) { try_type(fraction(0, 1), text); },
        [](const std::string& text) { try_type(duration(0s, 876'000h), text); },
        [](const std::string& text) { try_type(size(0, 1ull << 62), text); },
        [](const std::string& text) { try_type(file_mode(), text); },
        [](const std::string& text) { try_type(absolute_path(), text); },
        [](const std::string& text) { try_type(host_name(), text); },
        [](const std::string& text) { try_type(mail_address(), text); },
        [](const std::string& text) { try_type(address_pattern(), text); },
        [](const std::string& text) { try_type(domain_pattern(), text); },
        [](const std::string& text) { try_type(tenant(), text); },
        [](const std::string& text) { try_type(client_id(), text); },
        [](const std::string& text) { try_type(https_authority(), text); },
        [](const std::string& text) { try_type(http_proxy(), text); },
        [](const std::string& text) { try_type(scope(), text); },
        [](const std::string& text) { try_type(name(), text); },
        [](const std::string& text) { try_type(group_name(), text); },
        [](const std::string& text) { try_type(listener_name(), text); },
        [](const std::string& text) { try_type(endpoint(), text); },
        [](const std::string& text) { try_type(address_block(), text); },
    };
    return all;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string text(reinterpret_cast<const char*>(data), size);
    for (const auto& try_kind : kinds())
        try_kind(text);
    return 0;
}
