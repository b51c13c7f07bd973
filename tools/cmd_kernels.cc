// SPDX-License-Identifier: Apache-2.0
//
// dmdax kernels: which kernels answer, what each stands on, and what --kernel
// takes besides.
#include <iostream>

#include "absl/strings/str_format.h"
#include "base/kernel_alias.h"
#include "nlohmann/json.hpp"
#include "tools/app.h"

namespace dmdax {
namespace {

const char* ArchOf(const KernelProfile& profile) {
  return profile.fault.format == PageTableFormat::kX86_64 ? "x86_64" : "arm64";
}

void PrintText() {
  const char* kRow = "%-11s %-10s %-30s %s\n";
  std::cout << absl::StreamFormat(kRow, "KERNEL", "STANDS FOR", "RECORDED",
                                  "ONLY READ FROM SOURCE");
  for (const KernelProfile& profile : AllKernelProfiles()) {
    std::cout << absl::StreamFormat(
        kRow, profile.name, profile.stands_for,
        profile.recorded.empty() ? "-" : profile.recorded, profile.from_source);
  }
  std::cout << "\nThe default is " << DefaultKernelProfile().name
            << ". Of a release that is not here, the newest that is no newer\n"
               "answers: --kernel 5.14 or 5.14.0-427.el9.x86_64. Distributions "
               "go by name:\n\n";
  for (const KernelAlias& alias : KernelAliases()) {
    const KernelAnswer answer = AnswerForAlias(alias);
    std::cout << absl::StreamFormat(
        "%-11s %-10s %s\n", alias.name, alias.release.ToString(),
        answer.profile->name + (answer.note.empty() ? "" : ", the nearest"));
  }
}

void PrintAsJson(App& app) {
  nlohmann::ordered_json kernels = nlohmann::ordered_json::array();
  for (const KernelProfile& profile : AllKernelProfiles()) {
    kernels.push_back({{"name", profile.name},
                       {"release", profile.release.ToString()},
                       {"stands_for", profile.stands_for},
                       {"arch", ArchOf(profile)},
                       {"page_size", profile.fault.page_size()},
                       {"recorded", profile.recorded},
                       {"from_source", profile.from_source}});
  }
  nlohmann::ordered_json names = nlohmann::ordered_json::array();
  for (const KernelAlias& alias : KernelAliases()) {
    const KernelAnswer answer = AnswerForAlias(alias);
    names.push_back({{"name", std::string(alias.name)},
                     {"release", alias.release.ToString()},
                     {"kernel", answer.profile->name},
                     {"nearest", !answer.note.empty()}});
  }
  app.Answer("kernels", {{"default", DefaultKernelProfile().name},
                         {"kernels", kernels},
                         {"names", names}});
}

}  // namespace

void RegisterKernels(CLI::App& cli, App& app) {
  cli.add_subcommand("kernels",
                     "List the kernels there are, what each stands on, and the "
                     "names --kernel takes.")
      ->callback([&app] { app.json ? PrintAsJson(app) : PrintText(); });
}

}  // namespace dmdax
