// SPDX-License-Identifier: Apache-2.0
//
// Look: what one subject gets of a loaded machine, and what stands in its way
// at first sight.  tools/check/dax_check.h goes on from there.
//
//   const Look look = LookAt(session, {.name = "vg-home"});
//   if (!look.error.ok()) return look.error;   // there is no such subject
//   for (const Obstacle& o : look.obstacles) std::cout << o.name << "\n";
//
// The question is that of a program that uses what is there (kAsUsed): it
// reads, and writes what was allocated and never written.  What of a file is a
// hole says nothing of what a later write gets, and is counted apart.
// Threading: as Machine and DmCtl.
#ifndef DMDAX_TOOLS_CHECK_LOOK_H_
#define DMDAX_TOOLS_CHECK_LOOK_H_

#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "mm/fault_reason.h"
#include "process/sweep/dax_sweep.h"
#include "state/session.h"
#include "tools/check/cure.h"
#include "tools/check/dax_depth.h"
#include "tools/check/subject.h"

namespace dmdax {

enum class Wish { kDax, kPmd, kPud, kSync };
// As people ask for them.
inline constexpr std::pair<const char*, Wish> kWishNames[] = {
    {"dax", Wish::kDax},
    {"pmd", Wish::kPmd},
    {"pud", Wish::kPud},
    {"sync", Wish::kSync}};

// Of the pages that are wished for.
int OrderOf(Wish wish, const FaultProfile& faults);

// Of a preallocated file a read finds the zero page, though its blocks are
// there: the page that its program gets is that of the first write.
inline constexpr SweepAccess kAsUsed = {.unwritten_is_written = true};

// Bytes of a subject by what a first touch of them gets.
struct PageShares {
  uint64_t total = 0;
  uint64_t pud = 0, pmd = 0, pte = 0;
  uint64_t hole = 0;    // no block yet
  uint64_t signal = 0;  // the program is killed
  // What lies behind the last whole page of the size that is wished for, and
  // can never be in one.
  uint64_t tail = 0;
  // Those of all these that DAX has elsewhere than block I/O
  // (tools/check/off_page.h): whoever uses them loses data.
  uint64_t apart = 0;
};

// Bytes in large pages.
inline uint64_t Huge(const PageShares& shares) {
  return shares.pud + shares.pmd;
}

// The name of the obstacle that those apart are.
inline constexpr char kOffPage[] = "off_page";

// Which of the shares what a slot of a sweep gets belongs to.
using ShareOf = uint64_t PageShares::*;
ShareOf ShareOfOutcome(const SweepOutcome& out, const FaultProfile& faults);

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

  std::shared_ptr<const Cure> cure;  // null: nobody knows one
  bool tried = false;   // on a copy, which kernel and file system took
  std::string untried;  // why not
  PageShares after;     // with this and all before it cured
  // Whether `after` depends on what nobody said: it is not known then.
  bool after_open = false;
};

struct LookRequest {
  std::string name;  // of the subject
  Wish wish = Wish::kPmd;
};

struct Look {
  absl::Status error;
  bool dax = false;
  bool sync = false;  // MAP_SYNC
  PageShares shares;
  std::vector<Obstacle> obstacles;   // those met at once
  std::vector<FaultReason> reasons;  // theirs; none of a hole
  Subject subject;                   // closed
};

// Whether all of it but its tail has what is wished for.
bool HasWish(const Look& look, Wish wish);

// Adds to the look at a subject without DAX why that is so.
void AddNotDax(const Session& session, Look& look);

Look LookAt(Session& session, const LookRequest& request);

}  // namespace dmdax

#endif  // DMDAX_TOOLS_CHECK_LOOK_H_
