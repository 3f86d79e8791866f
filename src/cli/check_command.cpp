#include "cli/check_command.h"

#include <algorithm>
#include <cstddef>
#include <string_view>

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>

#include "cli/words.h"
#include "mailramp/app/hardening.h"
#include "mailramp/base/text.h"
#include "mailramp/base/version.h"

namespace mailramp::cli {
namespace {

namespace json = boost::json;

constexpr std::size_t title_columns = 14;
constexpr std::string_view detail_indent = "    ";
constexpr std::string_view deeper_indent = "             ";  // below the words behind "    Remedy:  "
constexpr std::string_view command_indent = "  ";
constexpr std::size_t finding_text_bytes_max = 4096;
constexpr std::string_view setup_document = "docs/setup-microsoft-365.md";

struct Mark {
    std::string_view sign;
    Tone tone;
};

Mark mark_of(check::Outcome outcome) {
    switch (outcome) {
        case check::Outcome::passed:
            return {"✓", Tone::good};
        case check::Outcome::failed:
            return {"✗", Tone::bad};
        case check::Outcome::skipped:
            return {"–", Tone::faint};
    }
    return {"?", Tone::plain};
}

std::string advice_line(std::string_view label, std::string_view text, const View& view) {
    const std::string first =
        std::string(detail_indent).append(padded(label, deeper_indent.size() - detail_indent.size()));
    return paragraph(first, deeper_indent, base::printable(text, finding_text_bytes_max), view.columns);
}

// A command is to be copied: it stays on its line, however long that is.
std::string advice_text(std::string_view label, const check::Advice& advice, const View& view) {
    if (advice.command.empty()) return advice_line(label, advice.words, view);
    return advice_line(label, advice.words + ":", view) + std::string(deeper_indent).append(command_indent) +
           base::printable(advice.command, finding_text_bytes_max) + "\n";
}

std::string setup_text(const check::SetupPlace& place) {
    std::string text = "\"" + std::string(place.heading) + "\"";
    if (!place.article.empty()) text += "; in the article " + std::string(place.article);
    return text;
}

json::array shown(const std::vector<std::string>& lines) {
    json::array out;
    for (const std::string& line : lines)
        out.emplace_back(base::printable(line, finding_text_bytes_max));
    return out;
}

json::array shown(const std::vector<check::Advice>& advices) {
    json::array out;
    for (const check::Advice& advice : advices)
        out.push_back(json::object{{"words", base::printable(advice.words, finding_text_bytes_max)},
                                   {"command", base::printable(advice.command, finding_text_bytes_max)}});
    return out;
}

json::object view_of(const check::Finding& finding) {
    json::object out;
    out["step"] = check::to_string(finding.step);
    out["outcome"] = check::to_string(finding.outcome);
    out["subject"] = base::printable(finding.subject, finding_text_bytes_max);
    out["text"] = base::printable(finding.text, finding_text_bytes_max);
    out["cause"] = base::printable(finding.cause, finding_text_bytes_max);
    out["remedy"] = shown(finding.remedy);
    out["setup"] = finding.setup.heading;
    out["article"] = finding.setup.article;
    out["notes"] = shown(finding.notes);
    return out;
}

std::size_t count(const std::vector<check::Finding>& findings, check::Outcome outcome) {
    return static_cast<std::size_t>(std::ranges::count(findings, outcome, &check::Finding::outcome));
}

std::string sum_text(const std::vector<check::Finding>& findings, const View& view) {
    const std::size_t failed = count(findings, check::Outcome::failed);
    const std::size_t skipped = count(findings, check::Outcome::skipped);
    std::string text = "\n";
    if (failed == 0)
        text += painted("Nothing is wrong", Tone::good, view.colour);
    else
        text += painted(counted(failed, "step") + " failed", Tone::bad, view.colour);
    text += skipped == 0 ? "." : ", " + std::to_string(skipped) + " not tested (–).";
    if (failed > 0)
        text += " What \"Set-up\" names is a section of " + std::string(setup_document) +
                ".\nEvery line is explained in docs/check.md.";
    return text + "\n";
}

ExitStatus status_of(check::Verdict verdict) {
    switch (verdict) {
        case check::Verdict::good:
            return ExitStatus::done;
        case check::Verdict::misconfigured:
            return ExitStatus::configuration;
        case check::Verdict::failed:
            return ExitStatus::unavailable;
    }
    return ExitStatus::software;
}

ExitStatus status_of(base::ErrorKind kind) {
    if (kind == base::ErrorKind::not_found) return ExitStatus::data;
    if (kind == base::ErrorKind::invalid) return ExitStatus::usage;
    return ExitStatus::software;
}

}  // namespace

std::string finding_text(const check::Finding& finding, const View& view) {
    const Mark mark = mark_of(finding.outcome);
    const std::string title(check::title_of(finding.step));
    std::string text = finding.subject.empty() ? std::string() : finding.subject + ": ";
    text += finding.text;
    // The sign counts as one column; its colour as none.
    const std::string indent(title_columns + 4, ' ');
    std::string out = paragraph(indent, indent, base::printable(text, finding_text_bytes_max), view.columns);
    const std::string plain_head = padded(title, title_columns) + "  ";
    out.replace(0, indent.size(), painted(mark.sign, mark.tone, view.colour) + " " + plain_head);
    for (const std::string& note : finding.notes)
        out += advice_line("Note:", note, view);
    if (finding.outcome != check::Outcome::failed) return out;
    out += advice_line("Cause:", finding.cause, view);
    std::string_view label = "Remedy:";
    for (const check::Advice& advice : finding.remedy) {
        out += advice_text(label, advice, view);
        label = "";
    }
    if (!finding.setup.heading.empty()) out += advice_line("Set-up:", setup_text(finding.setup), view);
    return out;
}

std::string findings_json(const std::string& config_file, const std::vector<check::Finding>& findings) {
    json::array all;
    for (const check::Finding& finding : findings)
        all.push_back(view_of(finding));
    const json::object whole{{"version", base::version()},
                             {"config", base::printable(config_file, finding_text_bytes_max)},
                             {"ok", count(findings, check::Outcome::failed) == 0},
                             {"failed", count(findings, check::Outcome::failed)},
                             {"skipped", count(findings, check::Outcome::skipped)},
                             {"findings", std::move(all)}};
    return json::serialize(whole) + "\n";
}

ExitStatus check_command(const Console& console, const check::Options& options) {
    // It will hold a secret and a token.
    if (auto hardened = app::harden_process(); !hardened)
        return complain(console, {ExitStatus::software, hardened.error().message});
    std::vector<check::Finding> findings;
    const check::Report report = [&console, &findings](const check::Finding& finding) {
        findings.push_back(finding);
        if (console.format == Format::text) console.out << finding_text(finding, console.view) << std::flush;
    };
    const base::Result<check::Verdict> verdict = check::run(options, report);
    if (!verdict) return complain(console, {status_of(verdict.error().kind), verdict.error().message});
    if (console.format == Format::json)
        console.out << findings_json(options.source.file.string(), findings);
    else
        console.out << sum_text(findings, console.view);
    return finished(console, status_of(*verdict));
}

}  // namespace mailramp::cli
