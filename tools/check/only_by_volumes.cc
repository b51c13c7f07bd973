// SPDX-License-Identifier: Apache-2.0
#include "tools/check/only_by_volumes.h"

#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "base/one_line.h"
#include "state/find_device.h"
#include "tools/check/dax_depth.h"

namespace dmdax {

OnlyByVolumes::OnlyByVolumes(const proto::World& world, const Session& session)
    : session_(session) {
  for (const proto::Use& use : session.uses) {
    if (use.type() != "LVM2_member" || !use.called().empty()) continue;
    const absl::StatusOr<BlockDevice*> bdev = FindDevice(session, use.device());
    if (bdev.ok()) labelled_.insert(*bdev);
  }
  // Most machines have nothing that it would be asked about.
  if (!labelled_.empty() || !session.groups.empty()) {
    stands_on_.emplace(world, session);
  }
}

std::string OnlyByVolumes::IdleOn(const std::string& vg,
                                  const BlockDevice& bdev) const {
  constexpr size_t kShown = 4;
  std::vector<std::string> idle = stands_on_->IdleOn(vg, bdev);
  if (idle.empty()) {
    return "no input has a volume on it (dmdax advise has the lines for one)";
  }
  const bool others = idle.size() > kShown;
  if (others) idle.resize(kShown);
  for (std::string& name : idle) name = OneLine(absl::StrCat(vg, "/", name));
  if (others) idle.push_back("others");
  return absl::StrCat(absl::StrJoin(idle, ", "),
                      idle.size() == 1 ? " is" : " are",
                      " not active: ask again with what dmsetup table prints "
                      "when it is");
}

std::string OnlyByVolumes::Why(const Subject& subject) const {
  if (!stands_on_ || subject.kind != Subject::kDevice ||
      subject.bdev == nullptr || !subject.mount.empty() ||
      !stands_on_->NamesOn(subject.bdev).empty()) {
    return "";
  }
  const BlockDevice& bdev = *subject.bdev;
  const std::string name = OneLine(NameOfDevice(session_, bdev));
  if (const std::string vg = stands_on_->GroupOn(subject.bdev); !vg.empty()) {
    return absl::StrCat(name, " is a physical volume of ", OneLine(vg),
                        ", mapped by its volumes alone: ", IdleOn(vg, bdev));
  }
  if (!labelled_.contains(&bdev)) return "";
  return absl::StrCat(name,
                      " is a physical volume of LVM2, mapped by its volumes "
                      "alone, and no input has any: dmsetup table and "
                      "vgcfgbackup list them (if it is of no group: "
                      "pvremove)");
}

}  // namespace dmdax
