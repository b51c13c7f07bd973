// SPDX-License-Identifier: Apache-2.0
//
// CheckMachine: all subjects of a machine, on all kernels that are asked.
//
//   absl::StatusOr<MachineCheck> machine =
//       CheckMachine({world, {"v6_1", "v6_12"}, /*names=*/{}, Wish::kPmd});
//   for (const SubjectReport& report : machine->subjects)
//     for (const DaxCheck& check : report.checks) Use(check);
//
// A machine whose kernel no profile is of (World::release) is asked on both
// profiles next to it: what changed between them came before its release or
// after it, and a vendor may have carried it back.  Where both say the same,
// that is the answer; where they differ nobody knows.
//
// A kernel is loaded once for all subjects, and only one at a time.
// Threading: pure functions of a World.
#ifndef DMDAX_TOOLS_CHECK_MACHINE_CHECK_H_
#define DMDAX_TOOLS_CHECK_MACHINE_CHECK_H_

#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "base/kernel_alias.h"
#include "state/source_map.h"
#include "state/world.pb.h"
#include "tools/check/dax_check.h"

namespace dmdax {

struct MachineRequest {
  const proto::World& world;
  // Profiles; "" is the World's own, and alone those next to its release.
  std::vector<std::string> kernels;
  std::vector<std::string> names;  // of subjects; none: DefaultSubjects()
  Wish wish = Wish::kPmd;
  SourceMap map = {};
  // Of what release `kernels` are the two neighbours.
  std::optional<KernelAnswer> between = std::nullopt;
};

// One subject on all kernels that were asked.
struct SubjectReport {
  std::string name;
  Subject::Kind kind = Subject::kDevice;
  std::string mount;  // of a file, or of a device with a file system
  // Of a device that was asked for by name: what stands on it, which keeps
  // programs from it.
  std::vector<std::string> held_by;
  std::vector<DaxCheck> checks;
  std::string between;  // of what release they are the neighbours: "5.4"
};

enum class Verdict { kYes, kNo, kNotKnown };

// Yes: on all kernels.  No: on some kernel that is certain, or of a release
// between two on both.
Verdict VerdictOf(const SubjectReport& report, Wish wish);

// "v4_14 says no, v5_10 says yes": why nobody knows of a release between two;
// "": it is no such release, or what they say is the same.
std::string NeighboursDiffer(const SubjectReport& report, Wish wish);

struct MachineCheck {
  std::vector<SubjectReport> subjects;
  std::vector<std::string> without_pmem;  // see Subjects
  bool holds = true;                      // Verdict::kYes of all
  bool fails = false;                     // Verdict::kNo of some
  // The release whose two neighbours were asked.
  std::optional<KernelAnswer> between;
  std::vector<std::string> notes;  // what was asked that is not the machine
};

// What the World says that it has not (LeftOut) is a subject of which nothing
// is known (DaxCheck::not_known). ENOENT, ENXIO: a name of the request is no
// subject's.  If neither any of the kernels nor the World's own takes the
// World: what that says.  That one of them does not is the error of its checks.
absl::StatusOr<MachineCheck> CheckMachine(const MachineRequest& request);

}  // namespace dmdax

#endif  // DMDAX_TOOLS_CHECK_MACHINE_CHECK_H_
