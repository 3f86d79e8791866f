// unit/check/matching.h: findings in a form that tests compare.
#pragma once

#include <string>

#include "mailramp/check/finding.h"

namespace mailramp::check::testing {

// The remedy, a line for the words and a line for the command of each advice.
inline std::string all_of(const Finding& finding) {
    std::string text;
    for (const Advice& advice : finding.remedy)
        text += advice.words + "\n" + (advice.command.empty() ? "" : advice.command + "\n");
    return text;
}

// Everything that a human reads.
inline std::string words(const Finding& finding) {
    return finding.text + "\n" + finding.cause + "\n" + all_of(finding);
}

}  // namespace mailramp::check::testing
