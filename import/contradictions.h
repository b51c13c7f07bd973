// SPDX-License-Identifier: Apache-2.0
//
// What inputs say of DAX against what the loaded World comes to: nobody knows
// then, and each is a Guess.
// Threading: thread-compatible.
#ifndef DMDAX_IMPORT_CONTRADICTIONS_H_
#define DMDAX_IMPORT_CONTRADICTIONS_H_

#include <string>

#include "absl/strings/string_view.h"
#include "base/kernel_profile.h"
#include "import/facts.h"
#include "state/session.h"
#include "state/world.pb.h"

namespace dmdax {

// sysfs and lsblk say of a device whether it has DAX, and options of a mount
// whether all its files have.
void FindContradictions(const Session& session, const proto::World& world,
                        Facts* facts);

// Whether a file of such a mount has DAX if it has the flag (FS_XFLAG_DAX), and
// else not: with dax=inode, which is what a kernel that has it takes if nothing
// is said, and xfs does not show.
bool DaxIsByFlag(const KernelProfile& kernel, absl::string_view type,
                 absl::string_view options);

// The machine shows the option among `options`, and the World's kernel refuses
// it with these words.
void ContradictMount(const proto::Mount& mount, const std::string& options,
                     absl::string_view kernel, absl::string_view words,
                     Facts* facts);

// How many mounts a World's kernel refuses to have DAX where the machine has.
int RefusedMounts(const Facts& facts);

}  // namespace dmdax

#endif  // DMDAX_IMPORT_CONTRADICTIONS_H_
