// SPDX-License-Identifier: Apache-2.0
#include "tools/check/dax_flag.h"

#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "base/one_line.h"
#include "fs/dax_words.h"
#include "fs/mount_words.h"
#include "process/mount_point.h"
#include "process/user_space.h"

namespace dmdax {

bool DecidesDaxForAll(const proto::Mount& mount) {
  return !DaxForAll(mount.options()).empty() ||
         HasMountWord(mount.options(), "dax=never");
}

bool IsNeverDax(const Session& session, const Subject& subject) {
  if (subject.kind != Subject::kFile) return false;
  const absl::StatusOr<MountedFile*> file =
      session.user->FindFile(subject.name);
  return file.ok() &&
         ((*file)->options.never_dax || (*file)->inode.inline_data);
}

CureStep DaxFlagStep(const std::string& name, const std::string& path,
                     const std::string& mount) {
  return {CureStage::kFile, absl::StrCat(name, " 9"),
          absl::StrCat("xfs_io -c 'chattr +x' ", ShellWord(path)), mount};
}

}  // namespace dmdax
