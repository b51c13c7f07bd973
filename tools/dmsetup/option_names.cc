// SPDX-License-Identifier: Apache-2.0
#include "tools/dmsetup/option_names.h"

#include <iterator>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"

namespace dmdax {
namespace {

const option kLongOptions[] = {
    // In dmsetup's order, which getopt shows.  --unbuffered is read, and not
    // looked at, by it too.  Those of dmstats are read by
    // ApplyStatsOption.
    {"readonly", 0, nullptr, 'r'},
    {"alias", 1, nullptr, kStatsArg},
    {"alldevices", 0, nullptr, kStats},
    {"allprograms", 0, nullptr, kStats},
    {"allregions", 0, nullptr, kStats},
    {"area", 0, nullptr, kStats},
    {"areas", 1, nullptr, kStatsArg},
    {"areasize", 1, nullptr, kStatsArg},
    {"bounds", 1, nullptr, kStatsArg},
    {"checks", 0, nullptr, kChecks},
    {"clear", 0, nullptr, kStats},
    {"columns", 0, nullptr, 'c'},
    {"concise", 0, nullptr, kConcise},
    {"count", 1, nullptr, kCount},
    {"deferred", 0, nullptr, kDeferred},
    {"select", 1, nullptr, 'S'},
    {"exec", 1, nullptr, kExec},
    {"filemap", 0, nullptr, kStats},
    {"follow", 1, nullptr, kStatsArg},
    {"force", 0, nullptr, 'f'},
    {"foreground", 0, nullptr, kStats},
    {"gid", 1, nullptr, 'G'},
    {"group", 0, nullptr, kStats},
    {"groupid", 1, nullptr, kStatsArg},
    {"help", 0, nullptr, 'h'},
    {"histogram", 0, nullptr, kStats},
    {"inactive", 0, nullptr, kInactive},
    {"interval", 1, nullptr, kInterval},
    {"length", 1, nullptr, kStatsArg},
    {"manglename", 1, nullptr, kMangle},
    {"major", 1, nullptr, 'j'},
    {"minor", 1, nullptr, 'm'},
    {"mode", 1, nullptr, 'M'},
    {"nameprefixes", 0, nullptr, kNamePrefixes},
    {"nogroup", 0, nullptr, kStats},
    {"noflush", 0, nullptr, kNoFlush},
    {"noheadings", 0, nullptr, kNoHeadings},
    {"nolockfs", 0, nullptr, kNoLockFs},
    {"noopencount", 0, nullptr, kNoOpenCount},
    {"nosuffix", 0, nullptr, kStats},
    {"notable", 0, nullptr, 'n'},
    {"notimesuffix", 0, nullptr, kStats},
    {"udevcookie", 1, nullptr, kUdevCookie},
    {"nomonitor", 0, nullptr, kStats},
    {"noudevrules", 0, nullptr, kNoUdevRules},
    {"noudevsync", 0, nullptr, kNoUdevSync},
    {"options", 1, nullptr, 'o'},
    {"precise", 0, nullptr, kStats},
    {"programid", 1, nullptr, kStatsArg},
    {"raw", 0, nullptr, kStats},
    {"readahead", 1, nullptr, kReadAhead},
    {"region", 0, nullptr, kStats},
    {"regions", 1, nullptr, kStatsArg},
    {"regionid", 1, nullptr, kStatsArg},
    {"relative", 0, nullptr, kStats},
    {"retry", 0, nullptr, kRetry},
    {"rows", 0, nullptr, kRows},
    {"segments", 0, nullptr, kStats},
    {"separator", 1, nullptr, kSeparator},
    {"setuuid", 0, nullptr, kSetUuid},
    {"showkeys", 0, nullptr, kShowKeys},
    {"sort", 1, nullptr, 'O'},
    {"start", 1, nullptr, kStatsArg},
    {"table", 1, nullptr, kTable},
    {"target", 1, nullptr, kTarget},
    {"tree", 0, nullptr, kTree},
    {"uid", 1, nullptr, 'U'},
    {"units", 1, nullptr, kUnits},
    {"uuid", 1, nullptr, 'u'},
    {"unbuffered", 0, nullptr, kUnbuffered},
    {"unquoted", 0, nullptr, kUnquoted},
    {"userdata", 1, nullptr, kStatsArg},
    {"verbose", 1, nullptr, 'v'},
    {"verifyudev", 0, nullptr, kVerifyUdev},
    {"version", 0, nullptr, kVersion},
    {"yes", 0, nullptr, 'y'},
    {"addnodeonresume", 0, nullptr, kAddOnResume},
    {"addnodeoncreate", 0, nullptr, kAddOnCreate},
    {nullptr, 0, nullptr, 0},
};

}  // namespace

std::vector<option> LongOptionsOf(const std::string& program) {
  std::vector<option> options(std::begin(kLongOptions), std::end(kLongOptions));
  // lvm's; dmsetup itself does not know it.
  if (!absl::EndsWith(program, "dmsetup")) {
    options.insert(options.begin(),
                   {"reportformat", 1, nullptr, kReportFormat});
  }
  return options;
}

std::string GetoptComplaint(absl::Span<const std::string> argv, int index) {
  const std::string& program = argv[0];
  const std::string& word = argv[static_cast<size_t>(index)];
  if (!absl::StartsWith(word, "--")) {
    const char c = static_cast<char>(optopt);
    const bool known =
        absl::StrContains("Gjmo:OSuUM", absl::string_view(&c, 1));
    return absl::StrCat(
        program,
        known ? ": option requires an argument -- '" : ": invalid option -- '",
        absl::string_view(&c, 1), "'\n");
  }
  const std::string name = word.substr(2, word.find('=') - 2);
  std::vector<std::string> matches;
  const option* exact = nullptr;
  for (const option* o = kLongOptions; o->name != nullptr; ++o) {
    if (!absl::StartsWith(o->name, name)) continue;
    matches.push_back(o->name);
    if (name == o->name || exact == nullptr) exact = o;
  }
  if (matches.empty()) {
    return absl::StrCat(program, ": unrecognized option '", word, "'\n");
  }
  if (matches.size() > 1 && name != exact->name) {
    std::string text = absl::StrCat(program, ": option '", word,
                                    "' is ambiguous;", " possibilities:");
    for (const std::string& m : matches) absl::StrAppend(&text, " '--", m, "'");
    return text + "\n";
  }
  return exact->has_arg ? absl::StrCat(program, ": option '--", exact->name,
                                       "' requires an argument\n")
                        : absl::StrCat(program, ": option '--", exact->name,
                                       "' doesn't allow an argument\n");
}

}  // namespace dmdax
