// SPDX-License-Identifier: Apache-2.0
//
// The command's own tables as JSON, from which reference.py writes the man
// pages and the completions: verbs by family with their options, the options
// of dmsetup, and the targets and kernels there are.
#include <iostream>
#include <set>
#include <string>
#include <vector>

#include "CLI/CLI.hpp"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "base/kernel_profile.h"
#include "dm/device_mapper.h"
#include "nlohmann/json.hpp"
#include "tools/app.h"
#include "tools/dmsetup/command.h"
#include "tools/dmsetup/option_table.h"

namespace dmdax {
namespace {

using Json = nlohmann::ordered_json;

Json OptionToJson(const CLI::Option& option) {
  Json names = Json::array();
  for (const std::string& name : option.get_snames())
    names.push_back("-" + name);
  for (const std::string& name : option.get_lnames()) {
    names.push_back("--" + name);
  }
  const bool flag = option.get_items_expected_max() == 0;
  // "FLOAT:SECONDS", "TEXT:{PTE,PMD,PUD}"
  return {{"names", names},
          {"word", option.get_positional() ? option.get_name(true) : ""},
          {"value", flag ? "" : option.get_type_name()},
          {"many", option.get_items_expected_max() > 1},
          {"required", option.get_required()},
          {"help", option.get_description()}};
}

Json VerbToJson(const CLI::App& verb) {
  Json options = Json::array(), verbs = Json::array();
  for (const CLI::Option* option : verb.get_options()) {
    options.push_back(OptionToJson(*option));
  }
  for (const CLI::App* sub :
       verb.get_subcommands([](const CLI::App*) { return true; })) {
    verbs.push_back(VerbToJson(*sub));
  }
  Json j = {{"name", verb.get_name()},
            {"help", verb.get_description()},
            {"options", options},
            {"verbs", verbs}};
  const DmsetupCommand* dmsetup = FindDmsetupCommand(verb.get_name());
  if (dmsetup != nullptr && verb.get_allow_extras()) {
    j["dmsetup"] = dmsetup->arguments;
  }
  return j;
}

Json DmsetupOptionsToJson() {
  Json options = Json::array();
  for (const option& o : LongOptionsOf("dmsetup")) {
    if (o.name == nullptr) continue;
    options.push_back({{"name", absl::StrCat("--", o.name)},
                       {"value", o.has_arg == required_argument}});
  }
  for (const char* c = kShortOptions; *c != '\0'; ++c) {
    if (*c == ':') continue;
    options.push_back({{"name", absl::StrCat("-", absl::string_view(c, 1))},
                       {"value", c[1] == ':'}});
  }
  return options;
}

Json TargetsToJson() {
  Json targets = Json::array();
  std::set<absl::string_view> seen;
  for (const KernelProfile& profile : AllKernelProfiles()) {
    for (const TargetType* type : KnownTargetTypes(profile)) {
      if (!seen.insert(type->name).second) continue;
      targets.push_back(
          {{"name", type->name},
           {"example", absl::StrCat("0 ", type->example.length, " ", type->name,
                                    type->example.params.empty() ? "" : " ",
                                    type->example.params)}});
    }
  }
  return targets;
}

Json Tables() {
  App app;
  CLI::App cli("", "dmdax");
  AddGlobalOptions(cli, app);
  cli.set_version_flag("--version");  // as main() does
  Json global = VerbToJson(cli)["options"];
  Json families = Json::array();
  size_t told = 0;
  RegisterVerbs(cli, app, [&] {
    const Json all = VerbToJson(cli)["verbs"];
    families.emplace_back(all.begin() + static_cast<ptrdiff_t>(told),
                          all.end());
    told = all.size();
  });
  Json kernels = Json::array();
  for (const KernelProfile& profile : AllKernelProfiles()) {
    kernels.push_back(profile.name);
  }
  return {{"global", global},
          {"families", families},
          {"dmsetup_options", DmsetupOptionsToJson()},
          {"targets", TargetsToJson()},
          {"kernels", kernels}};
}

}  // namespace
}  // namespace dmdax

int main() { std::cout << dmdax::Tables().dump(1) << "\n"; }
