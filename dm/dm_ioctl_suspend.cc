// SPDX-License-Identifier: Apache-2.0
//
// DM_DEV_SUSPEND, both ways.  Mirrors do_suspend, do_resume and dev_suspend of
// drivers/md/dm-ioctl.c (6.1).
#include <cerrno>
#include <utility>

#include "base/errno_status.h"
#include "dm/dm_ioctl.h"
#include "dm/stack_cycle.h"

namespace dmdax {

namespace {

// dm_suspend().  lock_fs() comes first, unless nothing is flushed.
absl::Status SuspendWithFs(MappedDevice& md, const DmIoctl& param) {
  if ((param.flags & (DM_SKIP_LOCKFS_FLAG | DM_NOFLUSH_FLAG)) == 0) {
    const int err = md.disk().Freeze();
    if (err != 0) return ErrnoError(err, "the file system can not be frozen");
  }
  return md.Suspend((param.flags & DM_NOFLUSH_FLAG) != 0
                        ? MappedDevice::SuspendHow::kNoflush
                        : MappedDevice::SuspendHow::kFlush);
}

}  // namespace

absl::Status DmCtl::DoSuspend(DmIoctl& param) {
  absl::StatusOr<HashCell*> cell = CellToChange(param);
  if (!cell.ok()) return cell.status();
  // do_suspend() calls dm_suspend(), which refuses a suspended device, only if
  // the device is not suspended: suspending twice succeeds.
  if (!(*cell)->md->suspended()) {
    absl::Status s = SuspendWithFs(*(*cell)->md, param);
    if (!s.ok()) return s;
  }
  Answer(**cell, param);
  return absl::OkStatus();
}

absl::Status DmCtl::DoResume(DmIoctl& param) {
  absl::StatusOr<HashCell*> found = CellToChange(param);
  if (!found.ok()) return found.status();
  HashCell& cell = **found;
  MappedDevice& md = *cell.md;
  // The kernel takes the inactive table out of its slot first; if the table
  // then does not fit, it is gone.
  std::unique_ptr<DmTable> new_map = std::move(cell.new_map);
  std::unique_ptr<DmTable> old_map;
  if (new_map != nullptr) {
    absl::Status fits;
    if (machine_.profile().dm_dax_check_recurses && StandsOnItself(*new_map)) {
      fits = new_map->CalculateQueueLimits().status();
      if (fits.ok()) {
        // This kernel would die here.  We refuse, and the table stays loaded.
        cell.new_map = std::move(new_map);
        return Fail(ELOOP,
                    "(dmdax) the device would stand on itself; this kernel's "
                    "DAX check would overflow the stack");
      }
    }
    if (!md.suspended()) {
      absl::Status s = SuspendWithFs(md, param);
      if (!s.ok()) {
        cell.new_map = std::move(new_map);
        return s;
      }
    }
    // A table that does not fit is refused before its DAX is looked at.
    if (!fits.ok()) return fits;
    const bool writable = new_map->mode() & FMODE_WRITE;
    absl::StatusOr<std::unique_ptr<DmTable>> old = md.SwapTable(new_map);
    if (!old.ok()) return old.status();
    old_map = std::move(*old);
    if (old_map != nullptr) old_map->DestroyTargets();
    NoteBackground(md);
    GlobalEvent();
    md.disk().SetReadOnly(!writable);
  }
  if (md.suspended()) {
    const uint32_t event_nr = md.event_nr();
    absl::Status s = md.Resume();
    DeviceEvents(md, event_nr);
    if (!s.ok()) return s;
    param.flags |= DM_UEVENT_GENERATED_FLAG;
  }
  Answer(cell, param);
  return absl::OkStatus();
}

absl::Status DmCtl::DevSuspend(DmIoctl& param) {
  absl::Status s;
  {
    absl::MutexLock lock(&mu_);
    Elapse();
    const bool resumes = (param.flags & DM_SUSPEND_FLAG) == 0;
    s = resumes ? DoResume(param) : DoSuspend(param);
    // What a resumed target begins in the background is soon under way.
    if (resumes) Elapse();
  }
  DoDeferredRemove();
  return s;
}

}  // namespace dmdax
