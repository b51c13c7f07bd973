// SPDX-License-Identifier: Apache-2.0
//
// xfs_info, which says what mkfs.xfs made:
//
//   meta-data=/dev/pmem0     isize=512    agcount=4, agsize=65536 blks
//            =               crc=1        finobt=1, sparse=1, rmapbt=0
//            =               reflink=1    bigtime=1 inobtcount=1
//   data     =               bsize=4096   blocks=262144, imaxpct=25
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "import/formats/input_lines.h"
#include "import/import_format.h"

namespace dmdax {
namespace {

bool Detect(const ImportInput& input) {
  return absl::StartsWith(FirstLine(input.text), "meta-data=");
}

// The value behind "bsize=" in a line; nothing: it is not there.
absl::StatusOr<std::optional<uint32_t>> Value(const InputLines& lines,
                                              absl::string_view key) {
  for (absl::string_view word : absl::StrSplit(
           lines.line(), absl::ByAnyChar(" \t,"), absl::SkipEmpty())) {
    const Place at = lines.At(word);
    if (!absl::ConsumePrefix(&word, key)) continue;
    uint32_t n;
    if (absl::SimpleAtoi(word, &n)) return std::optional(n);
    return at.Error(absl::StrCat("a number is expected behind ", key, ", not ",
                                 Quoted(word)));
  }
  return std::optional<uint32_t>();
}

absl::Status Read(const ImportInput& input, Facts* facts) {
  XfsFact* xfs = nullptr;
  for (InputLines lines(input); lines.Next();) {
    absl::string_view line = lines.line();
    if (absl::ConsumePrefix(&line, "meta-data=")) {
      facts->xfs.push_back({.place = lines.place()});
      xfs = &facts->xfs.back();
      xfs->source = std::string(line.substr(0, line.find_first_of(" \t")));
      continue;
    }
    if (xfs == nullptr) continue;
    absl::StatusOr<std::optional<uint32_t>> reflink = Value(lines, "reflink=");
    if (!reflink.ok()) return reflink.status();
    if (*reflink) xfs->reflink = **reflink != 0;
    if (!absl::StartsWith(line, "data")) continue;
    absl::StatusOr<std::optional<uint32_t>> size = Value(lines, "bsize=");
    if (!size.ok()) return size.status();
    if (*size) xfs->block_size = **size;
  }
  return absl::OkStatus();
}

}  // namespace

extern const ImportFormat kXfsInfoImport = {"xfs-info", "xfs_info PATH", Detect,
                                            Read};

}  // namespace dmdax
