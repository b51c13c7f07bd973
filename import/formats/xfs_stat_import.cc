// SPDX-License-Identifier: Apache-2.0
//
// xfs_io -c stat FILE, of any number of files, on any file system:
//
//   fd.path = "/x/f"
//   ...
//   fsxattr.xflags = 0x8000 [--------------x-]
#include <cstdint>
#include <string>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "import/formats/input_lines.h"
#include "import/import_format.h"

namespace dmdax {
namespace {

// include/uapi/linux/fs.h
constexpr uint32_t FS_XFLAG_REALTIME = 0x1;
constexpr uint32_t FS_XFLAG_IMMUTABLE = 0x8;
constexpr uint32_t FS_XFLAG_APPEND = 0x10;
constexpr uint32_t FS_XFLAG_DAX = 0x8000;

bool Detect(const ImportInput& input) {
  return absl::StartsWith(FirstLine(input.text), "fd.path = \"");
}

absl::Status Read(const ImportInput& input, Facts* facts) {
  std::string path;
  for (InputLines lines(input); lines.Next();) {
    absl::string_view line = lines.line();
    if (absl::ConsumePrefix(&line, "fd.path = \"")) {
      path = std::string(absl::StripSuffix(line, "\""));
      continue;
    }
    if (!absl::ConsumePrefix(&line, "fsxattr.xflags = ")) continue;
    uint32_t flags;
    if (!absl::SimpleHexAtoi(line.substr(0, line.find(' ')), &flags)) {
      absl::Status s = facts->SkipLine(lines.At(line).Error(
          absl::StrCat("flags as in 0x8000 are expected, not ", Quoted(line))));
      if (!s.ok()) return s;
      continue;
    }
    if (!absl::StartsWith(path, "/")) {
      facts->NoteOnce(absl::StrCat(input.name,
                                   ": files without their whole path: left "
                                   "out (xfs_io -c stat /...)"));
      continue;
    }
    facts->flags.push_back({.place = lines.place(),
                            .path = path,
                            .dax = (flags & FS_XFLAG_DAX) != 0,
                            .realtime = (flags & FS_XFLAG_REALTIME) != 0,
                            .says_realtime = true,
                            .immutable = (flags & FS_XFLAG_IMMUTABLE) != 0,
                            .append_only = (flags & FS_XFLAG_APPEND) != 0});
  }
  return absl::OkStatus();
}

}  // namespace

extern const ImportFormat kXfsStatImport = {
    "xfs_io-stat", "xfs_io -c stat FILE", Detect, Read};

}  // namespace dmdax
