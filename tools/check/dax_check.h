// SPDX-License-Identifier: Apache-2.0
//
// DaxChecker: what programs get of files and devices on one kernel, everything
// that stands in their way, and what would cure it.
//
//   DaxChecker checker(world, "v6_1");
//   if (!checker.error().ok()) return checker.error();  // it is refused
//   for (const DaxCheck& check : checker.Check({"vg-home"}, Wish::kPmd)) {
//     for (const Obstacle& o : check.obstacles) std::cout << o.name << "\n";
//     check.best.pmd;   // bytes, once all are cured
//   }
//
// Obstacles hide each other: a chunk of 64 KiB hides that the queue is short,
// and both that the volume begins off a boundary.  So each is cured on a copy
// of the World (tools/check/cure.h), the copy is loaded, and asked again.  A
// cure that the kernel refuses, or that changes nothing, is told as untried,
// and the next obstacle is looked for without it.  One that comes again smaller
// than it was is met again: a cure need not reach all places that have it.
//
// Each subject is answered as if it were the only one.  The World is loaded
// once for all of them, and a cure that several have in common is tried once,
// on no more of the World than they depend on (tools/check/world_part.h).
// Threading: thread-compatible.
#ifndef DMDAX_TOOLS_CHECK_DAX_CHECK_H_
#define DMDAX_TOOLS_CHECK_DAX_CHECK_H_

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "state/session.h"
#include "state/source_map.h"
#include "state/world.pb.h"
#include "tools/check/cure_plan.h"
#include "tools/check/look.h"

namespace dmdax {

struct DaxCheck {
  std::string kernel;  // "v6_1"
  absl::Status error;  // the World cannot be loaded, or has no such subject
  // What nobody knows and the answer depends on.  The rest is then what would
  // be true if all that was taken is, without cures.
  std::vector<std::string> not_known;
  // What nobody knows either, and the answer is no whichever is true.
  std::vector<std::string> either_way;
  bool dax = false;
  bool sync = false;  // MAP_SYNC
  PageShares now;
  // With all cures that were tried.
  bool cured_dax = false, cured_sync = false;
  // What nobody knows and that depends on: cures end where it begins to.
  std::vector<std::string> cured_not_known;
  PageShares best;
  // In the order in which a page meets them; those that cost most first among
  // those met at once.
  std::vector<Obstacle> obstacles;
  CurePlan plan;  // of all that were cured
};

// A mount that the kernel does not take, which is no fault of the others.
struct RefusedMount {
  std::string path;
  BlockDevice* bdev = nullptr;
  absl::Status why;
  const proto::Mount* mount = nullptr;  // of the World
};

// What a kernel is asked for.
enum class AskedAs {
  kItself,
  // A release next to it is meant.  What the World shows and this kernel
  // refuses is not known.
  kNear,
  // The same of the release that the machine runs.  As it is mounted there with
  // DAX and reflink, that release takes the two; this kernel may be one that
  // takes them only apart, and is asked without reflink.
  kNeighbour,
};

class DaxChecker {
 public:
  // `kernel` is a profile's name, or "": the World's.  `map` places errors of
  // the World.  A mount that another kernel than the World's own refuses is
  // left out of the session, and no error.
  DaxChecker(proto::World world, const std::string& kernel,
             const SourceMap& map = {}, AskedAs as = AskedAs::kItself);

  DaxChecker(const DaxChecker&) = delete;
  DaxChecker& operator=(const DaxChecker&) = delete;

  // Why the World cannot be loaded; then all checks have this error.
  const absl::Status& error() const { return session_.status(); }
  // Once error() is OK.
  Session& session() { return *session_; }
  const std::vector<RefusedMount>& refused() const { return refused_; }
  // What this kernel was asked that is not quite the machine.
  std::vector<std::string> Notes() const;

  // In the order of the names.
  std::vector<DaxCheck> Check(absl::Span<const std::string> names, Wish wish);

 private:
  void LoadWithoutRefused();
  // A look at what is on a refused mount; nothing: it is on none.
  std::optional<Look> LookAtRefused(const std::string& name) const;
  // Why nobody knows what the machine's own kernel does, if that is asked; or
  // "".
  std::string OwnUnknown() const;
  // What the machine shows of the subject's mount against what this kernel
  // makes of it; "": nothing.
  std::string NotAsItRuns(const Look& look) const;
  // The refused mount that the path is in, or null.
  const RefusedMount* RefusedAbove(absl::string_view path) const;
  void FindRefused();

  const std::string kernel_;
  const AskedAs as_;
  const bool is_own_;               // the kernel of the World
  std::vector<std::string> taken_;  // of kNeighbour: mounts
  const proto::World world_;
  absl::StatusOr<Session> session_;
  std::vector<RefusedMount> refused_;
  // Of each the first.
  absl::flat_hash_map<std::string, const RefusedMount*> refused_at_;
  absl::flat_hash_map<const BlockDevice*, const RefusedMount*> refused_on_;
  absl::flat_hash_map<std::string,
                      std::pair<const RefusedMount*, const proto::File*>>
      refused_files_;
};

// Whether all of the subject but its tail has what is wished, and that is
// known.  A hole has nothing: what it gets is decided when it is written.
bool Holds(const DaxCheck& check, Wish wish);
bool HoldsCured(const DaxCheck& check, Wish wish);

}  // namespace dmdax

#endif  // DMDAX_TOOLS_CHECK_DAX_CHECK_H_
