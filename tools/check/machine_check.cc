// SPDX-License-Identifier: Apache-2.0
#include "tools/check/machine_check.h"

#include <optional>
#include <utility>

#include "state/world_load.h"

namespace dmdax {
namespace {

// The names to ask about: those of the request, if there are such subjects.
absl::StatusOr<Subjects> NamesOn(Session& session,
                                 const std::vector<std::string>& names) {
  if (names.empty()) return DefaultSubjects(session);
  for (const std::string& name : names) {
    absl::StatusOr<Subject> subject = OpenSubject(session, name);
    if (!subject.ok()) return subject.status();
    CloseSubject(session, *subject);
  }
  return Subjects{.names = names};
}

}  // namespace

absl::StatusOr<MachineCheck> CheckMachine(const MachineRequest& request) {
  std::optional<Subjects> subjects;
  // What each kernel says of all subjects, or why it does not take the World.
  std::vector<absl::StatusOr<std::vector<DaxCheck>>> by_kernel;
  for (const std::string& kernel : request.kernels) {
    DaxChecker checker(request.world, kernel, request.map);
    if (!checker.error().ok()) {
      by_kernel.emplace_back(checker.error());
      continue;
    }
    if (!subjects && !checker.refused().empty()) {
      // Its session lacks what is on refused mounts.
      absl::StatusOr<Session> own = LoadWorld(request.world, request.map);
      if (!own.ok()) return own.status();
      absl::StatusOr<Subjects> found = NamesOn(*own, request.names);
      if (!found.ok()) return found.status();
      subjects = *std::move(found);
    }
    if (!subjects) {
      absl::StatusOr<Subjects> found =
          NamesOn(checker.session(), request.names);
      if (!found.ok()) return found.status();
      subjects = *std::move(found);
    }
    by_kernel.emplace_back(checker.Check(subjects->names, request.wish));
  }
  if (!subjects) {
    // None that was asked takes it, but its own may.
    absl::StatusOr<Session> own = LoadWorld(request.world, request.map);
    if (!own.ok()) return own.status();
    absl::StatusOr<Subjects> found = NamesOn(*own, request.names);
    if (!found.ok()) return found.status();
    subjects = *std::move(found);
  }
  MachineCheck machine{.without_pmem = std::move(subjects->without_pmem)};
  for (size_t i = 0; i < subjects->names.size(); ++i) {
    SubjectReport report{.name = subjects->names[i]};
    for (size_t k = 0; k < by_kernel.size(); ++k) {
      DaxCheck check = by_kernel[k].ok()
                           ? std::move((*by_kernel[k])[i])
                           : DaxCheck{.kernel = request.kernels[k],
                                      .error = by_kernel[k].status()};
      machine.holds &= Holds(check, request.wish);
      report.checks.push_back(std::move(check));
    }
    machine.subjects.push_back(std::move(report));
  }
  return machine;
}

}  // namespace dmdax
