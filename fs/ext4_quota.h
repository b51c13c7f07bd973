// SPDX-License-Identifier: Apache-2.0
//
// What ext4 has against the words of quotas among its mount options.
//
// Mirrors: note_qf_name, unnote_qf_name, ext4_check_quota_consistency of
// fs/ext4/super.c (6.1, 6.12, 7.2); set_qf_name, clear_qf_name and the end of
// parse_options (5.10).
// Threading: thread-compatible.
// Errors: EINVAL with the kernel's words, which are logged.
#ifndef DMDAX_FS_EXT4_QUOTA_H_
#define DMDAX_FS_EXT4_QUOTA_H_

#include <optional>
#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "fs/fs_context.h"

namespace dmdax {

class Ext4Quota {
 public:
  explicit Ext4Quota(FsContext& fc) : fc_(fc) {}

  // An option, in their order.  What is wrong with it, or "".
  std::string Take(absl::string_view option);
  // What does not go together, when all options are taken.
  absl::Status Check();

 private:
  // Of users or of groups.
  struct Files {
    absl::string_view type;           // "user"
    std::optional<std::string> name;  // "usrjquota=aquota.user"
    bool on = false;                  // "usrquota"
  };

  std::string TakeName(Files& files, absl::string_view name);
  std::string NameAgain(const Files& files, absl::string_view name) const;
  // Says that journalled quotas are none of a file system with its own.
  bool Ignores(absl::string_view what) const;
  absl::Status Refuse(absl::string_view words);
  void Say(KernLevel level, absl::string_view words) const;

  FsContext& fc_;
  Files users_{.type = "user"};
  Files groups_{.type = "group"};
  bool projects_ = false;
  bool has_names_ = false;   // there was "usrjquota=" or "grpjquota="
  bool has_format_ = false;  // there was "jqfmt="
};

}  // namespace dmdax

#endif  // DMDAX_FS_EXT4_QUOTA_H_
