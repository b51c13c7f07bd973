// SPDX-License-Identifier: Apache-2.0
#include "tools/check/volume_cure.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "base/one_line.h"
#include "tools/check/list_refusal.h"
#include "tools/check/world_rows.h"

namespace dmdax {
namespace {

constexpr char kMadeAnew[] =
    "the layout changes: save the data, make the volume anew, restore it";

}  // namespace

proto::MappedDevice* BlamedVolume(const CureRequest& request,
                                  proto::World& world) {
  if (!request.reason.level.has_value()) return nullptr;
  return FindMapped(world, request.reason.level.name());
}

uint64_t SectorsOf(proto::MappedDevice* device) {
  uint64_t sectors = 0;
  for (const proto::Target& row : *EditRows(device)) sectors += row.length();
  return sectors;
}

Cure VolumeCure(std::string change, const CureRequest& request,
                const proto::MappedDevice& device, uint64_t sectors_before) {
  Cure cure{.change = std::move(change), .remark = kMadeAnew, .in_world = true};
  cure.steps = VolumeSteps(request.session, device);
  if (!LvmNameOf(device) && device.table().target_size() > kMostTypedRows) {
    cure.steps.clear();
    absl::StrAppend(&cure.remark, "; its table has ",
                    device.table().target_size(), " rows");
  }
  if (std::string why = PartOfLvm(request.session, device); !why.empty()) {
    cure.steps.clear();
    absl::StrAppend(&cure.remark, "; ", why);
  }
  constexpr int kFewRows = 4;
  if (LvmNameOf(device) && device.table().target_size() <= kFewRows) {
    absl::StrAppend(&cure.remark, "; tried as ",
                    OneLine(absl::StrReplaceAll(
                        StableTable(request.session, device), {{"\n", "; "}})));
  }
  uint64_t sectors = 0;
  for (const proto::Target& row : device.table().target()) {
    sectors += row.length();
  }
  if (sectors < sectors_before) {
    absl::StrAppend(&cure.remark, "; it becomes ",
                    (sectors_before - sectors) / 2, " KiB smaller");
  }
  return cure;
}

}  // namespace dmdax
