// SPDX-License-Identifier: Apache-2.0
#include "tools/dmsetup/options.h"

#include <getopt.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "base/errno_status.h"

namespace dmdax {
namespace {

// Long options get numbers above any character.
enum LongOption : int {
  kChecks = 256,
  kConcise,
  kCount,
  kDeferred,
  kExec,
  kInactive,
  kInterval,
  kMangle,
  kNamePrefixes,
  kNoFlush,
  kNoHeadings,
  kNoLockFs,
  kNoOpenCount,
  kNoUdevRules,
  kNoUdevSync,
  kReadAhead,
  kRetry,
  kRows,
  kSeparator,
  kSetUuid,
  kShowKeys,
  kTable,
  kTarget,
  kTree,
  kUdevCookie,
  kUnbuffered,
  kUnits,
  kUnquoted,
  kVerifyUdev,
  kVersion,
  kAddOnResume,
  kAddOnCreate,
  kStats,
  kStatsArg,
  kReportFormat,
};

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

// Switches without an argument: which member they set.
struct Switch {
  int option;
  bool DmsetupOptions::*member;
};

constexpr Switch kSwitches[] = {
    {'r', &DmsetupOptions::readonly},
    {kChecks, &DmsetupOptions::checks},
    {'c', &DmsetupOptions::columns},
    {'C', &DmsetupOptions::columns},
    {kConcise, &DmsetupOptions::concise},
    {kDeferred, &DmsetupOptions::deferred},
    {'f', &DmsetupOptions::force},
    {'h', &DmsetupOptions::help},
    {kInactive, &DmsetupOptions::inactive},
    {kNamePrefixes, &DmsetupOptions::nameprefixes},
    {kNoFlush, &DmsetupOptions::noflush},
    {kNoHeadings, &DmsetupOptions::noheadings},
    {kNoLockFs, &DmsetupOptions::nolockfs},
    {kNoOpenCount, &DmsetupOptions::noopencount},
    {'n', &DmsetupOptions::notable},
    {kNoUdevRules, &DmsetupOptions::noudevrules},
    {kNoUdevSync, &DmsetupOptions::noudevsync},
    {kRetry, &DmsetupOptions::retry},
    {kRows, &DmsetupOptions::rows},
    {kSetUuid, &DmsetupOptions::setuuid},
    {kShowKeys, &DmsetupOptions::showkeys},
    {kTree, &DmsetupOptions::tree},
    {kUnquoted, &DmsetupOptions::unquoted},
    {kVerifyUdev, &DmsetupOptions::verifyudev},
    {kVersion, &DmsetupOptions::version},
    {'y', &DmsetupOptions::yes},
    {kAddOnResume, &DmsetupOptions::addnodeonresume},
    {kAddOnCreate, &DmsetupOptions::addnodeoncreate},
};

// Options with a text argument.
struct TextOption {
  int option;
  std::optional<std::string> DmsetupOptions::*member;
};

constexpr TextOption kTextOptions[] = {
    {'u', &DmsetupOptions::uuid},
    {kTable, &DmsetupOptions::table},
    {kTarget, &DmsetupOptions::target},
    {kExec, &DmsetupOptions::exec},
    {'o', &DmsetupOptions::options},
    {kSeparator, &DmsetupOptions::separator},
    {'O', &DmsetupOptions::sort},
    {'S', &DmsetupOptions::select},
    {kUnits, &DmsetupOptions::units},
    {kReportFormat, &DmsetupOptions::report_format},
};

bool ParseMangling(absl::string_view word, MangleMode& mode) {
  if (absl::EqualsIgnoreCase(word, "none")) {
    mode = MangleMode::kNone;
  } else if (absl::EqualsIgnoreCase(word, "auto")) {
    mode = MangleMode::kAuto;
  } else if (absl::EqualsIgnoreCase(word, "hex")) {
    mode = MangleMode::kHex;
  } else {
    return false;
  }
  return true;
}

// Options that are checked while they are read.  Appends dmsetup's message
// and returns false when the argument will not do.
bool ApplyChecked(int c, const char* arg, DmsetupOptions& o, std::string* err) {
  switch (c) {
    case 'j':
      o.major = atoi(arg);
      return true;
    case 'm':
      o.minor = atoi(arg);
      return true;
    case kUdevCookie:
      o.udev_cookie = CookieValue(arg, err).value_or(0);
      return true;
    case 'U':
      o.uid = atoi(arg);
      return true;
    case 'G':
      o.gid = atoi(arg);
      return true;
    case kReadAhead: {
      constexpr int kAuto = -1;
      // "none" is 0 to atoi() as well.
      const int value = absl::EqualsIgnoreCase(arg, "auto") ? kAuto : atoi(arg);
      o.read_ahead = value;
      o.read_ahead_minimum |=
          absl::StartsWith(absl::StripLeadingAsciiWhitespace(arg), "+");
      if (value >= kAuto) return true;
      absl::StrAppend(err, "Negative read ahead value (", value,
                      ") is not understood.\n");
      return false;
    }
    case kCount:
      o.count = atoi(arg);
      if (*o.count >= 0) return true;
      absl::StrAppend(err, "Count must be zero or greater.\n");
      return false;
    case kInterval:
      o.interval = atoi(arg);
      if (*o.interval > 0) return true;
      absl::StrAppend(err, "Interval must be a positive integer.\n");
      return false;
    case kMangle:
      if (!ParseMangling(arg, o.mangle)) {
        absl::StrAppend(err, "Unknown name mangling mode.\n");
        return false;
      }
      o.mangle_given = o.mangle;
      return true;
    case 'M': {
      char* end = nullptr;
      errno = 0;
      const long mode = strtol(arg, &end, 8);
      o.mode = static_cast<int>(mode);
      if (errno == 0 && *end == '\0' && *o.mode != 0) return true;
      absl::StrAppend(err, "Invalid argument for --mode: ", arg, ". ",
                      errno ? ErrnoText(errno) : "", "\n");
      return false;
    }
    default:
      return true;
  }
}

bool Apply(int c, const char* arg, DmsetupOptions& o, std::string* err) {
  if (c == 'v') {
    ++o.verbose;
    return true;
  }
  for (const Switch& s : kSwitches) {
    if (s.option == c) {
      o.*s.member = true;
      return true;
    }
  }
  for (const TextOption& t : kTextOptions) {
    if (t.option == c) {
      o.*t.member = arg;
      return true;
    }
  }
  return ApplyChecked(c, arg, o, err);
}

// What getopt_long would have printed about the option it stumbled over.
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

// Takes the command off the words; `dmstats` is called so.
void SplitCommand(DmsetupOptions& o) {
  const bool dmstats = o.program == "dmstats";
  if (dmstats) o.usage_name = o.program;
  if (o.args.empty()) return;
  if (dmstats && o.args[0] != "stats") {
    o.command = "stats";
    return;
  }
  o.command = o.args[0];
  o.args.erase(o.args.begin());
  if (o.command == "stats") o.usage_name = "dmsetup stats";
}

}  // namespace

std::optional<uint32_t> CookieValue(const std::string& text, std::string* err) {
  char* end = nullptr;
  errno = 0;
  const unsigned long value = strtoul(text.c_str(), &end, 0);
  if (errno != 0 || value == 0 || *end != '\0' || value > UINT32_MAX) {
    absl::StrAppend(err, "Incorrect cookie value.\n");
    return std::nullopt;
  }
  return static_cast<uint32_t>(value);
}

bool CheckDmsetupOptions(const DmsetupOptions& o, std::string* err) {
  if (o.major.has_value() != o.minor.has_value()) {
    absl::StrAppend(err,
                    "Please specify both major number and minor number.\n");
    return false;
  }
  if (o.table && o.notable) {
    absl::StrAppend(err, "--table and --notable are incompatible.\n");
    return false;
  }
  if (o.report_format && *o.report_format != "basic" &&
      *o.report_format != "json" && *o.report_format != "json_std") {
    absl::StrAppend(err, "Unknown report format specified: ", *o.report_format,
                    ".\n");
    return false;
  }
  if (o.addnodeonresume && o.addnodeoncreate) {
    absl::StrAppend(
        err, "--addnodeonresume and --addnodeoncreate are incompatible.\n");
    return false;
  }
  return true;
}

bool ParseDmsetupOptions(absl::Span<const std::string> argv, DmsetupOptions& o,
                         std::string* err) {
  if (const char* mode = getenv("DM_DEFAULT_NAME_MANGLING_MODE")) {
    ParseMangling(mode, o.mangle);  // what it does not know is no error
  }
  std::vector<char*> raw;
  for (const std::string& word : argv) {
    raw.push_back(const_cast<char*>(word.c_str()));
  }
  raw.push_back(nullptr);
  optind = 0;  // glibc: start afresh
  opterr = 0;  // we print, so that the caller has it
  const int argc = static_cast<int>(argv.size());
  std::vector<option> long_options(std::begin(kLongOptions),
                                   std::end(kLongOptions));
  // lvm's; dmsetup itself does not know it.
  if (!absl::EndsWith(argv[0], "dmsetup")) {
    long_options.insert(long_options.begin(),
                        {"reportformat", 1, nullptr, kReportFormat});
  }
  while (true) {
    int index = 0;
    const int c = getopt_long(argc, raw.data(), "cCfG:hj:m:M:no:O:rS:u:U:vy",
                              long_options.data(), &index);
    if (c == -1) break;
    if (c == '?') {
      // getopt has permuted raw: find its word in there.
      std::vector<std::string> permuted(raw.begin(), raw.end() - 1);
      absl::StrAppend(err, GetoptComplaint(permuted, std::max(optind - 1, 1)));
      return false;
    }
    if (c == kStats || c == kStatsArg) {
      ApplyStatsOption(long_options[static_cast<size_t>(index)].name, optarg,
                       o.stats);
    } else if (!Apply(c, optarg, o, err)) {
      return false;
    }
  }
  o.program = argv[0].substr(argv[0].rfind('/') + 1);
  for (int i = optind; i < argc; ++i) {
    o.args.push_back(raw[static_cast<size_t>(i)]);
  }
  SplitCommand(o);
  return true;
}

}  // namespace dmdax
