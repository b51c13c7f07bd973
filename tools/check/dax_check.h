// SPDX-License-Identifier: Apache-2.0
//
// DaxCheck: what a program gets of a file or device on one kernel, everything
// that stands in its way, and what would cure it.
//
//   DaxCheck check = CheckSubject(world, {.kernel = "v6_1", .name =
//   "/mnt/db"}); if (!check.error.ok()) return check.error;   // the kernel
//   refuses the World for (const Obstacle& o : check.obstacles) std::cout <<
//   o.name << "\n"; check.best.pmd;                              // bytes, once
//   all are cured
//
// Obstacles hide each other: a chunk of 64 KiB hides that the queue is short,
// and both that the volume begins off a boundary.  So each is cured on a copy
// of the World (tools/check/cure.h), the copy is loaded, and asked again.  A
// cure that the kernel refuses, or that changes nothing, is told as untried,
// and the next obstacle is looked for without it.
//
// The question is read access, as process/sweep/dax_sweep.h asks it: what of a
// file is a hole says nothing of what a later write gets, and is counted apart.
// Threading: pure functions of a World.
#ifndef DMDAX_TOOLS_CHECK_DAX_CHECK_H_
#define DMDAX_TOOLS_CHECK_DAX_CHECK_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "state/source_map.h"
#include "state/world.pb.h"
#include "tools/check/cure.h"
#include "tools/check/dax_depth.h"

namespace dmdax {

enum class Wish { kDax, kPmd, kPud, kSync };

struct CheckRequest {
  std::string kernel;  // a profile's name; "": the World's
  std::string name;    // of the subject
  Wish wish = Wish::kPmd;
};

// Bytes of a subject by what a first touch of them gets.
struct PageShares {
  uint64_t total = 0;
  uint64_t pud = 0, pmd = 0, pte = 0;
  uint64_t hole = 0;    // no block yet
  uint64_t signal = 0;  // the program is killed
  // What lies behind the last whole page of the size that is wished for, and
  // can never be in one.
  uint64_t tail = 0;
};

struct Obstacle {
  // "run_chunk": the heading in docs/fault-reasons.md; "hole" has none.
  std::string name;
  std::string text;     // with its numbers, at the first place that has it
  std::string level;    // "target striped [0 +4096] of vg-db (dm-0)", or ""
  std::string device;   // "dm-0", or ""
  uint64_t levels = 1;  // rows of the device that have it
  // Bytes of the subject that it kept from larger pages when it was the first
  // that did.
  uint64_t bytes = 0;
  // Without DAX: the levels down to what ends it.
  std::vector<NotDaxLevel> down;

  std::optional<Cure> cure;
  bool tried = false;   // on a copy, which kernel and file system took
  std::string untried;  // why not
  PageShares after;     // with this and all before it cured
};

struct DaxCheck {
  std::string kernel;  // "v6_1"
  absl::Status error;  // the World cannot be loaded, or has no such subject
  bool dax = false;
  bool sync = false;  // MAP_SYNC
  PageShares now, best;
  // In the order in which a page meets them; those that cost most first among
  // those met at once.
  std::vector<Obstacle> obstacles;
};

// `map` places errors of the World.
DaxCheck CheckSubject(const proto::World& world, const CheckRequest& request,
                      const SourceMap& map = {});

// Whether all of the subject but its tail has what is wished.  A hole has
// nothing: what it gets is decided when it is written.
bool Holds(const DaxCheck& check, const PageShares& shares, Wish wish);

}  // namespace dmdax

#endif  // DMDAX_TOOLS_CHECK_DAX_CHECK_H_
