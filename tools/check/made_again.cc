// SPDX-License-Identifier: Apache-2.0
#include "tools/check/made_again.h"

#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/string_view.h"
#include "base/one_line.h"
#include "tools/check/bdev_set.h"
#include "tools/check/cure.h"
#include "tools/check/cure_lines.h"
#include "tools/check/dax_depth.h"
#include "tools/check/world_rows.h"

namespace dmdax {

void MakePartitionsAgain(const StandsOn& stands_on, const proto::World& cured,
                         CureSteps* steps) {
  std::set<std::string> disks;
  for (const auto& [key, step] : steps->all()) {
    if (key.first == CureStage::kNamespace && MakesAnew(step)) {
      disks.insert(key.second);
    }
  }
  for (const std::string& disk : disks) {
    std::vector<std::string> entries;
    for (const proto::Block& part : PartitionsOf(stands_on, cured, disk)) {
      entries.push_back(PartitionEntry(part));
      steps->Drop(CureStage::kPartition, part.name());
    }
    if (entries.empty()) continue;
    steps->Put(
        {CureStage::kPartition, disk, MakePartitionsLine(disk, entries)});
  }
}

std::vector<std::string> PartitionRemarks(const CureSteps& steps) {
  std::set<std::string> disks;
  for (const auto& [key, step] : steps.all()) {
    if (key.first == CureStage::kNamespace && MakesAnew(step) &&
        steps.Has(CureStage::kPartition, key.second)) {
      disks.insert(OneLine(key.second));
    }
  }
  if (disks.empty()) return {};
  return {absl::StrCat("the partitions of ", absl::StrJoin(disks, ", "),
                       " come back in a GPT, with new UUIDs (PARTUUID), and "
                       "without types and names")};
}

std::string SpareRemark(const std::string& vg, const std::string& lv) {
  return absl::StrCat(OneLine(absl::StrCat(vg, "/", lv)),
                      ", the spare of pools' metadata, goes, and the next pool "
                      "that is made brings another");
}

std::vector<std::string> ReadOnlyRemarks(const Session& machine,
                                         const StandsOn& stands_on,
                                         const BdevSet& gone) {
  std::set<std::string> volumes, others;
  for (const BlockDevice* bdev : gone) {
    const proto::MappedDevice* const device =
        stands_on.InWorld(NameOfDevice(machine, *bdev));
    if (device == nullptr || !device->table().readonly()) continue;
    if (const auto lvm = LvmNameOf(*device)) {
      volumes.insert(ShellWord(absl::StrCat(lvm->vg, "/", lvm->lv)));
    } else {
      others.insert(ShellWord(DevicePath(machine, *bdev)));
    }
  }
  std::vector<std::string> remarks;
  const auto add = [&](const std::set<std::string>& words,
                       absl::string_view command) {
    if (words.empty()) return;
    const std::string all = absl::StrJoin(words, " ");
    remarks.push_back(absl::StrCat(
        OneLine(all),
        words.size() == 1 ? " is read-only, and comes"
                          : " are read-only, and come",
        " back to be written: when the data is restored, ", command, all));
  };
  add(volumes, "lvchange -pr ");
  add(others, "blockdev --setro ");
  return remarks;
}

std::vector<std::string> KeyRemarks(const Session& machine,
                                    const StandsOn& stands_on,
                                    const BdevSet& gone) {
  std::vector<std::string> remarks;
  for (BlockDevice* bdev : gone) {
    const std::string name = NameOfDevice(machine, *bdev);
    const proto::MappedDevice* const device = stands_on.InWorld(name);
    // As cryptsetup names those with a header of its own.
    if (device == nullptr || !absl::StartsWith(device->uuid(), "CRYPT-LUKS")) {
      continue;
    }
    for (const BlockDevice* below : DevicesBelow(machine, *bdev)) {
      remarks.push_back(absl::StrCat(
          "the keys of ", OneLine(name), " go with ",
          OneLine(NameOfDevice(machine, *below)),
          ": before, cryptsetup luksHeaderBackup ",
          ShellWord(DevicePath(machine, *below)),
          " --header-backup-file FILE, and behind it luksHeaderRestore"));
    }
  }
  return remarks;
}

void TellQueuesAgain(const proto::World& cured, CureSteps* steps) {
  std::vector<CureStep> added;
  for (const auto& [key, step] : steps->all()) {
    if (key.first != CureStage::kVolume) continue;
    const proto::MappedDevice* const device = FindMapped(cured, key.second);
    if (device == nullptr || device->max_sectors_kb() == 0) continue;
    for (CureStep& line :
         MaxSectorsSteps(device->name(), device->max_sectors_kb())) {
      added.push_back(std::move(line));
    }
  }
  for (const CureStep& step : added) steps->Put(step);
}

}  // namespace dmdax
