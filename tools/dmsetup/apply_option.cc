// SPDX-License-Identifier: Apache-2.0
#include "tools/dmsetup/apply_option.h"

#include <cerrno>
#include <cstdlib>
#include <optional>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "base/errno_status.h"
#include "tools/dmsetup/option_names.h"

namespace dmdax {
namespace {

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

// Options with a number, read as atoi() does.
struct NumberOption {
  int option;
  std::optional<int> DmsetupOptions::*member;
};

constexpr NumberOption kNumberOptions[] = {
    {'j', &DmsetupOptions::major},
    {'m', &DmsetupOptions::minor},
    {'U', &DmsetupOptions::uid},
    {'G', &DmsetupOptions::gid},
};

// Options that are checked while they are read.  Appends dmsetup's message
// and returns false when the argument will not do.
bool ApplyChecked(int c, const char* arg, DmsetupOptions& o, std::string* err) {
  switch (c) {
    case kUdevCookie:
      o.udev_cookie = CookieValue(arg, err).value_or(0);
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

}  // namespace

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
  for (const NumberOption& n : kNumberOptions) {
    if (n.option == c) {
      o.*n.member = atoi(arg);
      return true;
    }
  }
  return ApplyChecked(c, arg, o, err);
}

}  // namespace dmdax
