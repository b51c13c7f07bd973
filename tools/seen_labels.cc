// SPDX-License-Identifier: Apache-2.0
#include "tools/seen_labels.h"

#include <fcntl.h>

#include <array>
#include <cstddef>
#include <memory>
#include <set>
#include <string>

#include "absl/algorithm/container.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "base/units.h"
#include "dm/dm_table.h"
#include "dm/io/block_file.h"
#include "tools/check/cure_lines.h"
#include "tools/check/dax_depth.h"

namespace dmdax {
namespace {

// The label is in one of the first sectors.
// Mirrors: label_read of lib/label/label.c, struct label_header of
// lib/label/label.h (LVM2 2.03).
constexpr size_t kLabelSectors = 4;
constexpr absl::string_view kLabelOne = "LABELONE", kLvm2 = "LVM2 001";
constexpr size_t kTypeAt = 24;

bool HasLvm2Label(absl::string_view bytes) {
  for (size_t i = 0; i < kLabelSectors; ++i) {
    const absl::string_view sector = bytes.substr(i * kSectorSize, kSectorSize);
    if (sector.substr(0, kLabelOne.size()) == kLabelOne &&
        sector.substr(kTypeAt, kLvm2.size()) == kLvm2) {
      return true;
    }
  }
  return false;
}

// Whether a read finds bytes at once, and nobody counts it.
bool IsPlain(const Session& session, BlockDevice& bdev) {
  for (const BlockDevice* at : AllBelow(session, &bdev)) {
    if (at->dev().major_nr != session.ctl->major()) continue;
    const DmTable* const table = LiveTable(session, *at);
    if (table == nullptr) return false;
    for (const DmTarget& ti : table->targets()) {
      if (ti.type->name != "linear" && ti.type->name != "striped") return false;
    }
  }
  return true;
}

bool IsPhysicalVolume(const Session& session, BlockDevice& bdev) {
  const absl::StatusOr<std::unique_ptr<BlockFile>> file =
      BlockFile::Open(*session.ctl, bdev.dev(), O_RDONLY, "check");
  if (!file.ok()) return false;
  std::array<char, kLabelSectors * kSectorSize> bytes;
  const absl::StatusOr<size_t> read = (*file)->Read(0, absl::MakeSpan(bytes));
  return read.ok() && *read == bytes.size() &&
         HasLvm2Label({bytes.data(), bytes.size()});
}

}  // namespace

void AddSeenLabels(Session& session, proto::World* world) {
  constexpr char kMember[] = "LVM2_member";
  std::set<const BlockDevice*> stood_on;
  for (BlockDevice* bdev : session.machine->BlockDevices()) {
    for (const BlockDevice* below : DevicesBelow(session, *bdev)) {
      stood_on.insert(below);
    }
  }
  std::set<std::string> known;
  for (const proto::Use& use : world->use()) {
    if (use.type() == kMember) known.insert(use.device());
  }
  for (BlockDevice* bdev : session.machine->BlockDevices()) {
    if (stood_on.contains(bdev) || !StandsOnPmem(session, *bdev) ||
        !IsPlain(session, *bdev) || !IsPhysicalVolume(session, *bdev)) {
      continue;
    }
    const std::string path = DevicePath(session, *bdev);
    if (known.contains(path)) continue;
    proto::Use& use = *world->add_use();
    use.set_device(path);
    use.set_type(kMember);
  }
}

}  // namespace dmdax
