// SPDX-License-Identifier: Apache-2.0
#include "tools/check/afresh_line.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "base/one_line.h"
#include "tools/check/dax_depth.h"
#include "tools/check/world_mount.h"
#include "tools/check/world_rows.h"

namespace dmdax {
namespace {

bool HasPartition(const Session& machine, BlockDevice* top,
                  const BlockDevice& disk) {
  for (BlockDevice* at : AllBelow(machine, top)) {
    if (at->is_partition() && &at->whole() == &disk) return true;
  }
  return false;
}

}  // namespace

std::string AfreshLine(const Session& machine, BlockDevice* top,
                       const proto::World& cured, const Subject& subject) {
  if (subject.bdev == nullptr) return "";
  int devices = 0;
  std::string line = "dmdax advise";
  for (BlockDevice* at : AllBelow(machine, top)) {
    const bool leaf = DevicesBelow(machine, *at).empty();
    const bool disk = machine.machine->FindPmem(at->name()) != nullptr;
    // A partition stands for its disk.
    if (at->is_partition() ||
        (leaf && disk && !HasPartition(machine, top, *at))) {
      absl::StrAppend(&line, " ", ShellWord(at->name()));
      ++devices;
    } else if (leaf && !disk) {
      return "";
    }
  }
  const proto::MappedDevice* volume =
      FindMapped(cured, NameOfDevice(machine, *top));
  if (volume == nullptr) return "";
  int stripes = 1;
  for (const proto::Target& row : volume->table().target()) {
    stripes = std::max(stripes, row.striped().stripe_size());
  }
  stripes = std::min(stripes, devices);
  if (stripes > 1) absl::StrAppend(&line, " --stripes ", stripes);
  const proto::Mount* mount = FindWorldMount(cured, subject.mount);
  const std::string fs = mount == nullptr ? "none" : WorldFsType(*mount);
  if (fs == "ext2") return "";
  absl::StrAppend(&line, " --fs ", fs);
  return line;
}

}  // namespace dmdax
