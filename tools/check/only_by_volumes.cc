// SPDX-License-Identifier: Apache-2.0
#include "tools/check/only_by_volumes.h"

#include <vector>

#include "absl/algorithm/container.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "base/one_line.h"
#include "state/find_device.h"
#include "tools/check/dax_depth.h"
#include "tools/check/hidden_volume.h"

namespace dmdax {
namespace {

bool Is(const Session& session, const std::string& said,
        const BlockDevice& bdev) {
  const absl::StatusOr<BlockDevice*> device = FindDevice(session, said);
  return device.ok() && *device == &bdev;
}

std::string OfGroup(const Session& session, const proto::VolumeGroup& group,
                    const BlockDevice& bdev) {
  constexpr size_t kShown = 4;
  std::vector<std::string> idle;
  for (const proto::VolumeGroup::Volume& volume : group.idle()) {
    const bool here =
        volume.device().empty() ||
        absl::c_any_of(volume.device(), [&](const std::string& device) {
          return Is(session, device, bdev);
        });
    if (!here || volume.hidden() || IsPoolSpare(volume.name())) continue;
    if (idle.size() == kShown) {
      idle.push_back("others");
      break;
    }
    idle.push_back(OneLine(absl::StrCat(group.name(), "/", volume.name())));
  }
  if (idle.empty()) {
    return "no input has a volume on it (dmdax advise has the lines for one)";
  }
  return absl::StrCat(absl::StrJoin(idle, ", "),
                      idle.size() == 1 ? " is" : " are",
                      " not active: ask again with what dmsetup table prints "
                      "when it is");
}

}  // namespace

std::string OnlyByVolumes(const Session& session, const Subject& subject) {
  if (subject.kind != Subject::kDevice || subject.bdev == nullptr ||
      !subject.mount.empty() || !DevicesOn(session, *subject.bdev).empty()) {
    return "";
  }
  const BlockDevice& bdev = *subject.bdev;
  const std::string name = OneLine(NameOfDevice(session, bdev));
  for (const proto::VolumeGroup& group : session.groups) {
    if (!absl::c_any_of(group.device(), [&](const std::string& device) {
          return Is(session, device, bdev);
        })) {
      continue;
    }
    return absl::StrCat(
        name, " is a physical volume of ", OneLine(group.name()),
        ", mapped by its volumes alone: ", OfGroup(session, group, bdev));
  }
  for (const proto::Use& use : session.uses) {
    if (use.type() != "LVM2_member" || !use.called().empty() ||
        !Is(session, use.device(), bdev)) {
      continue;
    }
    return absl::StrCat(name,
                        " is a physical volume of LVM2, mapped by its volumes "
                        "alone, and no input has any: dmsetup table and "
                        "vgcfgbackup list them (if it is of no group: "
                        "pvremove)");
  }
  return "";
}

}  // namespace dmdax
