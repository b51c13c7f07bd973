// SPDX-License-Identifier: Apache-2.0
//
// CheckMachine: all subjects of a machine, on all kernels that are asked.
//
//   absl::StatusOr<MachineCheck> machine =
//       CheckMachine({world, {"v6_1", "v6_12"}, /*names=*/{}, Wish::kPmd});
//   for (const SubjectReport& report : machine->subjects)
//     for (const DaxCheck& check : report.checks) Use(check);
//
// A kernel is loaded once for all subjects, and only one at a time.
// Threading: pure functions of a World.
#ifndef DMDAX_TOOLS_CHECK_MACHINE_CHECK_H_
#define DMDAX_TOOLS_CHECK_MACHINE_CHECK_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "state/source_map.h"
#include "state/world.pb.h"
#include "tools/check/dax_check.h"

namespace dmdax {

struct MachineRequest {
  const proto::World& world;
  std::vector<std::string> kernels;  // profiles; "" is the World's own
  std::vector<std::string> names;    // of subjects; none: DefaultSubjects()
  Wish wish = Wish::kPmd;
  SourceMap map = {};
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
};

struct MachineCheck {
  std::vector<SubjectReport> subjects;
  std::vector<std::string> without_pmem;  // see Subjects
  bool holds = true;                      // of all, on all kernels
  // Of one that does not hold it is certain on some kernel.
  bool fails = false;
};

// What the World says that it has not (LeftOut) is a subject of which nothing
// is known (DaxCheck::not_known). ENOENT, ENXIO: a name of the request is no
// subject's.  If neither any of the kernels nor the World's own takes the
// World: what that says.  That one of them does not is the error of its checks.
absl::StatusOr<MachineCheck> CheckMachine(const MachineRequest& request);

}  // namespace dmdax

#endif  // DMDAX_TOOLS_CHECK_MACHINE_CHECK_H_
