#include "mailramp/io/port_owner.h"

#include <charconv>
#include <fstream>
#include <set>
#include <sstream>
#include <string_view>

#include "mailramp/base/text.h"

namespace mailramp::io {
namespace {

namespace fs = std::filesystem;

// Inodes of the sockets that listen on `port`: field 2 is local address:port in hexadecimal, field 4 the
// state (0A is LISTEN), field 10 the inode (proc(5)).
void add_listening_inodes(const fs::path& table, std::uint16_t port, std::set<std::string>& inodes) {
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
        unsigned found = 0;
        std::from_chars(local.data() + colon + 1, local.data() + local.size(), found, 16);
        if (found == port) inodes.insert(inode);
    }
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

std::optional<PortOwner> port_owner(std::uint16_t port, const fs::path& proc) {
    std::set<std::string> inodes;
    add_listening_inodes(proc / "net/tcp", port, inodes);
    add_listening_inodes(proc / "net/tcp6", port, inodes);
    if (inodes.empty()) return {};

    std::error_code error;
    for (fs::directory_iterator at(proc, error), end; !error && at != end; at.increment(error)) {
        const auto pid = base::parse_number(at->path().filename().string());
        if (!pid || !holds_one_of(at->path(), inodes)) continue;
        std::ifstream file(at->path() / "comm");
        std::string program;
        std::getline(file, program);
        return PortOwner{static_cast<int>(*pid), base::printable(program, 64)};
    }
    return {};
}

std::string port_in_use_advice(std::uint16_t port, const std::optional<PortOwner>& owner) {
    const std::string number = std::to_string(port);
    std::string advice;
    if (owner)
        advice = "port " + number + " is taken by " + owner->program + " (process " +
                 std::to_string(owner->pid) + ").";
    else
        advice = "port " + number + " is taken by another program; `ss -ltnp 'sport = :" + number +
                 "'` as root names it.";
    // exim4 and master (Postfix) are the usual owners of port 25 on Debian.
    const bool exim = owner && owner->program.starts_with("exim");
    const bool postfix = owner && owner->program == "master";
    advice += " Either stop it";
    if (exim) advice += " (systemctl disable --now exim4)";
    if (postfix) advice += " (systemctl disable --now postfix)";
    advice +=
        ", or let mailramp listen elsewhere (listen: [\"127.0.0.1:2525\"]) and point the programs there";
    if (exim || postfix)
        advice +=
            ", or keep it on port 25 and let it hand everything on (Postfix: relayhost = [127.0.0.1]:2525)";
    return advice + ".";
}

}  // namespace mailramp::io
