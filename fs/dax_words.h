// SPDX-License-Identifier: Apache-2.0
//
// Which words of mount options decide about DAX, or can not be without it.
//
//   MountWordsOf("ro,noatime,dax=always,data=journal",
//                {MountWordKind::kDax, MountWordKind::kReadOnly});
//   // "ro,dax=always"
//
// Mirrors: the parameters "dax" and "data" of fs/ext4/super.c, "dax" of
// fs/xfs/xfs_super.c (6.1).
// Threading: pure functions.
#ifndef DMDAX_FS_DAX_WORDS_H_
#define DMDAX_FS_DAX_WORDS_H_

#include <initializer_list>
#include <string>

#include "absl/strings/string_view.h"

namespace dmdax {

enum class MountWordKind {
  kDax,       // "dax", "dax=inode"
  kData,      // "data=journal": what is journalled has no DAX
  kReadOnly,  // "ro", "rw": who may write where has to do with it
  kOther,
};

MountWordKind KindOfMountWord(absl::string_view word);

// The options of these kinds, in the order in which they are.
std::string MountWordsOf(absl::string_view options,
                         std::initializer_list<MountWordKind> kinds);

// The option by which all files of a mount have DAX; "": there is none.
std::string DaxForAll(absl::string_view options);

}  // namespace dmdax

#endif  // DMDAX_FS_DAX_WORDS_H_
