// Runs a fuzz entry where there is no libFuzzer: every seed as it is, then mutations of them, the same ones
// in every run.
//
//     fuzz_NAME MUTATIONS CURRENT PATH...
//
// A PATH is a seed or a folder of seeds. The input under test stands in the file CURRENT, so that it is there
// however the process ends; a run that ends well removes it. `fuzz_NAME 0 /dev/null CURRENT` tries it again.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <random>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <fcntl.h>
#include <unistd.h>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

namespace {

namespace fs = std::filesystem;
using std::string_view_literals::operator""sv;

constexpr std::size_t input_bytes_max = 2048;    // of a mutation; a seed may be longer
constexpr std::size_t mutations_in_row_max = 6;  // of one input
constexpr std::size_t repeats_max = 64;          // of one piece of an input
constexpr std::size_t kept_inputs_max = 256;     // mutations that are mutated again

// What parsers of mail, HTTP, JSON and YAML look at.
constexpr std::string_view telling_octets = "\0\r\n\t .-+:;,<>@\"\\%/?&=#{}[]()09azAZ\x01\x7F\x80\xC3\xFF"sv;

[[noreturn]] void end_with(const std::string& why) {
    std::fprintf(stderr, "%s\n", why.c_str());
    std::exit(EXIT_FAILURE);
}

class Mutator {
  public:
    explicit Mutator(std::vector<std::string> seeds) : inputs_(std::move(seeds)), seeds_(inputs_.size()) {}

    std::string next() {
        std::string input = any_input();
        // Mostly few: many at once break more than they try.
        for (std::size_t i = below(below(mutations_in_row_max) + 1) + 1; i > 0; --i)
            mutate(input);
        input.resize(std::min(input.size(), input_bytes_max));
        if (below(16) == 0) keep(input);
        return input;
    }

  private:
    // Not uniform_int_distribution, whose numbers are another library's own affair.
    std::size_t below(std::size_t bound) { return bound == 0 ? 0 : random_() % bound; }
    // A seed every other time: however many mutations are kept, what a human wrote leads further.
    const std::string& any_input() { return inputs_[below(below(2) == 0 ? seeds_ : inputs_.size())]; }
    char octet() {
        return below(2) == 0 ? telling_octets[below(telling_octets.size())] : static_cast<char>(below(256));
    }
    std::string_view any_piece(const std::string& text) {
        const std::size_t at = below(text.size() + 1);
        return std::string_view(text).substr(at, below(text.size() - at + 1));
    }

    void mutate(std::string& input) {
        const std::size_t at = below(input.size() + 1);
        switch (below(7)) {
            case 0:
                if (at < input.size()) input[at] = octet();
                break;
            case 1:
                if (at < input.size()) input[at] = static_cast<char>(input[at] ^ (1 << below(8)));
                break;
            case 2:
                input.insert(at, 1, octet());
                break;
            case 3:
                input.erase(at, 1 + below(16));
                break;
            case 4:
                input.resize(at);
                break;
            case 5:
                input.insert(at, std::string(any_piece(any_input())));
                break;
            case 6:
                repeat(input, at);
                break;
        }
    }

    // Where a limit is, something has to come often.
    void repeat(std::string& input, std::size_t at) {
        const std::string piece(any_piece(input));
        std::string many;
        for (std::size_t i = below(repeats_max) + 1; i > 0 && many.size() < input_bytes_max; --i)
            many += piece;
        input.insert(at, many);
    }

    void keep(const std::string& input) {
        if (inputs_.size() < seeds_ + kept_inputs_max)
            inputs_.push_back(input);
        else
            inputs_[seeds_ + below(kept_inputs_max)] = input;
    }

    std::vector<std::string> inputs_;  // the seeds, then some mutations
    std::size_t seeds_;
    std::mt19937_64 random_{1};
};

std::string read_file(const fs::path& path) {
    std::ifstream file(path, std::ios::binary);
    if (!file) end_with("cannot read " + path.string());
    return {std::istreambuf_iterator<char>(file), {}};
}

std::vector<std::string> read_seeds(const std::vector<fs::path>& paths) {
    std::vector<fs::path> files;
    for (const fs::path& path : paths) {
        if (!fs::is_directory(path)) {
            files.push_back(path);
            continue;
        }
        for (const fs::directory_entry& entry : fs::recursive_directory_iterator(path))
            if (entry.is_regular_file()) files.push_back(entry.path());
    }
    std::ranges::sort(files);
    std::vector<std::string> seeds;
    for (const fs::path& file : files)
        seeds.push_back(read_file(file));
    return seeds;
}

// The file that holds the input under test. What was written is there although the process aborts.
class CurrentInput {
  public:
    explicit CurrentInput(const fs::path& path)
        : file_(::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666)) {
        if (file_ < 0) end_with("cannot write " + path.string());
    }
    CurrentInput(const CurrentInput&) = delete;
    CurrentInput& operator=(const CurrentInput&) = delete;
    ~CurrentInput() { ::close(file_); }

    void try_input(const std::string& input) const {
        const bool cut = ::ftruncate(file_, 0) == 0;  // no device can be cut
        const bool kept =
            ::pwrite(file_, input.data(), input.size(), 0) == static_cast<ssize_t>(input.size());
        if (cut && !kept) end_with("cannot keep the input under test");
        // A copy of its own, so that reading past its end is noticed.
        const std::vector<std::uint8_t> exact(input.begin(), input.end());
        LLVMFuzzerTestOneInput(exact.data(), exact.size());
    }

  private:
    int file_;
};

}  // namespace

int main(int argc, char** argv) {
    if (argc < 4) end_with("usage: fuzz_NAME MUTATIONS CURRENT PATH...");
    const unsigned long mutations = std::strtoul(argv[1], nullptr, 10);
    const fs::path path = argv[2];
    const std::vector<std::string> seeds = read_seeds({argv + 3, argv + argc});
    if (seeds.empty()) end_with("no seeds");

    std::printf("If this ends badly, the input is in %s\n", path.c_str());
    std::fflush(stdout);
    const CurrentInput current(path);
    for (const std::string& seed : seeds)
        current.try_input(seed);
    Mutator mutator(seeds);
    for (unsigned long i = 0; i < mutations; ++i)
        current.try_input(mutator.next());
    if (fs::is_regular_file(path)) fs::remove(path);
    std::printf("%zu seeds and %lu mutations: nothing found\n", seeds.size(), mutations);
    return EXIT_SUCCESS;
}
