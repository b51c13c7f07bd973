// SPDX-License-Identifier: Apache-2.0
//
// What `dmdax check` found, for people and for programs.
#ifndef DMDAX_TOOLS_CHECK_REPORT_H_
#define DMDAX_TOOLS_CHECK_REPORT_H_

#include <ostream>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "base/kernel_alias.h"
#include "nlohmann/json.hpp"
#include "tools/check/machine_check.h"

namespace dmdax {

// Kernels that say the same are told once.
void PrintSubject(std::ostream& out, const SubjectReport& report, Wish wish);
nlohmann::ordered_json SubjectToJson(const SubjectReport& report, Wish wish);

// Which release lies between which kernels, both of which were asked.
nlohmann::ordered_json BetweenToJson(const KernelAnswer& between);

nlohmann::ordered_json SharesToJson(const PageShares& shares);

// "2 MiB 62.5%, 4 KiB 37.5%": what there is, the largest pages first.
std::string SharesText(const PageShares& shares);

// What a cure that was tried comes to, or that nobody knows.
std::string AfterText(const Obstacle& obstacle);

// The list of what to type: what goes is named first, if anything does, and
// whoever pastes all lines stops where one fails.  A line with a # is a remark.
void PrintGoes(std::ostream& out, absl::string_view indent,
               const std::vector<std::string>& goes);
void PrintCommands(std::ostream& out, absl::string_view indent,
                   const std::vector<std::string>& commands);
std::string WishText(Wish wish);  // "2 MiB pages"

// "87.5%": never "100.0%" of less than all, nor "0.0%" of more than nothing.
std::string ShareText(uint64_t part, uint64_t total);

}  // namespace dmdax

#endif  // DMDAX_TOOLS_CHECK_REPORT_H_
