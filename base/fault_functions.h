// SPDX-License-Identifier: Apache-2.0
//
// FaultFunction: the kernel functions on the way of a fault that the emulator
// has counterparts of, and what each kernel calls them.
//
//   FaultFunctionName(profile, FaultFunction::kVmfInsertPfnPmd);
//   // "vmf_insert_pfn_pmd_prot" in 6.1, "vmf_insert_pfn_pmd" in 6.12
//
// The names are data of the profile (FaultProfile::functions).  Where a kernel
// was recorded (from 5.10 on) they are those of the recording.
// Threading: constant after start.
#ifndef DMDAX_BASE_FAULT_FUNCTIONS_H_
#define DMDAX_BASE_FAULT_FUNCTIONS_H_

#include <set>
#include <string>

namespace dmdax {

struct FaultProfile;

enum class FaultFunction {
  kNone,
  // mm/memory.c
  kHandleMmFault,
  kHandleMmFaultWalk,
  kDoFault,
  kDoFaultCore,
  kFinishFault,
  kVmfInsertMixed,
  kVmfInsertMixedMkwrite,
  kVmInsertMixedCore,
  kInsertPfn,
  kVmfInsertPageMkwrite,
  kInsertPage,
  // mm/huge_memory.c
  kVmfInsertPfnPmd,
  kVmfInsertPfnPud,
  kVmfInsertFolioPmd,
  kVmfInsertFolioPud,
  kInsertPmd,
  kInsertPud,
  // fs/ext4, fs/xfs, fs/ext2
  kExt4DaxFault,
  kExt4DaxHugeFault,
  kExt4IomapBegin,
  kExt4IomapEnd,
  kXfsFilemapFault,
  kXfsFilemapHugeFault,
  kXfsFilemapPageMkwrite,
  kXfsFilemapPfnMkwrite,
  kXfsFilemapFaultCore,
  kXfsDaxReadFault,
  kXfsWriteFault,
  kXfsWriteFaultCore,
  kXfsWriteIomapBegin,
  kXfsReadIomapBegin,
  kXfsDaxWriteIomapEnd,
  // fs/dax.c, fs/iomap
  kDaxIomapFault,
  kDaxIomapPmdFault,
  kDaxIomapPteFault,
  kGrabMappingEntry,
  kIomapIter,
  kDaxFaultIter,
  kDaxIomapDirectAccess,
  kDaxDirectAccess,
  kDaxInsertEntry,
  kDaxUnlockEntry,
  // drivers/dax/device.c
  kDevDaxFault,
  kDevDaxHugeFault,
  kCheckVma,
  kDaxPgoffToPhys,
  kDaxSetMapping,
};

// "" where this kernel's function_graph does not show it.
std::string FaultFunctionName(const FaultProfile& profile,
                              FaultFunction function);

// All names there are in this kernel; those of the device stack are
// KernelFunctionName()'s (base/trace.h).
std::set<std::string> ModelledFunctions(const FaultProfile& profile);

}  // namespace dmdax

#endif  // DMDAX_BASE_FAULT_FUNCTIONS_H_
