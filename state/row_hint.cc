// SPDX-License-Identifier: Apache-2.0
#include "state/row_hint.h"

#include <algorithm>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "base/round_up.h"
#include "dm/dm_split_args.h"
#include "dm/mapped_device.h"

namespace dmdax {
namespace {

// The number after `key` in a line of the log.
std::optional<uint64_t> NumberAfter(absl::string_view line,
                                    absl::string_view key) {
  const size_t at = line.find(key);
  if (at == line.npos) return std::nullopt;
  const absl::string_view rest = line.substr(at + key.size());
  const size_t end =
      std::min(rest.find_first_not_of("0123456789"), rest.size());
  uint64_t value;
  if (!absl::SimpleAtoi(rest.substr(0, end), &value)) return std::nullopt;
  return value;
}

const std::string* LineWith(const std::vector<std::string>& log,
                            absl::string_view text) {
  for (const std::string& line : log) {
    if (absl::StrContains(line, text)) return &line;
  }
  return nullptr;
}

// What the type says of the words; nothing: they make no sense.
std::optional<RowUnit> UnitOf(const KernelProfile& profile,
                              const DmTargetSpec& spec) {
  const TargetType* type = FindTargetType(spec.target_type, profile);
  if (type == nullptr || type->row_unit == nullptr) return RowUnit{};
  const absl::StatusOr<std::vector<std::string>> argv =
      DmSplitArgs(spec.params);
  return argv.ok() ? type->row_unit(*argv) : std::nullopt;
}

// The row that, alone in a table, makes the kernel log the same line.
std::optional<size_t> FindRow(MappedDevice& md, unsigned mode,
                              absl::Span<const DmTargetSpec> specs,
                              const std::string& line) {
  KernelLog& log = md.machine().log();
  std::optional<size_t> found;
  for (size_t i = 0; i < specs.size() && !found; ++i) {
    DmTable table(md, mode);
    if (!table
             .AddTarget(specs[i].target_type, sector_t{0},
                        sector_t(specs[i].length), specs[i].params)
             .ok()) {
      continue;
    }
    (void)table.CalculateQueueLimits();
    const std::vector<std::string> lines = log.TakeNew();
    if (std::find(lines.begin(), lines.end(), line) != lines.end()) found = i;
  }
  log.TakeNew();
  return found;
}

std::string TooSmallHint(std::optional<RowUnit> unit, const std::string& line) {
  const std::optional<uint64_t> start = NumberAfter(line, ": start=");
  const std::optional<uint64_t> size = NumberAfter(line, "dev_size=");
  if (!start || !size) return "";
  if (*start >= *size) {
    return absl::StrCat("the device has sectors 0 to ", *size - 1);
  }
  if (!unit) return "";
  // A leg has its share of the row only.
  uint64_t length = *size - *start;
  if (length > ~uint64_t{0} / unit->legs) return "";
  length = length * unit->legs / unit->length * unit->length;
  if (length == 0) return "";
  return absl::StrCat("nearest valid length: ", length);
}

std::string RowAdvice(const KernelProfile& profile,
                      absl::Span<const DmTargetSpec> specs, size_t row,
                      const std::vector<std::string>& log) {
  const DmTargetSpec& spec = specs[row];
  if (LineWith(log, ": Gap in table") != nullptr) {
    const uint64_t end =
        row == 0
            ? 0
            : (specs[row - 1].sector_start + specs[row - 1].length).value();
    return absl::StrCat("nearest valid start: ", end);
  }
  if (LineWith(log, "Target length not divisible by") != nullptr) {
    const std::optional<RowUnit> shape = UnitOf(profile, spec);
    if (!shape) return "";
    const uint64_t unit = shape->length;
    const uint64_t down = RoundDown(spec.length, unit);
    const bool up = down == 0 || spec.length - down > unit / 2;
    if (up && down > ~uint64_t{0} - unit) return "";
    return absl::StrCat("nearest valid length: ", up ? down + unit : down);
  }
  return "";
}

}  // namespace

RowHint ExplainRefusal(MappedDevice& md, unsigned mode,
                       absl::Span<const DmTargetSpec> specs,
                       std::optional<size_t> bad_row,
                       const std::vector<std::string>& log) {
  const KernelProfile& profile = md.machine().profile();
  if (bad_row && *bad_row < specs.size()) {
    return {bad_row, RowAdvice(profile, specs, *bad_row, log)};
  }
  if (const std::string* line = LineWith(log, " too small for target: ")) {
    const std::optional<size_t> row = FindRow(md, mode, specs, *line);
    return {row, row ? TooSmallHint(UnitOf(profile, specs[*row]), *line) : ""};
  }
  if (const std::string* line = LineWith(log, ": table line ")) {
    const std::optional<uint64_t> row = NumberAfter(*line, ": table line ");
    // One past the last row: the table's length.
    if (row && !specs.empty()) {
      return {std::min<size_t>(*row, specs.size() - 1), ""};
    }
  }
  if (const std::string* line = LineWith(log, " not aligned to h/w ")) {
    return {FindRow(md, mode, specs, *line), ""};
  }
  return {};
}

}  // namespace dmdax
