// SPDX-License-Identifier: Apache-2.0
#include "tools/check/dax_depth.h"

#include <set>

#include "absl/strings/str_cat.h"
#include "base/dev_t.h"
#include "dm/dm_table.h"
#include "dm/mapped_device.h"

namespace dmdax {
namespace {

std::string DeviceText(const Session& session, const BlockDevice& bdev) {
  const std::string name = NameOfDevice(session, bdev);
  return name == bdev.name() ? name
                             : absl::StrCat(name, " (", bdev.name(), ")");
}

// Why a device that is not a mapped one is not DAX, or "".
std::string WhyHardwareIsNot(const Session& session, BlockDevice& bdev) {
  if (bdev.is_partition() && (bdev.start_sect().value() % kPageSectors != 0 ||
                              bdev.nr_sectors() % kPageSectors != 0)) {
    return absl::StrCat("the partition has ", bdev.nr_sectors(),
                        " sectors from ", bdev.start_sect().value(),
                        " on, which are not whole pages of 8 sectors");
  }
  if (session.machine->FindPmem(bdev.whole().name()) == nullptr) {
    return "it is not persistent memory";
  }
  if (!bdev.queue().Has(QUEUE_FLAG_DAX)) {
    return "a raw namespace has no struct pages";
  }
  return "";
}

}  // namespace

const DmTable* LiveTable(const Session& session, const BlockDevice& bdev) {
  if (bdev.dev().major_nr != session.ctl->major()) return nullptr;
  auto md = session.ctl->FindMinor(bdev.dev().minor_nr);
  return md == nullptr ? nullptr : md->live_table();
}

std::string NameOfDevice(const Session& session, const BlockDevice& bdev) {
  if (bdev.dev().major_nr != session.ctl->major()) return bdev.name();
  auto md = session.ctl->FindMinor(bdev.dev().minor_nr);
  return md == nullptr ? bdev.name() : md->dm_name();
}

std::vector<BlockDevice*> DevicesBelow(const Session& session,
                                       BlockDevice& bdev) {
  std::vector<BlockDevice*> below;
  if (bdev.is_partition()) below.push_back(&bdev.whole());
  if (const DmTable* table = LiveTable(session, bdev)) {
    for (const DmTable::TableDev& dev : table->devices()) {
      below.push_back(dev.dm_dev->bdev);
    }
  }
  return below;
}

std::vector<BlockDevice*> AllBelow(const Session& session, BlockDevice* bdev) {
  std::vector<BlockDevice*> all;
  if (bdev != nullptr) all.push_back(bdev);
  // Stacks may meet at every level; each device is looked at once.
  std::set<BlockDevice*> seen(all.begin(), all.end());
  for (size_t i = 0; i < all.size(); ++i) {
    for (BlockDevice* below : DevicesBelow(session, *all[i])) {
      if (seen.insert(below).second) all.push_back(below);
    }
  }
  return all;
}

bool StandsOnPmem(const Session& session, BlockDevice& bdev) {
  for (const BlockDevice* at : AllBelow(session, &bdev)) {
    if (session.machine->FindPmem(at->name()) != nullptr) return true;
  }
  return false;
}

std::vector<NotDaxLevel> WhyNotDax(const Session& session, BlockDevice& bdev) {
  std::vector<NotDaxLevel> levels;
  std::set<BlockDevice*> seen;
  for (BlockDevice* at = &bdev; at != nullptr && seen.insert(at).second;) {
    NotDaxLevel level{.bdev = at, .device = DeviceText(session, *at)};
    BlockDevice* next = nullptr;
    if (at->dev().major_nr != session.ctl->major()) {
      level.why = WhyHardwareIsNot(session, *at);
    } else if (const DmTable* table = LiveTable(session, *at);
               table == nullptr) {
      level.why = "it has no live table";
    } else {
      const DaxVerdict verdict = table->SupportsDax();
      level.why = verdict.reason;
      if (verdict.target >= 0 && !verdict.dax()) {
        const size_t row = static_cast<size_t>(verdict.target);
        level.target = std::string(table->targets()[row].type->name);
      }
      if (std::optional<DevT> leg = ScanMajorMinor(verdict.device)) {
        next = session.machine->FindBdev(*leg);
      }
    }
    if (level.why.empty()) break;
    levels.push_back(std::move(level));
    at = next;
  }
  return levels;
}

std::string NotDaxText(const std::vector<NotDaxLevel>& levels, size_t first) {
  std::string text;
  for (size_t i = first; i < levels.size(); ++i) {
    absl::StrAppend(&text, "; ", levels[i].device, ": ", levels[i].why);
  }
  return text;
}

}  // namespace dmdax
