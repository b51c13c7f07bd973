// SPDX-License-Identifier: Apache-2.0
#include "tools/check/machine_check.h"

#include <map>
#include <optional>
#include <utility>

#include "absl/algorithm/container.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "base/kernel_profile.h"
#include "dm/walk_budget.h"
#include "import/unread_input.h"
#include "state/world_load.h"
#include "tools/check/name_in_world.h"
#include "tools/check/not_known.h"
#include "tools/check/stands_on.h"

namespace dmdax {
namespace {

// Which subjects a request is about.
struct Asked {
  bool all = false;
  std::vector<std::string> names;               // those of the World
  std::vector<const proto::LeftOut*> left_out;  // and those that it has not
  // And those that inputs may have which could not be read.
  std::vector<proto::LeftOut> unread = {};
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

// A mount of which files are known is these: that its volume allows large pages
// says nothing of where they lie.  Whether it is one.
bool AddFilesOf(const Session& session, const std::string& name,
                Subjects* found) {
  if (!absl::StartsWith(name, "/")) return false;
  const absl::StatusOr<MountPoint*> mount = session.user->FindMount(name);
  if (!mount.ok() || (*mount)->files().empty()) return false;
  for (const auto& [below, file] : (*mount)->files()) {
    if (found->known
            .try_emplace(file->path, Subject::kFile, (*mount)->options().path)
            .second) {
      found->names.push_back(file->path);
    }
  }
  return true;
}

// The files in a directory of a mount, which is another mount's root.  Whether
// there are any.
bool AddFilesIn(const Session& session, const std::string& directory,
                Subjects* found) {
  bool any = false;
  const std::string begin = absl::StrCat(directory, "/");
  for (const auto& [at, mount] : session.user->mounts()) {
    for (const auto& [below, file] : mount->files()) {
      if (!absl::StartsWith(file->path, begin)) continue;
      any = true;
      if (found->known
              .try_emplace(file->path, Subject::kFile, mount->options().path)
              .second) {
        found->names.push_back(file->path);
      }
    }
  }
  return any;
}

// An input that nobody could read may have it; null: none may.
const proto::LeftOut* MayBeIn(const proto::World& world,
                              const std::string& name) {
  if (!absl::StartsWith(name, "/") || absl::StartsWith(name, "/dev/")) {
    return nullptr;
  }
  const auto unread =
      absl::c_find_if(world.left_out(), [](const proto::LeftOut& left) {
        return KindOfLeftOut(left.why()) == LeftOutKind::kFiles;
      });
  return unread == world.left_out().end() ? nullptr : &*unread;
}

// The names to ask about: those of the request, if there are such subjects.
absl::StatusOr<Subjects> NamesOn(Session& session, const proto::World& world,
                                 Asked& asked) {
  if (asked.all) return DefaultSubjects(session);
  Subjects found;
  std::optional<StandsOn> stands_on;  // of many names, and not of each
  for (const std::string& said : asked.names) {
    const std::string name = NameInWorld(session, said);
    if (AddFilesOf(session, name, &found) ||
        (name != said && AddFilesIn(session, name, &found))) {
      continue;
    }
    absl::StatusOr<Subject> subject = OpenSubject(session, name);
    if (!subject.ok()) {
      const proto::LeftOut* const unread = MayBeIn(world, name);
      if (unread == nullptr) return subject.status();
      proto::LeftOut& left = asked.unread.emplace_back();
      left.set_name(name);
      left.set_why(absl::StrCat("no input that could be read has it, and ",
                                unread->name(), " is ", unread->why()));
      continue;
    }
    CloseSubject(session, *subject);
    const bool fresh =
        found.known.try_emplace(name, subject->kind, subject->mount).second;
    if (fresh) found.names.push_back(name);
    if (subject->kind != Subject::kDevice || !subject->mount.empty()) continue;
    if (!stands_on) stands_on.emplace(world, session);
    found.held_by[name] = stands_on->NamesOn(subject->bdev);
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
    report.checks.push_back({.kernel = std::string(shown.name),
                             .not_known = {LeftOutText(left.why())}});
  }
  return report;
}

Verdict VerdictOn(const DaxCheck& check, Wish wish) {
  if (Holds(check, wish)) return Verdict::kYes;
  return check.not_known.empty() ? Verdict::kNo : Verdict::kNotKnown;
}

// The kernels that "" stands for.
MachineRequest WithNeighbours(MachineRequest request) {
  if (request.kernels != std::vector<std::string>{""}) return request;
  KernelAnswer own = KernelOf(request.world);
  if (own.above == nullptr) return request;
  // "" is one of the two.
  const absl::StatusOr<const KernelProfile*> kernel =
      FindKernelProfile(request.world.kernel());
  if (kernel.ok() && *kernel == own.above) {
    request.kernels.insert(request.kernels.begin(), own.profile->name);
  } else {
    request.kernels.push_back(own.above->name);
  }
  request.between = std::move(own);
  return request;
}

AskedAs AskedOf(const MachineRequest& request, const std::string& kernel) {
  if (!request.between || kernel.empty()) return AskedAs::kItself;
  const KernelAnswer own = KernelOf(request.world);
  return own.above != nullptr && own.between == request.between->between
             ? AskedAs::kNeighbour
             : AskedAs::kNear;
}

absl::StatusOr<MachineCheck> Check(const MachineRequest& request) {
  Asked asked = AskedFor(request);
  std::optional<Subjects> subjects;
  // What each kernel says of all subjects, or why it does not take the World.
  std::vector<absl::StatusOr<std::vector<DaxCheck>>> by_kernel;
  std::vector<std::string> notes;
  for (const std::string& kernel : request.kernels) {
    const WalkBudget budget;
    DaxChecker checker(request.world, kernel, request.map,
                       AskedOf(request, kernel));
    if (!checker.error().ok()) {
      by_kernel.emplace_back(checker.error());
      continue;
    }
    if (!subjects && !checker.refused().empty()) {
      // Its session lacks what is on refused mounts.
      absl::StatusOr<Session> own = LoadWorld(request.world, request.map);
      if (!own.ok()) return own.status();
      absl::StatusOr<Subjects> found = NamesOn(*own, request.world, asked);
      if (!found.ok()) return found.status();
      subjects = *std::move(found);
    }
    if (!subjects) {
      absl::StatusOr<Subjects> found =
          NamesOn(checker.session(), request.world, asked);
      if (!found.ok()) return found.status();
      subjects = *std::move(found);
    }
    by_kernel.emplace_back(checker.Check(subjects->names, request.wish));
    for (std::string& note : checker.Notes()) notes.push_back(std::move(note));
  }
  if (!subjects) {
    // None that was asked takes it, but its own may.
    absl::StatusOr<Session> own = LoadWorld(request.world, request.map);
    if (!own.ok()) return own.status();
    absl::StatusOr<Subjects> found = NamesOn(*own, request.world, asked);
    if (!found.ok()) return found.status();
    subjects = *std::move(found);
  }
  MachineCheck machine{.without_pmem = std::move(subjects->without_pmem),
                       .between = request.between,
                       .notes = std::move(notes)};
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
      report.checks.push_back(std::move(check));
    }
    machine.subjects.push_back(std::move(report));
  }
  for (const proto::LeftOut* left : asked.left_out) {
    machine.subjects.push_back(LeftOutReport(*left, request));
  }
  for (const proto::LeftOut& left : asked.unread) {
    machine.subjects.push_back(LeftOutReport(left, request));
  }
  for (SubjectReport& report : machine.subjects) {
    if (request.between) report.between = request.between->between;
    const Verdict verdict = VerdictOf(report, request.wish);
    machine.holds &= verdict == Verdict::kYes;
    machine.fails |= verdict == Verdict::kNo;
  }
  return machine;
}

}  // namespace

Verdict VerdictOf(const SubjectReport& report, Wish wish) {
  bool all_hold = true, all_fail = true, some_fail = false;
  for (const DaxCheck& check : report.checks) {
    const Verdict verdict = VerdictOn(check, wish);
    all_hold &= verdict == Verdict::kYes;
    all_fail &= verdict == Verdict::kNo;
    some_fail |= verdict == Verdict::kNo;
  }
  if (all_hold) return Verdict::kYes;
  const bool fails = report.between.empty() ? some_fail : all_fail;
  return fails ? Verdict::kNo : Verdict::kNotKnown;
}

std::string NeighboursDiffer(const SubjectReport& report, Wish wish) {
  if (report.between.empty()) return "";
  std::vector<std::string> said;
  bool differ = false;
  for (const DaxCheck& check : report.checks) {
    const Verdict verdict = VerdictOn(check, wish);
    differ |= verdict != VerdictOn(report.checks[0], wish);
    said.push_back(absl::StrCat(check.kernel,
                                verdict == Verdict::kYes  ? " says yes"
                                : verdict == Verdict::kNo ? " says no"
                                                          : " does not know"));
  }
  return differ ? absl::StrJoin(said, ", ") : "";
}

absl::StatusOr<MachineCheck> CheckMachine(const MachineRequest& request) {
  return Check(WithNeighbours(request));
}

}  // namespace dmdax
