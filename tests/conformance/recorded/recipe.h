// SPDX-License-Identifier: Apache-2.0
//
// Recipe: does what a case's operations did to a file again, for what they
// leave of it in memory: cached pages, and what xfs remembers.
//
//   Recipe recipe(profile, "xfs", "rw,sunit=4096", inode);
//   recipe.Apply({"write", "f", 0, 8192});
//   recipe.Finish();   // blocks and size are forgotten: the recording has them
//
// Each operation opens the file and closes it again.  Of a DAX file nothing is
// cached.
// Threading: thread-compatible.
#ifndef DMDAX_TESTS_CONFORMANCE_RECORDED_RECIPE_H_
#define DMDAX_TESTS_CONFORMANCE_RECORDED_RECIPE_H_

#include <cstdint>
#include <memory>
#include <string>

#include "base/fault_profile.h"
#include "fs/file_system.h"
#include "iomap/block_allocator.h"
#include "iomap/dax_inode.h"
#include "tests/conformance/verdict.h"

namespace dmdax::conformance {

// The extent size hint, bytes, that files of a file system get which mkfs.xfs
// made with these words: `-d extszinherit=512`, in blocks of 4 KiB; 0: none.
uint64_t InheritedExtsize(const Json& mkfs);

class Recipe {
 public:
  // `options`: of the mount, as in /proc/mounts.  `inode` is an empty file.
  Recipe(const FaultProfile& profile, const std::string& fs,
         const std::string& options, DaxInode& inode);

  // An operation that succeeded.
  void Apply(const Json& op);
  void Finish();

 private:
  DaxInode& inode_;
  BlockAllocator* const allocator_;
  AlignedAllocator anywhere_;
  std::unique_ptr<FileSystem> fs_;
};

}  // namespace dmdax::conformance

#endif  // DMDAX_TESTS_CONFORMANCE_RECORDED_RECIPE_H_
