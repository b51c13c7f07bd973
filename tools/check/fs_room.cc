// SPDX-License-Identifier: Apache-2.0
#include "tools/check/fs_room.h"

#include <algorithm>

#include "base/round_up.h"
#include "fs/mount_words.h"
#include "tools/check/world_mount.h"
#include "tools/check/world_rows.h"

namespace dmdax {
namespace {

constexpr uint64_t kBlock = 4096;
constexpr uint64_t kPageBlocks = kPmdBytes / kBlock;

uint64_t DivideUp(uint64_t a, uint64_t b) { return (a + b - 1) / b; }

uint64_t Less(uint64_t a, uint64_t b) { return a - std::min(a, b); }

// The blocks of an ext4 that are in no file.
class Ext4 {
 public:
  Ext4(uint64_t bytes, bool own_journal)
      : blocks_(bytes / kBlock),
        groups_(DivideUp(blocks_, kGroupBlocks)),
        journal_(own_journal ? JournalBlocks(blocks_) : 0) {
    const uint64_t inodes = bytes / InodeRatio(bytes);
    constexpr uint64_t kInodesInBlock = 16;
    const uint64_t in_group =
        RoundUp(DivideUp(inodes, groups_), kInodesInBlock);
    inode_table_ = in_group / kInodesInBlock;
    // So that it can grow to 1024 times its size, as far as one block of
    // pointers goes.
    constexpr uint64_t kInBlock = 64;  // descriptors of groups
    const uint64_t descriptors = DivideUp(groups_, kInBlock);
    const uint64_t most = std::min(blocks_ * 1024, uint64_t{UINT32_MAX});
    const uint64_t growing = DivideUp(DivideUp(most, kGroupBlocks), kInBlock);
    copy_ =
        1 + descriptors + std::min(Less(growing, descriptors), uint64_t{1024});
  }

  FsRoomBytes Room() const {
    uint64_t own = journal_, pages = DivideUp(journal_, kPageBlocks);
    // Those of 16 groups lie together; a journal between them begins anywhere.
    constexpr uint64_t kFlex = 16;
    if (journal_ != 0 && groups_ > kFlex) ++pages;
    for (uint64_t at = 0; at < groups_; at += kFlex) {
      uint64_t meta = std::min(kFlex, groups_ - at) * (inode_table_ + 2);
      if (HasCopy(at)) meta += copy_;
      // The first directories, and the files of orphans and of growing.
      if (at == 0) meta += 16 + OrphanBlocks();
      own += meta;
      pages += DivideUp(meta, kPageBlocks);
    }
    for (uint64_t at = 1; at < groups_; ++at) {
      if (at % kFlex == 0 || !HasCopy(at)) continue;
      own += copy_;
      pages += DivideUp(copy_, kPageBlocks);
    }
    // The kernel gives the last ones to nobody's data.
    constexpr uint64_t kMostKept = 4096;
    const uint64_t kept = std::min(blocks_ / 50, kMostKept);
    const uint64_t all = Less(blocks_, own + kept);
    return {all * kBlock,
            std::min(Less(blocks_ / kPageBlocks, pages), all / kPageBlocks) *
                kPmdBytes};
  }

 private:
  static constexpr uint64_t kGroupBlocks = 32768;

  static uint64_t InodeRatio(uint64_t bytes) {
    const uint64_t mib = bytes >> 20;
    if (mib < 3) return 8192;
    if (mib < 512) return 4096;
    if (mib < (4 << 20)) return 16384;
    return mib < (16 << 20) ? 32768 : 65536;
  }

  static uint64_t JournalBlocks(uint64_t blocks) {
    constexpr struct {
      uint64_t below, journal;
    } kSizes[] = {
        {2048, 0},
        {32768, 1024},
        {256 << 10, 4096},
        {512 << 10, 8192},
        {4096 << 10, 16384},
        {8192 << 10, 32768},
        {16384 << 10, 65536},
        {32768 << 10, 131072},
    };
    for (const auto& size : kSizes) {
      if (blocks < size.below) return size.journal;
    }
    return 262144;
  }

  uint64_t OrphanBlocks() const {
    constexpr uint64_t kMost = 512;
    return blocks_ < (128 << 10) ? 32 : std::min(blocks_ / 4096, kMost);
  }

  // sparse_super: the first two, and powers of 3, 5 and 7.
  static bool HasCopy(uint64_t group) {
    if (group <= 1) return true;
    for (uint64_t base : {3, 5, 7}) {
      uint64_t power = base;
      while (power < group) power *= base;
      if (power == group) return true;
    }
    return false;
  }

  const uint64_t blocks_, groups_, journal_;
  uint64_t inode_table_ = 0;  // blocks in each group
  uint64_t copy_ = 0;  // of the super block, with descriptors and their room
};

FsRoomBytes XfsRoom(uint64_t bytes, bool own_log) {
  constexpr uint64_t kMiB = uint64_t{1} << 20, kGiB = kMiB << 10;
  const uint64_t log = own_log ? std::max(64 * kMiB, bytes / 2048) : 0;
  const uint64_t groups = bytes < 640 * kMiB   ? 2
                          : bytes < 16 * kGiB  ? 8
                          : bytes < kGiB << 10 ? 16
                                               : 32 + bytes / (kGiB << 10);
  // What a full file system needs to go on, and trees may grow to.
  const uint64_t kept = std::min(bytes / 20, 32 * kMiB) + bytes / 64;
  const uint64_t all = Less(bytes, log + kept);
  const uint64_t pages = Less(all, (groups + 3) * kPmdBytes);
  return {all, RoundDown(pages, kPmdBytes)};
}

}  // namespace

FsRoomBytes FsRoom(const proto::Mount& mount, uint64_t bytes) {
  if (WorldFsType(mount) == "xfs") {
    return XfsRoom(bytes, !MountValue(MachineOptions(mount), "logdev"));
  }
  if (bytes < kBlock) return {};
  const bool outside = MountValue(MachineOptions(mount), "journal_path") ||
                       MountValue(MachineOptions(mount), "journal_dev");
  return Ext4(bytes, !outside).Room();
}

}  // namespace dmdax
