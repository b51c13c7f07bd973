// SPDX-License-Identifier: Apache-2.0
//
// DrawModel: a machine's stacks as what a picture shows of them: levels of
// nodes with what stands on what, and of each node its address space: which
// page each part of it gets and why, and where it lands on the nodes below.
//
//   absl::StatusOr<DrawModel> model = MakeDrawModel({world, "v6_1"});
//   for (const DrawNode& node : model->nodes)
//     std::cout << node.level << ": " << node.name << "\n";
//
// What pages a node gets is what process/sweep/dax_sweep.h says of it, for each
// node as if a file covered it; what stands in the way of a subject, and the
// cure, is what tools/check/dax_check.h says.
//
// A picture must stay small, whatever the machine.  A strip or a table with
// more parts than there is room for is summarised: `mixed` blocks and rows that
// stand for several say so.  A stripe's repetitions are kept as such, so that a
// hundred terabytes of them are exact.  What has no room at all is counted in
// `left_out`.  It must not take hours either: what has so many pages to be
// asked one by one that a check refuses it is drawn without them (`not_asked`).
// Threading: pure functions of a World; the model is plain values.
#ifndef DMDAX_TOOLS_DRAW_DRAW_MODEL_H_
#define DMDAX_TOOLS_DRAW_DRAW_MODEL_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "state/source_map.h"
#include "state/world.pb.h"
#include "tools/check/look.h"

namespace dmdax {

// What bytes get; the order is that of the legend.
enum class DrawKind {
  kPud,
  kPmd,
  kPte,
  kTail,
  kHole,
  kSignal,
  kNotDax,
  kNotAsked,  // a limit of ours
};
inline constexpr size_t kDrawKinds = 8;
// "pmd" and "2 MiB page": for programs and for people.
const char* DrawKindName(DrawKind kind);
const char* DrawKindText(DrawKind kind);

struct DrawReason {
  std::string name;  // "pfn_target": the heading in docs/fault-reasons.md
  std::string text;
  std::string level;  // or ""
  int cure = -1;      // in DrawModel::cures; -1: none is known
};

// What `dmdax check` prints for an obstacle.
struct DrawCure {
  std::vector<std::string> commands;
  std::string remark;
  std::string after;    // what the subject then gets, if it was tried
  std::string untried;  // why it was not
};

// Bytes next to each other that get the same.
struct DrawRange {
  uint64_t bytes = 0;
  DrawKind kind = DrawKind::kPte;
  int reason = -1;  // in DrawModel::reasons
};

// Ranges that come again and again, every `repeat` bytes, up to `bytes`.
struct DrawBlock {
  uint64_t bytes = 0;
  uint64_t repeat = 0;  // the sum of the ranges
  // The ranges say how much of each there is, not where.
  bool mixed = false;
  std::vector<DrawRange> ranges;
};

// A part of a node's address space, and what is below it.
struct DrawRow {
  struct Leg {
    int node = -1;       // -1: left out
    uint64_t start = 0;  // bytes, on that node
    uint64_t bytes = 0;  // of that node
  };
  uint64_t start = 0, bytes = 0;
  std::string what;    // "linear", "striped", "extent", "partition"
  uint64_t chunk = 0;  // bytes; 0: one leg, or nobody knows where a byte lands
  // Byte x of the row is byte x of the one leg, or with a chunk the stripe's.
  bool exact = false;
  uint64_t rows = 1;  // more: a summary of so many
  std::vector<Leg> legs;
};

// Memory: `bytes` of the node from `start` on are at this physical address.
struct DrawMemory {
  uint64_t start = 0, bytes = 0, phys = 0;
};

struct DrawNode {
  // kUnknown: what the World says that it has not (LeftOut), or cannot be
  // walked.
  enum Type { kFile, kDevDax, kMapped, kPartition, kPmem, kDisk, kUnknown };

  std::string name;    // "/mnt/f", "vg-home", "pmem0"
  std::string device;  // "dm-0", or ""
  Type type = kDisk;
  int level = 0;      // 0 is the top
  uint64_t size = 0;  // bytes
  bool subject = false;
  bool dax = false;
  bool holds = false;  // of a subject: all of it gets 2 MiB pages
  std::string detail;  // "ext4 on /mnt", "2 rows: linear, striped"
  PageShares shares;
  std::vector<int> obstacles;  // of a subject: what dmdax check lists
  // Of a subject: DaxCheck::not_known.  If there is any the rest is what it
  // would be with what was taken.
  std::vector<std::string> not_known;
  // Why nobody knows which pages its strip gets; "": it was asked.
  std::string not_asked;
  std::vector<DrawBlock> blocks;
  std::vector<DrawRow> rows;
  std::vector<DrawMemory> memory;
  uint64_t all_ranges = 0, all_rows = 0;  // before anything was summarised
};

struct DrawEdge {
  int from = 0, to = 0;  // nodes; `from` stands on `to`
  std::string what;      // "linear", "striped 64 KiB"
  uint64_t rows = 0;
};

struct DrawModel {
  std::string kernel;  // "v6_1"
  int levels = 0;
  std::vector<DrawNode> nodes;  // of one level next to each other
  std::vector<DrawEdge> edges;
  std::vector<DrawReason> reasons;
  std::vector<DrawCure> cures;
  uint64_t left_out = 0;  // subjects and devices for which there is no room
  std::vector<std::string> without_pmem;  // see Subjects
};

struct DrawRequest {
  const proto::World& world;
  std::string kernel;              // a profile's name; "": the World's
  std::vector<std::string> names;  // of subjects; none: all
  SourceMap map = {};
  size_t most_nodes = 200;
  // Ranges, and as many legs of rows, of all nodes.
  size_t most_parts = 16384;
};

// ENOENT, ENXIO: a name is no subject's, or there is nothing to draw; what the
// kernel says of a World that it does not take.
absl::StatusOr<DrawModel> MakeDrawModel(const DrawRequest& request);

// How many bytes of [from, to) of a node get what.
std::array<double, kDrawKinds> KindsBetween(const DrawNode& node, uint64_t from,
                                            uint64_t to);

}  // namespace dmdax

#endif  // DMDAX_TOOLS_DRAW_DRAW_MODEL_H_
