// SPDX-License-Identifier: Apache-2.0
#include "tools/check/dax_depth.h"

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/strip.h"
#include "base/dev_t.h"
#include "dm/dm_table.h"
#include "dm/mapped_device.h"
#include "state/find_device.h"
#include "tools/check/bdev_set.h"
#include "tools/check/extended_partition.h"

namespace dmdax {
namespace {

std::string DeviceText(const Session& session, const BlockDevice& bdev) {
  const std::string name = NameOfDevice(session, bdev);
  return name == bdev.name() ? name
                             : absl::StrCat(name, " (", bdev.name(), ")");
}

// "pmem0s", "pmem0.1s": nd_btt's disks.
bool IsSectorNamespace(const BlockDevice& disk) {
  absl::string_view name = disk.name();
  if (!absl::ConsumePrefix(&name, "pmem") || !absl::ConsumeSuffix(&name, "s")) {
    return false;
  }
  return !name.empty() &&
         absl::ascii_isdigit(static_cast<unsigned char>(name[0])) &&
         name.find_first_not_of("0123456789.") == name.npos;
}

// "raid0 of pmem0, pmem1: a driver without DAX".
void SayUnmodelled(const UnmodelledDevice& device, NotDaxLevel& level) {
  std::vector<absl::string_view> on;
  for (absl::string_view below : device.devices) {
    absl::ConsumePrefix(&below, "/dev/");
    absl::ConsumePrefix(&below, "mapper/");
    on.push_back(below);
  }
  level.by = device.driver.empty() ? NoDaxBy::kUnknown : NoDaxBy::kDriver;
  level.why =
      absl::StrCat(device.driver.empty() ? "a device" : device.driver,
                   on.empty() ? "" : " of ", absl::StrJoin(on, ", "), ": ",
                   device.why.empty() ? "a driver without DAX" : device.why);
  level.target = device.driver;
}

// Why a device that is not a mapped one is not DAX; no words: it is.
void WhyHardwareIsNot(const Session& session, BlockDevice& bdev,
                      NotDaxLevel& level) {
  BlockDevice& disk = bdev.whole();
  if (disk.unmodelled() != nullptr) {
    SayUnmodelled(*disk.unmodelled(), level);
  } else if (IsSectorNamespace(disk)) {
    level.by = NoDaxBy::kSector;
    level.why =
        "a namespace in sector mode: its data goes through the BTT, which has "
        "no DAX";
  } else if (session.machine->FindPmem(disk.name()) == nullptr) {
    level.by = NoDaxBy::kNotPmem;
    level.why = "it is not persistent memory";
  } else if (IsExtendedPartition(*session.machine, bdev)) {
    level.by = NoDaxBy::kExtended;
    level.why = "an extended partition: the others are in it, and no data";
  } else if (bdev.is_partition() &&
             (bdev.start_sect().value() % kPageSectors != 0 ||
              bdev.nr_sectors() % kPageSectors != 0)) {
    level.by = NoDaxBy::kPartition;
    level.why = absl::StrCat("the partition has ", bdev.nr_sectors(),
                             " sectors from ", bdev.start_sect().value(),
                             " on, which are not whole pages of 8 sectors");
  } else if (!bdev.queue().Has(QUEUE_FLAG_DAX)) {
    level.by = NoDaxBy::kRaw;
    level.why = "a raw namespace has no struct pages";
  }
}

// Whether the table of a mapped device only stands for another.
bool StandsForAnother(const BlockDevice& bdev, const DmTable* table) {
  return bdev.unmodelled() != nullptr &&
         (table == nullptr || !table->SupportsDax().dax());
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
  if (const UnmodelledDevice* device = bdev.unmodelled()) {
    for (const std::string& name : device->devices) {
      absl::StatusOr<BlockDevice*> found = FindDevice(session, name);
      if (found.ok() && *found != &bdev) below.push_back(*found);
    }
  }
  return below;
}

std::vector<BlockDevice*> AllBelow(const Session& session, BlockDevice* bdev) {
  std::vector<BlockDevice*> all;
  if (bdev != nullptr) all.push_back(bdev);
  // Stacks may meet at every level; each device is looked at once.
  BdevSet seen(all.begin(), all.end());
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
    if (IsSectorNamespace(*at)) return true;
    // Of a device that only tables name, or only a list of names.
    const UnmodelledDevice* device = at->unmodelled();
    if (device != nullptr && device->devices.empty()) return true;
  }
  return false;
}

std::vector<NotDaxLevel> WhyNotDax(const Session& session, BlockDevice& bdev) {
  std::vector<NotDaxLevel> levels;
  BdevSet seen;
  for (BlockDevice* at = &bdev; at != nullptr && seen.insert(at).second;) {
    NotDaxLevel level{.bdev = at, .device = DeviceText(session, *at)};
    BlockDevice* next = nullptr;
    const DmTable* table = LiveTable(session, *at);
    if (at->dev().major_nr != session.ctl->major()) {
      WhyHardwareIsNot(session, *at, level);
    } else if (StandsForAnother(*at, table)) {
      SayUnmodelled(*at->unmodelled(), level);
    } else if (table == nullptr) {
      level.by = NoDaxBy::kNoTable;
      level.why = "it has no live table";
    } else {
      level.by = NoDaxBy::kTarget;
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
