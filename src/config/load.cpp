#include "mailramp/config/load.h"

#include <array>
#include <cerrno>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "config/assemble.h"
#include "config/checks.h"
#include "config/document.h"
#include "config/environment.h"
#include "config/foreign_keys.h"
#include "config/report.h"
#include "config/tables.h"
#include "mailramp/base/text.h"

namespace mailramp::config {
namespace {

constexpr std::size_t host_name_bytes_max = 256;
constexpr std::size_t read_bytes = 16 * 1024;  // at a time

std::vector<ConfigError> about_the_file(std::string what, std::string allowed = {}) {
    return {{0, 0, "", std::move(what), std::move(allowed)}};
}

struct FileContent {
    std::string text;
    bool open_to_others = false;
};

std::expected<FileContent, base::Error> read_all(int file) {
    struct stat status{};
    if (::fstat(file, &status) != 0) return std::unexpected(base::system_error("stat", errno));
    if (!S_ISREG(status.st_mode)) return base::fail(base::ErrorKind::invalid, "it is not a regular file");
    FileContent content;
    content.open_to_others = (status.st_mode & (S_IRWXG | S_IRWXO)) != 0;
    std::array<char, read_bytes> buffer{};
    while (content.text.size() <= file_bytes_max) {
        const ssize_t got = ::read(file, buffer.data(), buffer.size());
        if (got < 0 && errno == EINTR) continue;
        if (got < 0) return std::unexpected(base::system_error("read", errno));
        if (got == 0) break;
        content.text.append(buffer.data(), static_cast<std::size_t>(got));
    }
    return content;
}

std::expected<FileContent, base::Error> read_file(const std::filesystem::path& path) {
    const int file = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    if (file < 0) {
        const int number = errno;
        base::Error error = base::system_error("it cannot be opened", number);
        if (number == ENOENT) error.kind = base::ErrorKind::not_found;
        return std::unexpected(std::move(error));
    }
    auto content = read_all(file);
    ::close(file);
    return content;
}

Surroundings this_machine() {
    std::array<char, host_name_bytes_max> name{};
    if (::gethostname(name.data(), name.size() - 1) != 0) return {};
    return {name.data()};
}

bool has_inline_secret(const Settings& settings) {
    for (const CredentialSettings& credential : settings.credentials)
        if (credential.client.secret.place == oauth::SecretPlace::configuration) return true;
    return false;
}

// What is to be checked, and what is known of it beside its text.
struct Content {
    Node root;
    Environment environment;
    bool open_to_others = false;  // the permissions of the file
};

LoadResult check_content(Content content, const Surroundings& surroundings, References references,
                         Problems& problems) {
    Node& root = content.root;
    std::vector<std::string> variables = lay_environment(root, content.environment, problems);
    File file;
    file.upstream = upstream_defaults(*file.short_form.preset);
    file.token = token_defaults(*file.short_form.preset);
    file_table().bind(file, root, {}, problems);

    std::vector<ConfigWarning> warnings;
    Report report(root, problems, warnings);
    Settings settings = assemble(std::move(file), root, surroundings, report);
    check_settings(settings, report);
    if (content.open_to_others && has_inline_secret(settings))
        report.error({}, "the file has a secret in it and is open to other users",
                     "chmod 600, or move the secret to a file of its own");
    if (content.open_to_others && settings.alert.webhook.place == oauth::SecretPlace::configuration)
        report.warn({"alert", "webhook"},
                    "other users may read this file, and whoever knows the URL can post there; chmod 600, or "
                    "move the URL to a file of its own");
    // What is wrong in the text comes first: it may be why a file is not found.
    if (references == References::check && problems.empty()) check_references(settings, report);
    if (!problems.empty()) return std::unexpected(problems.take());
    settings.warnings = std::move(warnings);
    settings.variables = std::move(variables);
    return settings;
}

LoadResult check_text(std::string_view text, Environment environment, const Surroundings& surroundings,
                      References references, bool open_to_others) {
    Problems problems;
    Content content{parse_document(text, problems), environment, open_to_others};
    if (content.root.kind != Node::Kind::map) {
        note_properties(text, problems);
        return std::unexpected(problems.take());
    }
    return check_content(std::move(content), surroundings, references, problems);
}

LoadResult check_environment(Environment environment, const Surroundings& surroundings,
                             References references) {
    Problems problems;
    Content content{Node{.kind = Node::Kind::map}, environment};
    LoadResult result = check_content(std::move(content), surroundings, references, problems);
    if (!result) speak_of_variables(result.error());
    return result;
}

}  // namespace

std::vector<std::string_view> process_environment() {
    std::vector<std::string_view> variables;
    for (char** entry = environ; entry != nullptr && *entry != nullptr; ++entry)
        if (const std::string_view variable = *entry; variable.starts_with(variable_prefix))
            variables.push_back(variable);
    return variables;
}

LoadResult load(const Source& source, References references) {
    auto content = read_file(source.file);
    if (!content) {
        const bool missing = content.error().kind == base::ErrorKind::not_found;
        if (missing && source.need == FileNeed::optional && gives_keys(source.environment))
            return check_environment(source.environment, this_machine(), references);
        return std::unexpected(about_the_file(content.error().message,
                                              "the path of a configuration file that this user may read"));
    }
    LoadResult result =
        check_text(content->text, source.environment, this_machine(), references, content->open_to_others);
    base::wipe(content->text);
    if (result) result->file = source.file;
    return result;
}

LoadResult load_text(std::string_view text, const Surroundings& surroundings, Environment environment) {
    return check_text(text, environment, surroundings, References::ignore, false);
}

LoadResult load_environment(Environment environment, const Surroundings& surroundings) {
    return check_environment(environment, surroundings, References::ignore);
}

}  // namespace mailramp::config
