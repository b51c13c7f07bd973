// SPDX-License-Identifier: Apache-2.0
//
// dmdax why: what a reason means, how to see it on a real machine, and what
// to do about it.
#include <algorithm>
#include <cerrno>
#include <iostream>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "base/errno_status.h"
#include "base/nearest.h"
#include "tools/app.h"
#include "tools/reason_page.h"

namespace dmdax {
namespace {

// "run_chunk         a stripe's chunk ends inside ...": a line of the list.
std::string InOneLine(const ReasonPage& page) {
  constexpr size_t kColumns = 80, kNames = 22;
  std::string line = page.name;
  line.resize(std::max(kNames, line.size() + 2), ' ');
  line += page.why;
  if (line.size() > kColumns) {
    line.resize(line.rfind(' ', kColumns - 4));
    line += " ...";
  }
  return line;
}

void Why(App& app, const std::string& name) {
  std::vector<std::string> names;
  for (const ReasonPage& page : ReasonPages()) names.push_back(page.name);
  if (name.empty()) {
    if (app.json) return app.Answer("reasons", {{"reasons", names}});
    for (const ReasonPage& page : ReasonPages()) {
      std::cout << InOneLine(page) << "\n";
    }
    return;
  }
  if (const ReasonPage* const page = FindReasonPage(name)) {
    if (app.json) {
      return app.Answer("reason", {{"name", page->name},
                                   {"why", page->why},
                                   {"see", page->see},
                                   {"cure", page->cure}});
    }
    std::cout << page->name << "\n"
              << Wrapped("why:  ", page->why) << Wrapped("see:  ", page->see)
              << Wrapped("cure: ", page->cure);
    return;
  }
  app.Report(ErrnoError(
      ENOENT, absl::StrCat("no reason '", name.substr(0, 64), "'",
                           DidYouMean(absl::AsciiStrToLower(name), names),
                           "; dmdax why lists them")));
}

}  // namespace

void RegisterWhy(CLI::App& cli, App& app) {
  auto name = std::make_shared<std::string>();
  CLI::App* verb = cli.add_subcommand(
      "why",
      "What a reason means, such as run_chunk, which check, fault and sweep\n"
      "name: why the kernel does so, how to see it, and what to do");
  verb->add_option("NAME", *name, "A reason; without one all are listed");
  verb->callback([name, &app] { Why(app, *name); });
}

}  // namespace dmdax
