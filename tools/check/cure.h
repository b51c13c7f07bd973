// SPDX-License-Identifier: Apache-2.0
//
// Cures: for a reason that keeps pages small, what to change in the machine,
// and what a person types for it.
//
//   proto::World better = world;
//   if (std::optional<Cure> cure = FindCure({reason, session, subject},
//   better)) {
//     // `better` is the machine after it: load it, and see whether it helps.
//   }
//
// A cure says nothing of what it does to data: where a layout changes, the
// volume is made anew, and the remark says so.
// Threading: pure functions of a machine and a World.
#ifndef DMDAX_TOOLS_CHECK_CURE_H_
#define DMDAX_TOOLS_CHECK_CURE_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "mm/fault_reason.h"
#include "state/session.h"
#include "state/world.pb.h"
#include "tools/check/subject.h"

namespace dmdax {

struct CureRequest {
  const FaultReason& reason;
  const Session& session;  // in which the reason was found
  const Subject& subject;
  // Of a file: where that ends on the device what other files have (bytes).
  uint64_t used_end = 0;
};

struct Cure {
  std::vector<std::string> commands;
  std::string remark;  // what it costs, or why there is no command
  // Whether the World was changed, so that the cure can be tried.
  bool in_world = false;
};

// What a cure depends on, as one key: subjects with equal keys are cured by the
// same change.
std::string CureKey(const FaultReason& reason, const Subject& subject);

// What allocates `bytes` of a file of ext4 in places that are aligned, where
// the stripe of the file system is 2 MiB: `disk` is what the kernel calls its
// device ("dm-0").  ext4 aligns pieces of just its stripe and lets the rest of
// a longer one lie anywhere, and it does so only in groups that it knows since
// it was mounted, which are all of them when mb_groups was read.
// Mirrors: ext4_mb_normalize_request, ext4_mb_scan_aligned of
// fs/ext4/mballoc.c (6.1).
std::vector<std::string> Ext4AllocateLines(const std::string& disk,
                                           const std::string& file,
                                           uint64_t bytes);

// Nothing when nobody knows one.
std::optional<Cure> FindCure(const CureRequest& request, proto::World& world);

// The namespace of a disk, as the kernel numbers both: that of pmem0 is
// "namespace0.0".
std::string NamespaceOf(const std::string& disk);

// --- one family a file ---
using CureFn = std::optional<Cure>(const CureRequest& request,
                                   proto::World& world);
CureFn CureChunk, CureMaxSectors, CureTargetStart, CureTargetEnd;
CureFn CurePartition, CureNamespaceAlign, CureRawNamespace, CureBadBlocks,
    CureDevDaxAlign;
CureFn CureExtents, CureNotDax;

}  // namespace dmdax

#endif  // DMDAX_TOOLS_CHECK_CURE_H_
