// SPDX-License-Identifier: Apache-2.0
//
// Tasks that are several ioctls.
// Mirrors: _create_and_load_v4, _mknodes_v4, _suspend_with_validation_v4 of
// libdm/ioctl/libdm-iface.c (1.02.185).
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "tools/dmsetup/dm_task.h"

namespace dmdax {

bool DmTask::CopyIdentity(const DmTask& from) {
  if (from.given_name_ && !SetName(*from.given_name_)) return false;
  return !from.given_uuid_ || SetUuid(*from.given_uuid_);
}

bool DmTask::CreateAndLoad() {
  DmTask create(ctx_, DmTaskType::kCreate);
  if (!create.CopyIdentity(*this)) return false;
  create.major_ = major_;
  create.minor_ = minor_;
  if (!create.RunOne()) return false;

  DmTask load(ctx_, DmTaskType::kReload);
  if (given_name_) load.SetName(*given_name_);
  load.SetDevNumber(create.dev());
  load.default_major_ = true;
  load.AddFlags(flags_ & DM_READONLY_FLAG);
  load.SetRows(std::move(rows_), std::move(columns_));
  rows_.clear();
  columns_ = nullptr;
  given_uuid_.reset();
  uuid_.clear();
  if (load.RunOne()) {
    type_ = DmTaskType::kResume;
    if (RunOne()) return true;
  }
  // Undo.  A number that was asked for is passed beside the name, which the
  // kernel refuses: the device stays, as with dmsetup.
  type_ = DmTaskType::kRemove;
  if (!RunOne()) Say(ctx_, "Failed to revert device creation.");
  return false;
}

bool DmTask::MknodesAll() {
  constexpr absl::string_view kControl = "control";
  for (const auto& [node, dev] : ctx_.ctl.machine().Nodes()) {
    absl::string_view name = node;
    if (!absl::ConsumePrefix(&name, absl::StrCat(kMapperDir, "/")) ||
        name == kControl) {
      continue;
    }
    // Nodes of which nothing can be known are left alone.
    if (SetName(name)) RunOne();
  }
  DmTask list(ctx_, DmTaskType::kList);
  if (!list.Run()) return false;
  bool ok = true;
  for (const DmNameEntry& entry : list.names()) {
    if (!SetName(entry.name)) return false;
    ok &= RunOne();
  }
  return ok;
}

// I/O must not be caught between two suspended devices.  Each is asked once for
// each way to it, as libdevmapper does; but that recurses, and ends never where
// two ways meet at every level.
bool DmTask::CheckChildrenNotSuspended(std::optional<DevT> device) {
  constexpr int kMostAsked = 1 << 16;
  struct Child {
    DevT dev;
    std::string user;  // what stands on it, in the words of a message
  };
  std::vector<Child> left;
  const auto add_children = [&](const DmTask& of) {
    const std::string own = of.NumberText();
    const std::string user =
        absl::StrCat(of.name_, of.uuid_, own, own.empty() ? "" : " ");
    for (auto dep = of.deps().rbegin(); dep != of.deps().rend(); ++dep) {
      if (dep->major_nr == ctx_.ctl.major()) left.push_back({*dep, user});
    }
  };
  DmTask top(ctx_, DmTaskType::kDeps);
  if (device) {
    top.major_ = static_cast<int>(device->major_nr);
    top.minor_ = static_cast<int>(device->minor_nr);
  } else {
    if (!top.CopyIdentity(*this)) return false;
    top.major_ = major_;
    top.minor_ = minor_;
  }
  if (!top.Run()) return false;
  if (top.io().flags & DM_SUSPEND_FLAG) return true;
  add_children(top);
  for (int asked = 0; !left.empty(); ++asked) {
    if (asked == kMostAsked) {
      return Say(ctx_, absl::StrCat("There are more than ", kMostAsked,
                                    " ways down to what might be suspended."));
    }
    const Child child = std::move(left.back());
    left.pop_back();
    DmTask task(ctx_, DmTaskType::kDeps);
    task.major_ = static_cast<int>(child.dev.major_nr);
    task.minor_ = static_cast<int>(child.dev.minor_nr);
    if (!task.Run()) return false;
    if (task.io().flags & DM_SUSPEND_FLAG) {
      Say(ctx_, absl::StrCat("Internal error: Attempt to suspend device ",
                             child.user, "that uses already-suspended device (",
                             task.dev().ToString(), ")"));
      continue;
    }
    add_children(task);
  }
  return true;
}

bool DmTask::SuspendWithChecks() {
  enable_checks_ = false;
  return CheckChildrenNotSuspended(std::nullopt) && RunOne();
}

}  // namespace dmdax
