// SPDX-License-Identifier: Apache-2.0
#include "fs/fs_parser.h"

#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <cstdlib>
#include <iterator>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "fs/mount_words.h"

namespace dmdax {
namespace {

constexpr absl::string_view kVfsOptions[] = {
    "async",    "atime",      "auto",          "defaults", "dev",
    "diratime", "dirsync",    "exec",          "group",    "lazytime",
    "loop",     "loud",       "mand",          "noatime",  "noauto",
    "nodev",    "nodiratime", "noexec",        "nofail",   "nolazytime",
    "nomand",   "norelatime", "nostrictatime", "nosuid",   "nosymfollow",
    "nouser",   "owner",      "relatime",      "remount",  "ro",
    "rw",       "silent",     "strictatime",   "suid",     "sync",
    "user",     "users",      "_netdev",
};

// kstrtouint() and kstrtoint() with base 0: "0x10" and "010" are numbers.
bool IsNumber(absl::string_view text, FsParamType type) {
  const bool is_signed = type == FsParamType::kS32;
  const bool minus = is_signed && absl::ConsumePrefix(&text, "-");
  if (!minus) absl::ConsumePrefix(&text, "+");
  if (text.empty() ||
      !absl::ascii_isdigit(static_cast<unsigned char>(text[0]))) {
    return false;
  }
  const std::string digits(text);
  char* end = nullptr;
  errno = 0;
  const uint64_t n = strtoull(digits.c_str(), &end, 0);
  const uint64_t most = !is_signed ? 0xffffffff
                        : minus    ? 0x80000000
                                   : 0x7fffffff;
  return errno == 0 && *end == '\0' && n <= most;
}

bool IsGood(const FsParam& param, absl::string_view value) {
  switch (param.type) {
    case FsParamType::kFlag:
      return false;
    case FsParamType::kU32:
    case FsParamType::kId:
    case FsParamType::kS32:
      return IsNumber(value, param.type);
    case FsParamType::kString:
    case FsParamType::kPath:
      return !value.empty();
    case FsParamType::kStringOrNothing:
      return true;
    case FsParamType::kEnum: {
      const std::vector<absl::string_view> values =
          absl::StrSplit(param.values, ' ');
      return std::find(values.begin(), values.end(), value) != values.end();
    }
  }
  return false;
}

}  // namespace

bool SaysReadOnly(absl::string_view options) {
  return SaysReadOnly(absl::MakeConstSpan(MountWords(options)));
}

bool SaysReadOnly(absl::Span<const absl::string_view> options) {
  bool read_only = false;
  for (absl::string_view option : options) {
    read_only = option == "ro" || (read_only && option != "rw");
  }
  return read_only;
}

bool IsVfsOption(absl::string_view option) {
  const absl::string_view name = option.substr(0, option.find('='));
  return absl::StartsWith(option, "x-") || absl::StartsWith(option, "X-") ||
         absl::StartsWith(option, "comment=") || IsSecurityWord(option) ||
         std::find(std::begin(kVfsOptions), std::end(kVfsOptions), name) !=
             std::end(kVfsOptions);
}

bool IsSuperBlockFlag(absl::string_view option) {
  constexpr absl::string_view kFlags[] = {"async", "dirsync",    "lazytime",
                                          "mand",  "nolazytime", "nomand",
                                          "ro",    "rw",         "sync"};
  const absl::string_view name = option.substr(0, option.find('='));
  return std::find(std::begin(kFlags), std::end(kFlags), name) !=
         std::end(kFlags);
}

bool IsIdParam(absl::Span<const FsParam> params, absl::string_view option) {
  const absl::string_view name = option.substr(0, option.find('='));
  return std::any_of(params.begin(), params.end(), [&](const FsParam& param) {
    return param.name == name && param.type == FsParamType::kId;
  });
}

std::optional<uint64_t> FsNumber(absl::Span<const FsParam> params,
                                 absl::string_view option) {
  const size_t equals = option.find('=');
  if (equals == option.npos) return std::nullopt;
  const absl::string_view value = option.substr(equals + 1);
  for (const FsParam& param : params) {
    if (param.name != option.substr(0, equals)) continue;
    const bool takes = param.type == FsParamType::kU32 ||
                       param.type == FsParamType::kId ||
                       param.type == FsParamType::kS32;
    if (!takes || !IsNumber(value, param.type)) continue;
    if (value[0] == '-') continue;
    return strtoull(std::string(value).c_str(), nullptr, 0);
  }
  return std::nullopt;
}

std::string FsParse(absl::Span<const FsParam> params,
                    absl::string_view option) {
  const size_t equals = option.find('=');
  const absl::string_view name = option.substr(0, equals);
  const bool has_value = equals != option.npos;
  const FsParam* found = nullptr;
  for (const FsParam& param : params) {
    if (param.name != name) continue;
    found = &param;
    if ((param.type == FsParamType::kFlag) != has_value) break;
  }
  if (found == nullptr) {
    return absl::StrCat("Unknown parameter '", name, "'");
  }
  if (found->type == FsParamType::kFlag) {
    return has_value ? absl::StrCat("Unexpected value for '", name, "'") : "";
  }
  const bool good = has_value && IsGood(*found, option.substr(equals + 1));
  return good ? "" : absl::StrCat("Bad value for '", name, "'");
}

}  // namespace dmdax
