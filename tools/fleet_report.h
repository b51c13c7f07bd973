// SPDX-License-Identifier: Apache-2.0
//
// FleetReport: what `dmdax check` says of many machines: a row each, and
// totals.
//
// A row is what --json prints of a machine, and totals are made of nothing but
// rows, so `dmdax merge` gives of the parts what one run gives of all.
// Threading: thread-compatible.
#ifndef DMDAX_TOOLS_FLEET_REPORT_H_
#define DMDAX_TOOLS_FLEET_REPORT_H_

#include <cstddef>
#include <ostream>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "nlohmann/json.hpp"
#include "tools/check/machine_check.h"
#include "tools/check/machine_list.h"

namespace dmdax {

// "pmd", as --require takes it.
absl::StatusOr<Wish> WishOfName(absl::string_view name);

// `notes` are those of the import.  A machine without anything to check is a
// row too.
nlohmann::ordered_json MachineRow(const std::string& path,
                                  const absl::StatusOr<MachineCheck>& machine,
                                  const std::vector<std::string>& notes,
                                  Wish wish);

class FleetReport {
 public:
  explicit FleetReport(Wish wish) : wish_(wish) {}

  // Rows are told in the order of their machines' names.
  void Add(nlohmann::ordered_json row);

  // The heading, or the row of one machine; `width` is that of its name.
  void PrintHead(std::ostream& out, size_t width) const;
  void PrintRow(std::ostream& out, const nlohmann::ordered_json& row,
                size_t width) const;
  void PrintRows(std::ostream& out) const;  // heading and all
  void PrintTotals(std::ostream& out) const;
  nlohmann::ordered_json ToJson() const;

  // Which part of all machines this is; of part 1 of 1 nothing is said.
  void set_shard(const Shard& shard) { shard_ = shard; }

  // 1: a machine could not be read; 2: not all that could hold; 0.
  int exit_code() const;

  // Whether all could be read and none has anything to check.
  bool has_nothing() const;

 private:
  nlohmann::ordered_json Totals() const;

  const Wish wish_;
  Shard shard_;
  std::vector<nlohmann::ordered_json> rows_;  // sorted by machine
};

// ENOENT: what is said of machines that has_nothing().
absl::Status NothingToCheck();

// The reports of `dmdax check --json` in `texts` (name, bytes) as one; a text
// may have several, one after the other.  EINVAL with the name: no such report,
// reports of different requirements, a machine that comes twice, parts of which
// one is missing.
absl::StatusOr<FleetReport> MergeReports(
    const std::vector<std::pair<std::string, std::string>>& texts);

// How wide the column of names is.
size_t NameWidth(const std::vector<std::string>& machines);

}  // namespace dmdax

#endif  // DMDAX_TOOLS_FLEET_REPORT_H_
