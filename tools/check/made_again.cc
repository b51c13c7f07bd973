// SPDX-License-Identifier: Apache-2.0
#include "tools/check/made_again.h"

#include <set>
#include <string>
#include <utility>
#include <vector>

#include "tools/check/cure.h"
#include "tools/check/cure_lines.h"
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
