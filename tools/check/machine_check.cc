// SPDX-License-Identifier: Apache-2.0
#include "tools/check/machine_check.h"

#include <map>
#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/kernel_profile.h"
#include "state/world_load.h"

namespace dmdax {
namespace {

// Which subjects a request is about.
struct Asked {
  bool all = false;
  std::vector<std::string> names;               // those of the World
  std::vector<const proto::LeftOut*> left_out;  // and those that it has not
};

Asked AskedFor(const MachineRequest& request) {
  Asked asked{.all = request.names.empty()};
  std::map<std::string, const proto::LeftOut*> known;
  for (const proto::LeftOut& left : request.world.left_out()) {
    known.try_emplace(left.name(), &left);
    if (asked.all) asked.left_out.push_back(&left);
  }
  for (const std::string& name : request.names) {
    const auto left = known.find(name);
    if (left == known.end()) {
      asked.names.push_back(name);
    } else {
      asked.left_out.push_back(left->second);
    }
  }
  return asked;
}

// The names to ask about: those of the request, if there are such subjects.
absl::StatusOr<Subjects> NamesOn(Session& session, const Asked& asked) {
  if (asked.all) return DefaultSubjects(session);
  Subjects found{.names = asked.names};
  for (const std::string& name : asked.names) {
    absl::StatusOr<Subject> subject = OpenSubject(session, name);
    if (!subject.ok()) return subject.status();
    CloseSubject(session, *subject);
    found.known[name] = {subject->kind, subject->mount};
    if (subject->kind != Subject::kDevice || !subject->mount.empty()) continue;
    found.held_by[name] = DevicesOn(session, *subject->bdev);
  }
  return found;
}

// What a World says that it has not: no kernel has an answer.
SubjectReport LeftOutReport(const proto::LeftOut& left,
                            const MachineRequest& request) {
  SubjectReport report{.name = left.name()};
  for (const std::string& kernel : request.kernels) {
    absl::StatusOr<const KernelProfile*> profile =
        FindKernelProfile(kernel.empty() ? request.world.kernel() : kernel);
    const KernelProfile& shown =
        profile.ok() ? **profile : DefaultKernelProfile();
    report.checks.push_back(
        {.kernel = std::string(shown.name),
         .not_known = {absl::StrCat("it is left out: ", left.why())}});
  }
  return report;
}

}  // namespace

absl::StatusOr<MachineCheck> CheckMachine(const MachineRequest& request) {
  const Asked asked = AskedFor(request);
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
      absl::StatusOr<Subjects> found = NamesOn(*own, asked);
      if (!found.ok()) return found.status();
      subjects = *std::move(found);
    }
    if (!subjects) {
      absl::StatusOr<Subjects> found = NamesOn(checker.session(), asked);
      if (!found.ok()) return found.status();
      subjects = *std::move(found);
    }
    by_kernel.emplace_back(checker.Check(subjects->names, request.wish));
  }
  if (!subjects) {
    // None that was asked takes it, but its own may.
    absl::StatusOr<Session> own = LoadWorld(request.world, request.map);
    if (!own.ok()) return own.status();
    absl::StatusOr<Subjects> found = NamesOn(*own, asked);
    if (!found.ok()) return found.status();
    subjects = *std::move(found);
  }
  MachineCheck machine{.without_pmem = std::move(subjects->without_pmem)};
  for (size_t i = 0; i < subjects->names.size(); ++i) {
    SubjectReport report{.name = subjects->names[i]};
    report.held_by = subjects->held_by[report.name];
    if (const auto known = subjects->known.find(report.name);
        known != subjects->known.end()) {
      report.kind = known->second.first;
      report.mount = known->second.second;
    }
    for (size_t k = 0; k < by_kernel.size(); ++k) {
      DaxCheck check = by_kernel[k].ok()
                           ? std::move((*by_kernel[k])[i])
                           : DaxCheck{.kernel = request.kernels[k],
                                      .error = by_kernel[k].status()};
      const bool holds = Holds(check, request.wish);
      machine.holds &= holds;
      machine.fails |= !holds && check.not_known.empty();
      report.checks.push_back(std::move(check));
    }
    machine.subjects.push_back(std::move(report));
  }
  for (const proto::LeftOut* left : asked.left_out) {
    machine.subjects.push_back(LeftOutReport(*left, request));
    machine.holds = false;
  }
  return machine;
}

}  // namespace dmdax
