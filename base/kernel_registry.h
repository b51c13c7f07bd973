// SPDX-License-Identifier: Apache-2.0
//
// How a kernel is written: one file in base/kernels/, and no edit elsewhere.
//
//   // base/kernels/v6_18.cc: what 6.18 changed after 6.15.
//   namespace dmdax {
//   namespace {
//
//   void Change(KernelProfile& p) {
//     p.dm_ioctl_version[1] = 50;
//     p.fault.map_whole_folios = true;
//   }
//
//   const KernelRegistrar kV6_18({.name = "v6_18",
//                                 .release = {6, 18},
//                                 .after = "v6_15",
//                                 .stands_for = "6.18.2",
//                                 .from_source = "all of it",
//                                 .change = Change});
//
//   }  // namespace
//   }  // namespace dmdax
//
// Files are linked whole and in any order; the list is sorted.  A kernel that
// comes between two others changes neither: each names the one it is `after`.
// What a kernel's targets have is the targets' own (TargetVersions, "since").
// Threading: registrars are static objects; the list is made at its first use
// and is constant from then on.
#ifndef DMDAX_BASE_KERNEL_REGISTRY_H_
#define DMDAX_BASE_KERNEL_REGISTRY_H_

#include "absl/strings/string_view.h"
#include "base/kernel_profile.h"

namespace dmdax {

struct KernelEntry {
  absl::string_view name;  // "v6_18"
  KernelRelease release;
  // The profile that this one begins as a copy of; "": none, all is zero.
  absl::string_view after;
  // See KernelProfile.
  absl::string_view stands_for;
  absl::string_view recorded;
  absl::string_view from_source;
  void (*change)(KernelProfile& p);
};

// Enters a kernel.  What can only be a mistake of its author ends the program
// when the list is made: a name that is taken, an `after` that leads nowhere.
struct KernelRegistrar {
  explicit KernelRegistrar(const KernelEntry& entry);
};

}  // namespace dmdax

#endif  // DMDAX_BASE_KERNEL_REGISTRY_H_
