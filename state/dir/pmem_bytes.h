// SPDX-License-Identifier: Apache-2.0
//
// PmemBytes: what a machine wrote to the files of its pmems, on its way there.
//
// A question about a machine changes no file, nor does one that is refused
// (dax/pmem_file.h).  One that is accepted does, if the file is ours: a regular
// file that belongs to this user, with one name, whose last part is no link and
// whose directory nobody else leads us to (trusted_path.h).  Whoever wrote down
// the World may not be whoever runs dmdax.
//
// Errors: the errno of the system call; EPERM for a file that is not ours.
// Threading: as Machine.
#ifndef DMDAX_STATE_DIR_PMEM_BYTES_H_
#define DMDAX_STATE_DIR_PMEM_BYTES_H_

#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "base/fd.h"
#include "block/machine.h"
#include "block/pmem_files.h"

namespace dmdax {

class PmemBytes {
 public:
  // Opens the files of which pages were written.  SnapshotOf() goes before it:
  // targets may write once more.  `machine` must outlive it.
  static absl::StatusOr<PmemBytes> Of(const Machine& machine);

  // Writes what was written.  All are tried; the first error.
  absl::Status Write();

 private:
  std::vector<std::pair<PmemFile, Fd>> files_;
};

// From now on every write is the file's: a machine that programs run on.
absl::Status SharePmemFiles(const Machine& machine);

}  // namespace dmdax

#endif  // DMDAX_STATE_DIR_PMEM_BYTES_H_
