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
// A cure's steps are of what it changes itself.  What a volume that is made
// anew needs besides (its file system, its mount) is CurePlan's
// (tools/check/cure_plan.h), which puts the steps of all cures in order.
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
#include "tools/check/stands_on.h"
#include "tools/check/subject.h"

namespace dmdax {

struct CureRequest {
  const FaultReason& reason;
  const Session& session;  // in which the reason was found
  const Subject& subject;
  int order = 0;  // of the pages that are wished for; 0: the reason's
  // All of the machine, where the session is a part of it; null: it is whole.
  const Session* machine = nullptr;
  StandsOn* stands_on = nullptr;  // of that machine
  // Of a file: where that ends on the device what other files have (bytes).
  uint64_t used_end = 0;
};

// The order in which steps can be carried out: what stands on a thing goes
// before it, and is made after it.
enum class CureStage {
  kLook,      // ends the list before anything has happened
  kRemember,  // reads what is made again just so
  kUnmount,
  kClosedLook,  // ends the list where what goes is still in use
  kConvert,     // a volume keeps its data
  kRemoveVolume,
  kRemoveGroup,
  kNamespace,
  kPartition,
  kPhysicalVolume,
  kGroup,
  kVolume,
  kReload,    // another table in the same place: nothing goes
  kSettings,  // of a group that is made anew, and its volumes
  kQueue,
  kMkfs,
  kMount,
  kDirectory,  // those of files in a file system that is made anew
  kRemount,
  kHoles,  // blocks where a file has none; new blocks for all are kFile's
  kFile,
};

// What others have to know of a step.
enum class CureTool {
  kAny,
  kDmsetup,      // removes or makes what somebody else makes when it starts
  kUdevRule,     // writes a rule of the system that it is typed in
  kClearErrors,  // takes nothing away
};

struct CureStep {
  CureStage stage;
  // What it makes or removes: "vg", "vg-home", "pmem0", "/mnt".  Of two steps
  // of a stage about the same thing the later one has the earlier in it.
  std::string about;
  std::string command;     // for a shell
  std::string mount = "";  // of a file's step: where its file system is
  CureTool tool = CureTool::kAny;
};

// Whether what stands on the thing is lost with such a step.
bool MakesAnew(const CureStep& step);

struct Cure {
  std::string change;           // "chunks of 2 MiB": what it comes to
  std::vector<CureStep> steps;  // in their order; empty: nobody can type it
  std::string remark;           // what it costs, or why there is no command
  std::string before;           // what the list itself does not do, or ""
  // The names of physical volumes that pvcreate makes anew, with all of their
  // group that stands there.
  std::vector<std::string> physical_volumes;
  // The volume whose step says which extents of the group it has, or "".
  std::string placed;
  // What of worth is given up that no list gives back, or "".
  std::string gives_up;
  // What goes besides the things that steps make anew: "vg-snapshot".
  std::vector<std::string> goes;
  // Whether the World was changed, so that the cure can be tried.
  bool in_world = false;

  std::vector<std::string> Commands() const;
};

// Whether the file system of whom it cures is made anew with it.
bool MakesFilesAnew(const Cure& cure);

// Whether it gives one file other blocks, so that others have nothing of it.
bool IsForOneFile(const Cure& cure);

// What a cure depends on, as one key: subjects with equal keys are cured by the
// same change.  `world` is the one that they are in.
std::string CureKey(const FaultReason& reason, const Subject& subject,
                    const proto::World& world);

// Whether the file would have DAX with its flag, where a mount that gives it to
// all of them wants the file system made anew.
bool WantsDaxFlag(const Subject& subject, const proto::World& world);

// The ways to cure a reason, in the order in which they are tried.
enum class CureWay {
  kGentle,  // leaves data where it is that the main one would not
  kMain,    // the one to be told of if none helps
  kOwn,     // changes what nobody else stands on
};

// Nothing when nobody knows one of that way, or when it would change nothing.
// Of a reason that is none the subject is a file with holes.
std::optional<Cure> FindCure(CureWay way, const CureRequest& request,
                             proto::World& world);
inline std::optional<Cure> FindCure(const CureRequest& request,
                                    proto::World& world) {
  return FindCure(CureWay::kMain, request, world);
}

// Whether there are other ways than the main one.
bool HasOtherWays(const FaultReason& reason);

// --- one family a file ---
using CureFn = std::optional<Cure>(const CureRequest& request,
                                   proto::World& world);
CureFn CureChunk, CureMaxSectors, CureTargetStart, CureTargetEnd, CureOffPage,
    CureNoPage, CureRowEnds, CureOddEnd;
CureFn CurePartition, CureNamespaceAlign, CureRawNamespace, CureBadBlocks,
    CureDevDaxAlign;
CureFn CureExtents, CureHoles, CureNotDax, CureDaxFlag, CureFsNoPud;
// Moves LVM2's volume alone, by whole extents.
CureFn CureVolumeAlone;
// Moves the highest volume of the subject that can be moved, which makes up for
// all that is off below it, so that what else stands there keeps its place.
CureFn CureOwnRows;
// Moves the lowest volume of the subject whose data is off, so that it makes up
// for what is off below; nothing: none is.
CureFn CureByVolume;

}  // namespace dmdax

#endif  // DMDAX_TOOLS_CHECK_CURE_H_
