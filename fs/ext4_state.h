// SPDX-License-Identifier: Apache-2.0
//
// Ext4State: what ext4 has become since it found that its journal was given up.
//
//   Ext4State state(profile);
//   state.HandleError();
//   if (const int err = state.Errno(); err < 0) return err;
//
// The journal is given up when it can not be written; ext4 finds out when a
// change begins (ext4_journal_check_start).  What it makes of itself then is
// the kernel's, FaultProfile::ext4_abort.
// Mirrors: ext4_handle_error, ext4_forced_shutdown, ext4_emergency_state of
// fs/ext4/super.c and ext4.h.
// Threading: as its file system.
#ifndef DMDAX_FS_EXT4_STATE_H_
#define DMDAX_FS_EXT4_STATE_H_

#include <cerrno>

#include "base/fault_profile.h"
#include "fs/file_system.h"

namespace dmdax {

class Ext4State {
 public:
  // `profile` must outlive this.
  explicit Ext4State(const FaultProfile& profile) : profile_(profile) {}

  void HandleError() { found_out_ = true; }

  // SB_RDONLY was set, so that the VFS and freeze_super() know too.
  bool mount_is_read_only() const {
    return found_out_ && profile_.ext4_abort == Ext4Abort::kReadOnlyMount;
  }

  // What came of writing the super block, or what lies near it: 0 or -errno.
  // Whether it is lost the next change finds out:
  // jbd2_check_fs_dev_write_error, since 6.8, by which who asks for write
  // access to metadata gives the journal up if other writes to the device have
  // failed.  No kernel here has it whose ext4 does not shut down, too.
  void NoteSuperWrite(int err) {
    super_is_lost_ |=
        err < 0 && (profile_.ext4_abort == Ext4Abort::kShutdown ||
                    profile_.ext4_abort == Ext4Abort::kEmergencyReadOnly);
  }
  bool super_is_lost() const { return super_is_lost_; }

  // What is said to a change and to fsync(2): 0 or -errno.
  int Errno() const {
    if (!found_out_) return 0;
    switch (profile_.ext4_abort) {
      case Ext4Abort::kFindsOutAnew:
        return 0;
      case Ext4Abort::kShutdown:
        return -EIO;
      case Ext4Abort::kReadOnlyMount:
      case Ext4Abort::kEmergencyReadOnly:
        break;
    }
    return -EROFS;
  }

  // And to open(2): whoever only reads is turned away by a shutdown alone.
  int ErrnoFor(OpenedFor opened) const {
    const bool concerns = opened == OpenedFor::kWriting ||
                          profile_.ext4_abort == Ext4Abort::kShutdown;
    return concerns ? Errno() : 0;
  }

 private:
  const FaultProfile& profile_;
  bool found_out_ = false;
  bool super_is_lost_ = false;
};

}  // namespace dmdax

#endif  // DMDAX_FS_EXT4_STATE_H_
