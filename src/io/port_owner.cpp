#include "mailramp/io/port_owner.h"

#include <array>
#include <charconv>
#include <cstddef>
#include <cstdio>
#include <cstring>
#include <fstream>
#include <set>
#include <sstream>
#include <string_view>
#include <utility>
#include <vector>

#include <netinet/in.h>

#include "io/net.h"
#include "mailramp/base/text.h"

namespace mailramp::io {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t owner_bytes_max = 64;
constexpr int service_manager = 1;  // systemd's process

// A socket that is listened on.
struct Listening {
    std::string address;  // in the hexadecimal of /proc
    unsigned port = 0;
    std::string inode;
};

// Field 2 is local address:port in hexadecimal, field 4 the state (0A is LISTEN), field 10 the inode
// (proc(5)).
std::vector<Listening> listening_sockets(const fs::path& table) {
    std::vector<Listening> found;
    std::ifstream file(table);
    std::string line;
    std::getline(file, line);
    while (std::getline(file, line)) {
        std::istringstream fields(line);
        std::string slot, local, remote, state, queues, timer, retransmits, uid, timeout, inode;
        fields >> slot >> local >> remote >> state >> queues >> timer >> retransmits >> uid >> timeout >>
            inode;
        const std::size_t colon = local.rfind(':');
        if (state != "0A" || colon == std::string::npos) continue;
        Listening socket{local.substr(0, colon), 0, std::move(inode)};
        std::from_chars(local.data() + colon + 1, local.data() + local.size(), socket.port, 16);
        found.push_back(std::move(socket));
    }
    return found;
}

// As the kernel writes an address there: each word of 32 bits as this machine reads it.
std::string in_hexadecimal(const SocketAddress& address) {
    std::array<unsigned char, sizeof(in6_addr)> octets{};
    const bool ipv6 = address.family() == AF_INET6;
    const std::size_t size = ipv6 ? sizeof(in6_addr) : sizeof(in_addr);
    const std::size_t offset = ipv6 ? offsetof(sockaddr_in6, sin6_addr) : offsetof(sockaddr_in, sin_addr);
    std::memcpy(octets.data(), reinterpret_cast<const unsigned char*>(&address.storage) + offset, size);
    std::string text;
    for (std::size_t at = 0; at < size; at += sizeof(std::uint32_t)) {
        std::uint32_t word = 0;
        std::memcpy(&word, octets.data() + at, sizeof word);
        std::array<char, 9> digits{};
        std::snprintf(digits.data(), digits.size(), "%08X", static_cast<unsigned>(word));
        text += digits.data();
    }
    return text;
}

bool is_every_address(const std::string& hexadecimal) {
    return hexadecimal.find_first_not_of('0') == std::string::npos;
}

// "0::/system.slice/exim4.service" (cgroups(7)): the unit whose process this is.
std::string unit_of(const fs::path& process) {
    std::ifstream file(process / "cgroup");
    std::string line;
    while (std::getline(file, line)) {
        constexpr std::string_view slice = "/system.slice/";
        constexpr std::string_view suffix = ".service";
        const std::size_t at = line.find(slice);
        if (at == std::string::npos) continue;
        const std::string unit = line.substr(at + slice.size());
        const std::size_t end = unit.find(suffix);
        if (end == std::string::npos) continue;
        return base::printable(unit.substr(0, end + suffix.size()), owner_bytes_max);
    }
    return {};
}

bool holds_one_of(const fs::path& process, const std::set<std::string>& inodes) {
    std::error_code error;
    std::error_code ended;  // processes end while their folders are read
    for (fs::directory_iterator at(process / "fd", error), end; !error && at != end; at.increment(error)) {
        const std::string target = fs::read_symlink(at->path(), ended).string();
        constexpr std::string_view prefix = "socket:[";
        if (ended || !target.starts_with(prefix) || !target.ends_with(']')) continue;
        if (inodes.contains(target.substr(prefix.size(), target.size() - prefix.size() - 1))) return true;
    }
    return false;
}

}  // namespace

bool is_taken(const Endpoint& endpoint, const fs::path& proc) {
    const auto wanted = socket_address(endpoint);
    if (!wanted) return false;
    const std::string address = in_hexadecimal(*wanted);
    const bool ipv6 = wanted->family() == AF_INET6;
    for (const char* table : {"net/tcp", "net/tcp6"}) {
        const bool same_family = ipv6 == (std::string_view(table) == "net/tcp6");
        for (const Listening& socket : listening_sockets(proc / table)) {
            if (socket.port != endpoint.port) continue;
            // [::] may take IPv4 as well; ours of every address meets all of its family.
            if (same_family && (socket.address == address || is_every_address(address))) return true;
            if (is_every_address(socket.address) && (same_family || !ipv6)) return true;
        }
    }
    return false;
}

std::optional<PortOwner> port_owner(std::uint16_t port, const fs::path& proc) {
    std::set<std::string> inodes;
    for (const char* table : {"net/tcp", "net/tcp6"})
        for (const Listening& socket : listening_sockets(proc / table))
            if (socket.port == port) inodes.insert(socket.inode);
    if (inodes.empty()) return {};

    std::optional<PortOwner> manager;
    std::error_code error;
    for (fs::directory_iterator at(proc, error), end; !error && at != end; at.increment(error)) {
        const auto pid = base::parse_number(at->path().filename().string());
        if (!pid || !holds_one_of(at->path(), inodes)) continue;
        std::ifstream file(at->path() / "comm");
        std::string program;
        std::getline(file, program);
        PortOwner owner{static_cast<int>(*pid), base::printable(program, owner_bytes_max),
                        unit_of(at->path())};
        if (owner.pid != service_manager) return owner;
        manager = std::move(owner);
    }
    return manager;
}

std::string port_in_use_advice(std::uint16_t port, const std::optional<PortOwner>& owner) {
    const std::string number = std::to_string(port);
    std::string advice;
    if (owner)
        advice = "port " + number + " is taken by " + owner->program + " (process " +
                 std::to_string(owner->pid) + (owner->unit.empty() ? "" : ", " + owner->unit) + ").";
    else
        advice = "port " + number + " is taken by another program; `ss -ltnp 'sport = :" + number +
                 "'` as root names it.";
    // exim4 and master (Postfix) are the usual owners of port 25 on Debian.
    const bool exim = owner && owner->program.starts_with("exim");
    const bool postfix = owner && owner->program == "master";
    advice += " Either stop it";
    if (owner && !owner->unit.empty())
        advice += " (systemctl disable --now " + owner->unit + ")";
    else if (exim)
        advice += " (systemctl disable --now exim4)";
    else if (postfix)
        advice += " (systemctl disable --now postfix)";
    advice +=
        ", or let mailramp listen elsewhere (listen: [\"127.0.0.1:2525\"]) and point the programs there";
    if (exim || postfix)
        advice +=
            ", or keep it on port 25 and let it hand everything on (Postfix: relayhost = [127.0.0.1]:2525)";
    return advice + ".";
}

}  // namespace mailramp::io
