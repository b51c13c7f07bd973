// SPDX-License-Identifier: Apache-2.0
#include "tools/dmsetup/option_table.h"

#include <cerrno>
#include <cstdlib>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "base/errno_status.h"

namespace dmdax {
namespace {

using O = DmsetupOptions;

bool ReadVerbose(const char*, O& o, std::string*) {
  ++o.verbose;
  return true;
}

bool ReadUdevCookie(const char* arg, O& o, std::string* err) {
  o.udev_cookie = CookieValue(arg, err).value_or(0);
  return true;
}

bool ReadReadAhead(const char* arg, O& o, std::string* err) {
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

bool ReadCount(const char* arg, O& o, std::string* err) {
  o.count = atoi(arg);
  if (*o.count >= 0) return true;
  absl::StrAppend(err, "Count must be zero or greater.\n");
  return false;
}

bool ReadInterval(const char* arg, O& o, std::string* err) {
  o.interval = atoi(arg);
  if (*o.interval > 0) return true;
  absl::StrAppend(err, "Interval must be a positive integer.\n");
  return false;
}

bool ReadMangling(const char* arg, O& o, std::string* err) {
  if (!ParseMangling(arg, o.mangle)) {
    absl::StrAppend(err, "Unknown name mangling mode.\n");
    return false;
  }
  o.mangle_given = o.mangle;
  return true;
}

// Nobody can be kept out of a node, but the mode has to be one.
bool ReadMode(const char* arg, O&, std::string* err) {
  char* end = nullptr;
  errno = 0;
  const int mode = static_cast<int>(strtol(arg, &end, 8));
  if (errno == 0 && *end == '\0' && mode != 0) return true;
  absl::StrAppend(err, "Invalid argument for --mode: ", arg, ". ",
                  errno ? ErrnoText(errno) : "", "\n");
  return false;
}

constexpr OptionRow::Ignored kIgnored = OptionRow::kIgnored;
constexpr OptionRow::Ignored kIgnoredWithArgument =
    OptionRow::kIgnoredWithArgument;

constexpr OptionRow kOptions[] = {
    // lvm's; dmsetup itself does not know it.
    {"reportformat", &O::report_format},
    {"readonly", &O::readonly, 'r'},
    {"alias", kIgnoredWithArgument},
    {"alldevices", kIgnored},
    {"allprograms", kIgnored},
    {"allregions", kIgnored},
    {"area", kIgnored},
    {"areas", kIgnoredWithArgument},
    {"areasize", kIgnoredWithArgument},
    {"bounds", kIgnoredWithArgument},
    {"checks", &O::checks},
    {"clear", kIgnored},
    {"columns", &O::columns, 'c'},
    {"concise", &O::concise},
    {"count", ReadCount},
    {"deferred", &O::deferred},
    {"select", &O::select, 'S'},
    {"exec", &O::exec},
    {"filemap", kIgnored},
    {"follow", kIgnoredWithArgument},
    {"force", &O::force, 'f'},
    {"foreground", kIgnored},
    {"gid", kIgnoredWithArgument, 'G'},
    {"group", kIgnored},
    {"groupid", kIgnoredWithArgument},
    {"help", &O::help, 'h'},
    {"histogram", kIgnored},
    {"inactive", &O::inactive},
    {"interval", ReadInterval},
    {"length", kIgnoredWithArgument},
    {"manglename", ReadMangling},
    {"major", &O::major, 'j'},
    {"minor", &O::minor, 'm'},
    {"mode", ReadMode, 'M'},
    {"nameprefixes", &O::nameprefixes},
    {"nogroup", kIgnored},
    {"noflush", &O::noflush},
    {"noheadings", &O::noheadings},
    {"nolockfs", &O::nolockfs},
    // The kernel tells it in any case.
    {"noopencount", kIgnored},
    {"nosuffix", kIgnored},
    {"notable", &O::notable, 'n'},
    {"notimesuffix", kIgnored},
    {"udevcookie", ReadUdevCookie},
    {"nomonitor", kIgnored},
    {"noudevrules", kIgnored},
    {"noudevsync", kIgnored},
    {"options", &O::options, 'o'},
    {"precise", kIgnored},
    {"programid", kIgnoredWithArgument},
    {"raw", kIgnored},
    {"readahead", ReadReadAhead},
    {"region", kIgnored},
    {"regions", kIgnoredWithArgument},
    {"regionid", kIgnoredWithArgument},
    {"relative", kIgnored},
    {"retry", &O::retry},
    {"rows", &O::rows},
    {"segments", kIgnored},
    {"separator", &O::separator},
    {"setuuid", &O::setuuid},
    {"showkeys", &O::showkeys},
    {"sort", &O::sort, 'O'},
    {"start", kIgnoredWithArgument},
    {"table", &O::table},
    {"target", &O::target},
    {"tree", &O::tree},
    {"uid", kIgnoredWithArgument, 'U'},
    {"units", &O::units},
    {"uuid", &O::uuid, 'u'},
    // dmsetup, too, reads it and looks no further.
    {"unbuffered", kIgnored},
    {"unquoted", &O::unquoted},
    {"userdata", kIgnoredWithArgument},
    // The long form has an argument, which nobody looks at.
    {"verbose", ReadVerbose, 'v'},
    {"verifyudev", kIgnored},
    {"version", &O::version},
    {"yes", &O::yes, 'y'},
    {"addnodeonresume", &O::addnodeonresume},
    {"addnodeoncreate", &O::addnodeoncreate},
};

// getopt's number of the long options begins above any letter.
constexpr int kFirstLong = 256;

int HasArgument(const OptionRow& row) {
  if (const auto* ignored = std::get_if<OptionRow::Ignored>(&row.target)) {
    return *ignored == kIgnoredWithArgument;
  }
  return !std::holds_alternative<bool O::*>(row.target);
}

const OptionRow* FindOption(int c) {
  if (c >= kFirstLong) return &kOptions[c - kFirstLong];
  const char letter = c == 'C' ? 'c' : static_cast<char>(c);
  for (const OptionRow& row : kOptions) {
    if (row.letter == letter) return &row;
  }
  return nullptr;
}

}  // namespace

absl::Span<const OptionRow> OptionTable() { return kOptions; }

std::vector<option> LongOptionsOf(const std::string& program) {
  std::vector<option> options;
  for (const OptionRow& row : kOptions) {
    const int number = kFirstLong + static_cast<int>(&row - kOptions);
    options.push_back({row.name, HasArgument(row), nullptr, number});
  }
  if (absl::EndsWith(program, "dmsetup")) options.erase(options.begin());
  options.push_back({});
  return options;
}

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

bool ApplyOption(int c, const char* arg, DmsetupOptions& o, std::string* err) {
  const OptionRow* row = FindOption(c);
  if (row == nullptr) return true;
  if (const auto* flag = std::get_if<bool O::*>(&row->target)) {
    o.*(*flag) = true;
  } else if (const auto* number =
                 std::get_if<std::optional<int> O::*>(&row->target)) {
    o.*(*number) = atoi(arg);
  } else if (const auto* text =
                 std::get_if<std::optional<std::string> O::*>(&row->target)) {
    o.*(*text) = arg;
  } else if (const auto* read = std::get_if<OptionRow::Read>(&row->target)) {
    return (*read)(arg, o, err);
  }
  return true;
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
  const OptionRow* exact = nullptr;
  for (const OptionRow& row : OptionTable().subspan(1)) {
    if (!absl::StartsWith(row.name, name)) continue;
    matches.push_back(row.name);
    if (name == row.name || exact == nullptr) exact = &row;
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
  return HasArgument(*exact)
             ? absl::StrCat(program, ": option '--", exact->name,
                            "' requires an argument\n")
             : absl::StrCat(program, ": option '--", exact->name,
                            "' doesn't allow an argument\n");
}

}  // namespace dmdax
