// SPDX-License-Identifier: Apache-2.0
//
// What is wrong with a word of mount -o, as the mount API says it.
//
//   constexpr FsParam kParams[] = {{"noalign", FsParamType::kFlag},
//                                  {"sunit", FsParamType::kU32}};
//   FsParse(kParams, "sunit=x");  // "Bad value for 'sunit'"
//   FsParse(kParams, "foo");      // "Unknown parameter 'foo'"
//
// Mirrors: fs/fs_parser.c __fs_parse, fs/fs_context.c vfs_parse_sb_flag (6.1).
// Threading: pure functions.
#ifndef DMDAX_FS_FS_PARSER_H_
#define DMDAX_FS_FS_PARSER_H_

#include <cstdint>
#include <optional>
#include <string>

#include "absl/strings/string_view.h"
#include "absl/types/span.h"

namespace dmdax {

enum class FsParamType {
  kFlag,
  kU32,
  kId,  // of a user or a group
  kS32,
  kString,
  kStringOrNothing,  // "usrjquota="
  kEnum,
  kPath,
};

// struct fs_parameter_spec.  A name may be there twice, as a flag and with a
// value.
struct FsParam {
  absl::string_view name;
  FsParamType type;
  absl::string_view values = "";  // of kEnum: "always inode never"
};

// Whether "ro" or "rw" comes last, in mount options separated by commas or one
// by one.
bool SaysReadOnly(absl::string_view options);
bool SaysReadOnly(absl::Span<const absl::string_view> options);

// What is not the file system's: "ro", "lazytime", what SELinux takes, and what
// mount(8) keeps to itself, such as "noatime" and "x-systemd.automount".
bool IsVfsOption(absl::string_view option);

// vfs_parse_sb_flag(): what the VFS takes out of the data of mount(2), whatever
// its value: "sync", "ro=1".
bool IsSuperBlockFlag(absl::string_view option);

// Whether `option` is one of `params` that takes an id.
bool IsIdParam(absl::Span<const FsParam> params, absl::string_view option);

// The number, not below zero, that `option` gives to one of `params`,
// as kstrtouint() reads it: "0x10" is 16.  Nothing: it is no such number.
std::optional<uint64_t> FsNumber(absl::Span<const FsParam> params,
                                 absl::string_view option);

// "" if `option` is one of `params`, with such a value; else the complaint.
std::string FsParse(absl::Span<const FsParam> params, absl::string_view option);

}  // namespace dmdax

#endif  // DMDAX_FS_FS_PARSER_H_
