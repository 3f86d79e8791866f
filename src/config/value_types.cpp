#include "config/value_types.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <limits>
#include <optional>

#include "mailramp/base/text.h"
#include "mailramp/mail/address.h"
#include "mailramp/route/alias_file.h"

namespace mailramp::config {
namespace {

constexpr std::size_t shown_word_bytes_max = 64;
constexpr std::size_t name_bytes_max = 64;
constexpr std::size_t path_bytes_max = 4096;
constexpr std::uint64_t year_min = 2020, year_max = 2100;
constexpr std::size_t url_bytes_max = 512;
constexpr std::size_t label_bytes_max = 63;  // RFC 1035 §2.3.4

template <class Ratio>
struct Unit {
    std::string_view name;
    Ratio factor;
};

constexpr std::array<Unit<std::int64_t>, 5> duration_units{
    {{"d", 86'400'000'000}, {"h", 3'600'000'000}, {"m", 60'000'000}, {"s", 1'000'000}, {"ms", 1'000}}};
// In the order in which a size is shown: by the first one that divides it.
constexpr std::array<Unit<std::uint64_t>, 10> size_units{{{"TiB", 1ull << 40},
                                                          {"TB", 1'000'000'000'000},
                                                          {"GiB", 1ull << 30},
                                                          {"GB", 1'000'000'000},
                                                          {"MiB", 1ull << 20},
                                                          {"MB", 1'000'000},
                                                          {"KiB", 1ull << 10},
                                                          {"KB", 1'000},
                                                          {"kB", 1'000},
                                                          {"B", 1}}};

auto wrong(std::string message) {
    return base::fail(base::ErrorKind::invalid, std::move(message));
}

bool is_letter_or_digit(char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

bool is_made_of(std::string_view text, std::string_view others) {
    return std::ranges::all_of(
        text, [others](char c) { return is_letter_or_digit(c) || others.find(c) != std::string_view::npos; });
}

std::string show_text(const std::string& text) {
    return text;
}

// "1500" with the unit "ms" → 1500 · factor; nothing when it does not fit.
template <class Number, std::size_t N>
std::optional<Number> read_with_unit(std::string_view text, const std::array<Unit<Number>, N>& units) {
    const std::size_t digits = std::min(text.find_first_not_of("0123456789"), text.size());
    const auto number = base::parse_number(text.substr(0, digits));
    const auto unit = std::ranges::find(units, text.substr(digits), &Unit<Number>::name);
    if (!number || unit == units.end()) return {};
    if (*number > static_cast<std::uint64_t>(std::numeric_limits<Number>::max() / unit->factor)) return {};
    return static_cast<Number>(*number) * unit->factor;
}

template <class Number, std::size_t N>
std::string show_with_unit(Number value, const std::array<Unit<Number>, N>& units) {
    for (const auto& unit : units)
        if (value != 0 && value % unit.factor == 0)
            return std::to_string(value / unit.factor) + std::string(unit.name);
    return "0" + std::string(units.back().name);
}

// What a number without its unit is missing.
std::string_view unit_hint(const std::string& text) {
    return base::parse_number(text) ? " has no unit" : "";
}

constexpr std::size_t fraction_bytes_max = 32;

// Without an exponent, since none can be read.
std::string show_fraction(double value) {
    std::array<char, 2 * fraction_bytes_max> buffer{};
    const auto [end, error] =
        std::to_chars(buffer.data(), buffer.data() + buffer.size(), value, std::chars_format::fixed);
    return error == std::errc() ? std::string(buffer.data(), end) : std::string();
}

bool is_label(std::string_view label) {
    return !label.empty() && label.size() <= label_bytes_max && label.front() != '-' && label.back() != '-' &&
           is_made_of(label, "-_");
}

bool is_host_name(std::string_view text) {
    if (text.size() > mail::domain_bytes_max) return false;
    for (std::size_t dot = text.find('.'); dot != std::string_view::npos; dot = text.find('.')) {
        if (!is_label(text.substr(0, dot))) return false;
        text.remove_prefix(dot + 1);
    }
    return is_label(text);
}

struct Url {
    std::string_view scheme;
    std::string_view authority;
    std::string_view rest;  // with its leading '/', '?' or '#'
};

std::optional<Url> split_url(std::string_view text) {
    const std::size_t colon = text.find("://");
    if (colon == std::string_view::npos || text.size() > url_bytes_max) return {};
    const std::string_view behind = text.substr(colon + 3);
    const std::size_t end = std::min(behind.find_first_of("/?#"), behind.size());
    return Url{text.substr(0, colon), behind.substr(0, end), behind.substr(end)};
}

// "host", "host:8443", "[::1]:8443"; no user name.
bool is_url_host(std::string_view text) {
    const std::size_t colon = text.rfind(':');
    const bool has_port = colon != std::string_view::npos && text.find(']', colon) == std::string_view::npos;
    if (has_port) {
        const auto port = base::parse_number(text.substr(colon + 1));
        if (!port || *port == 0 || *port > 65'535) return false;
        text = text.substr(0, colon);
    }
    if (text.starts_with('[') && text.ends_with(']'))
        return route::IpAddress::parse(text.substr(1, text.size() - 2)).has_value();
    return is_host_name(text);
}

base::Result<io::Endpoint> read_endpoint(const std::string& text) {
    const std::size_t colon = text.rfind(':');
    const std::string_view all = text;
    if (colon == std::string::npos) return wrong(in_quotes(text) + " has no port");
    const auto port = base::parse_number(all.substr(colon + 1));
    if (!port || *port > 65'535) return wrong(in_quotes(text) + " has no port of 0 to 65535 at its end");
    std::string_view host = all.substr(0, colon);
    const bool bracketed = host.starts_with('[') && host.ends_with(']');
    if (bracketed) host = host.substr(1, host.size() - 2);
    const auto address = route::IpAddress::parse(host);
    if (!address && is_host_name(host))
        return wrong(in_quotes(text) + " has a name in it, and names are not looked up here");
    if (!address) return wrong(in_quotes(text) + " is not an IP address and a port");
    if (address->is_ipv4() && host.find(':') != std::string_view::npos)
        return wrong(in_quotes(text) + " is an IPv4 address in IPv6 form");
    if (address->is_ipv4() == bracketed)
        return wrong(in_quotes(text) + (bracketed ? " has brackets" : " has no brackets"));
    return io::Endpoint{address->text(), static_cast<std::uint16_t>(*port)};
}

}  // namespace

// Cut at the first blank: a quotation mark that is not closed can make a value of the lines that follow, and
// one of them may hold a secret.
std::string in_quotes(std::string_view text) {
    const std::string_view word =
        text.substr(0, std::min(text.find_first_of(" \t\r\n"), shown_word_bytes_max));
    return "\"" + base::printable(word, shown_word_bytes_max) + (word.size() < text.size() ? " …\"" : "\"");
}

std::string joined(const std::vector<std::string>& words) {
    std::string out;
    for (const std::string& word : words)
        out += (out.empty() ? "" : ", ") + word;
    return out;
}

ValueType<bool> boolean() {
    const auto read = [](const std::string& text) -> base::Result<bool> {
        if (text == "true") return true;
        if (text == "false") return false;
        return wrong(in_quotes(text) + " is neither true nor false");
    };
    return {"true or false", read, [](const bool& value) { return std::string(value ? "true" : "false"); },
            false};
}

ValueType<std::uint64_t> integer(std::uint64_t min, std::uint64_t max) {
    const auto read = [min, max](const std::string& text) -> base::Result<std::uint64_t> {
        const auto number = base::parse_number(text);
        if (!number || (text.size() > 1 && text.front() == '0'))
            return wrong(in_quotes(text) + " is not a decimal integer");
        if (*number < min || *number > max) return wrong(text + " is out of range");
        return *number;
    };
    return {"an integer of " + std::to_string(min) + " to " + std::to_string(max), read,
            [](const std::uint64_t& value) { return std::to_string(value); }, false};
}

ValueType<double> fraction(double min, double max) {
    const auto read = [min, max](const std::string& text) -> base::Result<double> {
        double number = 0;
        const bool plain = !text.empty() && text.size() <= fraction_bytes_max &&
                           text.find_first_not_of("0123456789.") == std::string::npos;
        const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
        if (!plain || error != std::errc() || end != text.data() + text.size())
            return wrong(in_quotes(text) + " is not a decimal number");
        if (number < min || number > max) return wrong(text + " is out of range");
        return number;
    };
    return {"a number of " + show_fraction(min) + " to " + show_fraction(max), read,
            [](const double& value) { return show_fraction(value); }, false};
}

ValueType<base::Duration> duration(base::Duration min, base::Duration max) {
    const auto show = [](const base::Duration& value) {
        return value.count() == 0 ? std::string("0s")
                                  : show_with_unit<std::int64_t>(value.count(), duration_units);
    };
    const auto read = [min, max](const std::string& text) -> base::Result<base::Duration> {
        const auto microseconds = read_with_unit(text, duration_units);
        if (!microseconds) {
            const auto hint = unit_hint(text);
            return wrong(in_quotes(text) + (hint.empty() ? " is not a duration" : std::string(hint)));
        }
        const base::Duration value(*microseconds);
        if (value < min || value > max) return wrong(text + " is out of range");
        return value;
    };
    return {"a duration of " + show(min) + " to " + show(max), read, show, false,
            ", as 500ms, 30s, 5m, 1h or 7d"};
}

ValueType<std::uint64_t> size(std::uint64_t min_bytes, std::uint64_t max_bytes) {
    const auto show = [](const std::uint64_t& value) { return show_with_unit(value, size_units); };
    const auto read = [min_bytes, max_bytes](const std::string& text) -> base::Result<std::uint64_t> {
        const auto bytes = read_with_unit(text, size_units);
        if (!bytes) {
            const auto hint = unit_hint(text);
            return wrong(in_quotes(text) + (hint.empty() ? " is not a size" : std::string(hint)));
        }
        if (*bytes < min_bytes || *bytes > max_bytes) return wrong(text + " is out of range");
        return *bytes;
    };
    return {"a size of " + show(min_bytes) + " to " + show(max_bytes), read, show, false,
            ", as 64KiB, 25MB or 10GiB"};
}

ValueType<unsigned> file_mode() {
    const auto read = [](const std::string& text) -> base::Result<unsigned> {
        unsigned mode = 0;
        const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), mode, 8);
        const bool whole = error == std::errc() && end == text.data() + text.size();
        if (!whole || text.size() < 3 || text.size() > 4 || mode > 0777)
            return wrong(in_quotes(text) + " is not a mode as chmod takes it");
        if ((mode & 07) != 0) return wrong(text + " lets every user of this machine in");
        return mode;
    };
    const auto show = [](const unsigned& mode) {
        std::string digits = "0000";
        for (std::size_t i = 0; i < 3; ++i)
            digits[3 - i] = static_cast<char>('0' + ((mode >> (3 * i)) & 7u));
        return digits;
    };
    return {"three or four octal digits, the last of them 0, as 0660", read, show, false};
}

ValueType<base::WallTime> date() {
    constexpr std::size_t written_length = 10;
    const auto read = [](const std::string& text) -> base::Result<base::WallTime> {
        const std::string_view digits(text);
        if (digits.size() != written_length || digits[4] != '-' || digits[7] != '-')
            return wrong(in_quotes(text) + " is not written as year-month-day");
        const auto year = base::parse_number(digits.substr(0, 4));
        const auto month = base::parse_number(digits.substr(5, 2));
        const auto day = base::parse_number(digits.substr(8, 2));
        if (!year || !month || !day) return wrong(in_quotes(text) + " is not written as year-month-day");
        const std::chrono::year_month_day date{std::chrono::year(static_cast<int>(*year)),
                                               std::chrono::month(static_cast<unsigned>(*month)),
                                               std::chrono::day(static_cast<unsigned>(*day))};
        if (!date.ok()) return wrong("there is no day " + in_quotes(text));
        if (*year < year_min || *year > year_max) return wrong(in_quotes(text) + " is not of our time");
        return base::WallTime(std::chrono::sys_days(date));
    };
    return {"a day, as 2027-03-01", read, {}, true};
}

ValueType<std::filesystem::path> absolute_path() {
    const auto read = [](const std::string& text) -> base::Result<std::filesystem::path> {
        if (text.find('\n') != std::string::npos || text.size() > path_bytes_max)
            return wrong("this is not a path");
        if (!text.starts_with('/')) return wrong(in_quotes(text) + " does not begin with a slash");
        return std::filesystem::path(text);
    };
    return {"an absolute path", read, [](const std::filesystem::path& path) { return path.string(); }, true};
}

ValueType<std::string> host_name() {
    const auto read = [](const std::string& text) -> base::Result<std::string> {
        if (!is_host_name(text) && !route::IpAddress::parse(text))
            return wrong(in_quotes(text) + " is not a host name");
        return text;
    };
    return {"a host name (letters, digits, dots, hyphens) or an IP address", read, show_text, true};
}

ValueType<std::string> mail_address() {
    const auto read = [](const std::string& text) -> base::Result<std::string> {
        const auto good = mail::check_address(text, mail::Utf8::refused);
        if (!good) return wrong(in_quotes(text) + " is not a mail address");
        if (mail::domain_of(text).empty()) return wrong(in_quotes(text) + " has no domain");
        return text;
    };
    return {"a mail address, as alerts@contoso.com", read, show_text, true};
}

ValueType<delivery::BounceTarget> bounce_target() {
    using Target = delivery::BounceTarget;
    const auto read = [](const std::string& text) -> base::Result<Target> {
        if (text == "postmaster") return Target{.kind = Target::Kind::postmaster};
        if (text == "sender") return Target{.kind = Target::Kind::sender};
        if (text == "none") return Target{.kind = Target::Kind::none};
        auto address = mail_address().read(text);
        if (!address)
            return wrong(in_quotes(text) + " is none of postmaster, sender and none, and no mail address");
        return Target{.kind = Target::Kind::address, .address = *std::move(address)};
    };
    const auto show = [](const Target& target) -> std::string {
        switch (target.kind) {
            case Target::Kind::postmaster:
                return "postmaster";
            case Target::Kind::sender:
                return "sender";
            case Target::Kind::address:
                return target.address;
            case Target::Kind::none:
                return "none";
        }
        return {};
    };
    return {"postmaster, sender, none or a mail address", read, show, true, ""};
}

ValueType<std::string> address_pattern() {
    const auto read = [](const std::string& text) -> base::Result<std::string> {
        const bool shaped = text == "<>" || text == "*" || text.find('@') != std::string::npos;
        const bool clean =
            base::is_ascii(text) && std::ranges::all_of(text, [](char c) { return c > ' ' && c != 0x7F; });
        if (!shaped || !clean || text.size() > mail::address_bytes_max)
            return wrong(in_quotes(text) + " is not an address pattern");
        if (text.starts_with('@') || text.ends_with('@'))
            return wrong(in_quotes(text) + " fits no address; a star stands for anything");
        if (text.size() > 2 && text.starts_with('<'))
            return wrong(in_quotes(text) + " fits no address; leave the angle brackets out");
        return text;
    };
    return {"an address, in which * stands for anything, as \"*@contoso.com\"; or \"<>\" for the null sender",
            read, show_text, true};
}

ValueType<std::string> domain_pattern() {
    const auto read = [](const std::string& text) -> base::Result<std::string> {
        const std::string_view all = text;
        const std::string_view domain = all.starts_with("*.") ? all.substr(2) : all;
        if (!is_host_name(domain)) return wrong(in_quotes(text) + " is not a domain");
        return text;
    };
    return {"a domain, as contoso.com, or \"*.contoso.com\" for those below it", read, show_text, true};
}

ValueType<std::string> mail_domain() {
    const auto read = [](const std::string& text) -> base::Result<std::string> {
        if (!is_host_name(text) || route::IpAddress::parse(text))
            return wrong(in_quotes(text) + " is not a domain");
        return text;
    };
    return {"a domain, as contoso.com", read, show_text, true};
}

ValueType<std::string> alias_name() {
    const auto read = [](const std::string& text) -> base::Result<std::string> {
        if (text != route::any_name && !route::is_alias_name(text))
            return wrong(in_quotes(text) + " is not the name of an alias");
        return text;
    };
    return {"a name without a domain, as root, or \"*\" for every name that has no alias", read, show_text,
            true};
}

ValueType<std::string> alias_target() {
    const auto read = [](const std::string& text) -> base::Result<std::string> {
        if (const std::string_view other = route::what_is_not_done(text); !other.empty())
            return wrong(in_quotes(text) + " is " + std::string(other) + ", which mailramp does not do");
        const bool address = mail::check_address(text, mail::Utf8::refused) && !mail::domain_of(text).empty();
        if (!address && !route::is_alias_name(text))
            return wrong(in_quotes(text) + " is neither a mail address nor the name of an alias");
        return text;
    };
    return {"a mail address, as ops@contoso.com, or the name of another alias", read, show_text, true};
}

bool is_guid(std::string_view text) {
    constexpr std::string_view shape = "00000000-0000-0000-0000-000000000000";
    if (text.size() != shape.size()) return false;
    for (std::size_t i = 0; i < shape.size(); ++i) {
        const bool hex = (text[i] >= '0' && text[i] <= '9') || (text[i] >= 'a' && text[i] <= 'f') ||
                         (text[i] >= 'A' && text[i] <= 'F');
        if (shape[i] == '-' ? text[i] != '-' : !hex) return false;
    }
    return true;
}

ValueType<std::string> tenant() {
    const auto read = [](const std::string& text) -> base::Result<std::string> {
        for (const std::string_view shared : {"common", "organizations", "consumers"})
            if (base::equals_ignoring_case(text, shared))
                return wrong(in_quotes(text) +
                             " stands for no single tenant, and an application has its token from one");
        const bool domain = is_host_name(text) && text.find('.') != std::string::npos;
        // Not repeated: it may be a secret in the wrong place.
        if (!is_guid(text) && !domain) return wrong("this is neither a GUID nor a domain");
        return text;
    };
    return {"the Directory (tenant) ID, as 11111111-2222-3333-4444-555555555555, or a domain of the tenant",
            read, show_text, true};
}

ValueType<std::string> client_id() {
    const auto read = [](const std::string& text) -> base::Result<std::string> {
        // Not repeated: it may be a secret in the wrong place.
        if (text.empty() || text.size() > name_bytes_max || !is_made_of(text, "-_."))
            return wrong("this is no application id (its text is not shown, for it may be a secret)");
        return text;
    };
    return {"the Application (client) ID, as aaaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee", read, show_text, true};
}

ValueType<std::string> https_authority() {
    const auto read = [](const std::string& text) -> base::Result<std::string> {
        const auto url = split_url(text);
        if (!url || !is_url_host(url->authority)) return wrong(in_quotes(text) + " is not a URL");
        if (url->scheme != "https")
            return wrong(in_quotes(text) + " is not https: a secret would travel in the open");
        if (!url->rest.empty() && url->rest != "/")
            return wrong(in_quotes(text) + " has a path; the tenant is added to the host alone");
        return text;
    };
    return {"an https URL without a path, as https://login.microsoftonline.com", read, show_text, true};
}

ValueType<std::string> http_proxy() {
    const auto read = [](const std::string& text) -> base::Result<std::string> {
        if (text.empty()) return text;
        const auto url = split_url(text);
        if (!url || url->scheme != "http" || !is_url_host(url->authority) ||
            (!url->rest.empty() && url->rest != "/"))
            // Not repeated: people put passwords into proxy URLs.
            return wrong(
                "this is not the URL of a proxy (its text is not shown, for it may hold a password)");
        return text;
    };
    return {"a proxy, as http://proxy.contoso.com:3128, without user name and password", read, show_text,
            true};
}

ValueType<std::string> scope() {
    const auto read = [](const std::string& text) -> base::Result<std::string> {
        const bool clean = std::ranges::all_of(text, [](char c) { return c > ' ' && c < 0x7F; });
        if (text.empty() || !clean || text.size() > url_bytes_max)
            return wrong(in_quotes(text) + " is not one scope");
        return text;
    };
    return {"one scope, as https://outlook.office365.com/.default", read, show_text, true};
}

ValueType<std::string> command_word() {
    const auto read = [](const std::string& text) -> base::Result<std::string> {
        if (text.find('\0') != std::string::npos || text.size() > path_bytes_max)
            return wrong("this is not a word of a command");
        return text;
    };
    return {"a text", read, show_text, true};
}

ValueType<std::string> name() {
    const auto read = [](const std::string& text) -> base::Result<std::string> {
        if (text.empty() || text.size() > name_bytes_max || !is_made_of(text, "-_.@"))
            return wrong(in_quotes(text) + " is not a name");
        return text;
    };
    return {
        "a name of letters, digits and - _ . @, at most " + std::to_string(name_bytes_max) + " characters",
        read, show_text, true};
}

ValueType<std::string> group_name() {
    const auto read = [](const std::string& text) -> base::Result<std::string> {
        if (text.size() > name_bytes_max || !is_made_of(text, "-_."))
            return wrong(in_quotes(text) + " is not the name of a group");
        return text;
    };
    return {"the name of a group of this machine", read, show_text, true};
}

std::string show_endpoint(const io::Endpoint& endpoint) {
    const bool ipv6 = endpoint.address.find(':') != std::string::npos;
    return (ipv6 ? "[" + endpoint.address + "]" : endpoint.address) + ":" + std::to_string(endpoint.port);
}

ValueType<io::Endpoint> endpoint() {
    return {"an IP address and a port, as 127.0.0.1:25 or \"[::1]:25\"", read_endpoint, show_endpoint, true};
}

ValueType<std::string> listener_name() {
    const auto read = [](const std::string& text) -> base::Result<std::string> {
        const auto address = read_endpoint(text);
        if (!address) return std::unexpected(address.error());
        return show_endpoint(*address);
    };
    return {"an address and port of `listen`, as 127.0.0.1:25", read, show_text, true};
}

ValueType<route::Cidr> address_block() {
    const auto read = [](const std::string& text) { return route::Cidr::parse(text); };
    return {"an IP address or a block of them, as 10.0.0.0/8 or \"2001:db8::/32\"", read,
            [](const route::Cidr& block) { return block.text(); }, true};
}

}  // namespace mailramp::config
