// SPDX-License-Identifier: Apache-2.0
//
// The machines that a check of many is about: a World, an import's input, a
// sosreport as directory or archive, each a path of this host.
//
// The list is sorted, so that a shard is the same machines wherever it runs.
// Threading: pure functions of what the host has.
#ifndef DMDAX_TOOLS_CHECK_MACHINE_LIST_H_
#define DMDAX_TOOLS_CHECK_MACHINE_LIST_H_

#include <cstdint>
#include <set>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"

namespace dmdax {

// A directory that has one of proc, sys and sos_commands is one machine, as is
// one with several files to import of which no two are of a kind (lsblk.json,
// ndctl.json, table), and a file.  Any other directory is looked through for
// those, without what begins with a dot.  "-" stands for such paths on standard
// input, one a line.  Each machine comes once.  A file of a directory that is
// neither called as a World or an archive is, nor a World or what can be
// imported by its content, is left out: a README beside them is no machine.  So
// is an empty directory, and what is no file, unless it is called so.  The
// errno of stat(2) or opendir(3), with the path.
struct MachineList {
  std::vector<std::string> machines;
  std::vector<std::string> left_out;
  // Of the machines those that nobody can read, and need not try: one that is
  // a FIFO would be waited for.
  std::set<std::string> no_files;
};
absl::StatusOr<MachineList> ListMachines(absl::Span<const std::string> said);

// Part `number` of `of` parts, from 1 on.
struct Shard {
  uint64_t number = 1;
  uint64_t of = 1;
};

// "2/7".  EINVAL.
absl::StatusOr<Shard> ParseShard(absl::string_view text);

// Every `of`-th machine, so that parts are alike where neighbours are.  Of all
// parts together each machine is in one.
std::vector<std::string> TakeShard(const Shard& shard,
                                   absl::Span<const std::string> machines);

}  // namespace dmdax

#endif  // DMDAX_TOOLS_CHECK_MACHINE_LIST_H_
