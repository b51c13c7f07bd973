// SPDX-License-Identifier: Apache-2.0
#include "tests/conformance/recorded/recipe.h"

#include <linux/falloc.h>

#include <algorithm>
#include <cstdint>
#include <map>
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "fs/file_system_type.h"

namespace dmdax::conformance {
namespace {

// The probe writes a mebibyte at a time.
constexpr uint64_t kChunk = 1 << 20;
constexpr uint64_t kBlock = 4096;

const std::map<std::string, int>& Modes() {
  static const auto* modes = new std::map<std::string, int>{
      {"fallocate", 0},
      {"falloc_keep", FALLOC_FL_KEEP_SIZE},
      {"punch", FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE},
      {"collapse", FALLOC_FL_COLLAPSE_RANGE},
      {"zero", FALLOC_FL_ZERO_RANGE},
      {"insert", FALLOC_FL_INSERT_RANGE}};
  return *modes;
}

}  // namespace

uint64_t InheritedExtsize(const Json& mkfs) {
  constexpr absl::string_view kKey = "extszinherit=";
  uint64_t blocks = 0;
  for (const Json& word : mkfs.is_array() ? mkfs : Json::array()) {
    const std::string text = word;
    for (absl::string_view part : absl::StrSplit(text, ',')) {
      if (!absl::ConsumePrefix(&part, kKey)) continue;
      if (!absl::SimpleAtoi(part, &blocks)) return 0;
    }
  }
  return blocks * kBlock;
}

Recipe::Recipe(const FaultProfile& profile, const std::string& fs,
               const std::string& options, DaxInode& inode)
    : inode_(inode),
      allocator_(std::exchange(inode.allocator, nullptr)),
      anywhere_(uint64_t{1} << 40, uint64_t{1} << 50, profile.page_size()) {
  inode.allocator = &anywhere_;
  absl::StatusOr<std::unique_ptr<FileSystem>> made =
      MakeFileSystem(fs, profile);
  if (!made.ok()) return;
  fs_ = *std::move(made);
  fs_->TakeOptions(options);
}

void Recipe::Apply(const Json& op) {
  const std::string what = op[0];
  const auto mode = Modes().find(what);
  if (fs_ == nullptr) return;
  if (inode_.s_dax) {
    inode_.xfs.prealloc |=
        what == "fallocate" || what == "falloc_keep" || what == "zero";
    return;
  }
  if (what == "truncate") {
    fs_->Truncate(inode_, op[2]);
  } else if (what == "fsync") {
    (void)inode_.FsyncRange(0, (uint64_t{1} << 63) - 1, false);
  } else if (what == "write") {
    const uint64_t end = op[2].get<uint64_t>() + op[3].get<uint64_t>();
    for (uint64_t at = op[2]; at < end; at += kChunk) {
      fs_->Write(inode_, at, std::min(kChunk, end - at));
    }
  } else if (mode != Modes().end()) {
    fs_->Fallocate(inode_, mode->second, op[2], op[3]);
  } else {
    return;
  }
  fs_->Release(inode_, OpenedFor::kWriting);
}

void Recipe::Finish() {
  inode_.allocator = allocator_;
  inode_.extents = FileExtents();
  inode_.known_holes = KnownHoles();
  inode_.i_size = 0;
}

}  // namespace dmdax::conformance
