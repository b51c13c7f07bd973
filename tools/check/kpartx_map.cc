// SPDX-License-Identifier: Apache-2.0
#include "tools/check/kpartx_map.h"

#include <algorithm>
#include <string>

#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "base/one_line.h"
#include "state/find_device.h"
#include "tools/check/cure_lines.h"
#include "tools/check/dax_depth.h"
#include "tools/check/world_rows.h"

namespace dmdax {

uint64_t KpartxNumber(const proto::MappedDevice& device) {
  absl::string_view uuid = device.uuid();
  if (!absl::ConsumePrefix(&uuid, "part")) return 0;
  uint64_t number = 0;
  const size_t dash = uuid.find('-');
  return dash != uuid.npos && absl::SimpleAtoi(uuid.substr(0, dash), &number)
             ? number
             : 0;
}

bool LosesItsTable(const Session& machine, BlockDevice& bdev,
                   const proto::MappedDevice& device, const BdevSet& gone) {
  if (KpartxNumber(device) == 0) return false;
  const std::vector<BlockDevice*> disks = DevicesBelow(machine, bdev);
  return std::any_of(disks.begin(), disks.end(),
                     [&](BlockDevice* disk) { return gone.contains(disk); });
}

namespace {

// Of "home-part1" on "home" the "-part" that kpartx must be told; "": what it
// takes by itself.
std::string DelimiterOption(absl::string_view map, const std::string& disk,
                            uint64_t number) {
  if (!absl::ConsumePrefix(&map, disk) ||
      !absl::ConsumeSuffix(&map, absl::StrCat(number))) {
    return "";
  }
  const bool digit_last =
      absl::ascii_isdigit(static_cast<unsigned char>(disk.back()));
  return map == (digit_last ? "p" : "")
             ? ""
             : absl::StrCat("-p ", ShellWord(std::string(map)), " ");
}

}  // namespace

std::vector<CureStep> KpartxSteps(const Session& session,
                                  proto::MappedDevice device) {
  const uint64_t number = KpartxNumber(device);
  const auto& rows = *EditRows(&device);
  if (number == 0 || rows.size() != 1 || !rows[0].has_linear()) return {};
  const absl::StatusOr<BlockDevice*> disk =
      FindDevice(session, rows[0].linear().device());
  if (!disk.ok()) return {};
  const std::string name = device.name();
  const std::string on = NameOfDevice(session, **disk);
  const std::string path = ShellWord(DevicePath(session, **disk));
  return {{CureStage::kRemoveVolume, name,
           absl::StrCat("dmsetup remove ", DmNameWord(name)), "",
           CureTool::kDmsetup},
          {CureStage::kVolume, name,
           absl::StrCat(
               PartitionPlace(rows[0].linear().start(), rows[0].length()),
               " | sfdisk --no-reread --no-tell-kernel -N ", number, " ", path,
               " && kpartx ", DelimiterOption(name, on, number), "-u ", path)}};
}

}  // namespace dmdax
