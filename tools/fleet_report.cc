// SPDX-License-Identifier: Apache-2.0
#include "tools/fleet_report.h"

#include <algorithm>
#include <cerrno>
#include <map>
#include <set>
#include <tuple>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "base/errno_status.h"
#include "base/kernel_profile.h"
#include "base/one_line.h"
#include "base/units.h"
#include "tools/byte_count.h"
#include "tools/check_report.h"
#include "tools/fleet_totals.h"
#include "tools/print_json.h"

namespace dmdax {
namespace {

using Json = nlohmann::ordered_json;

// "2 files" is wrong of one.
std::string Count(uint64_t n, const char* one, const char* many) {
  return absl::StrCat(n, " ", n == 1 ? one : many);
}

// Of which kernel and obstacle a list was told, by its machine and itself.
using ToldLists = std::map<std::string, std::pair<std::string, std::string>>;

void PrintCure(std::ostream& out, const std::string& kernel,
               const std::string& name, const ObstacleTotal& o,
               ToldLists* told) {
  if (o.cure.is_null()) return;
  out << "    cure, for instance of " << OneLine(o.cure_of) << ":\n";
  const std::string remark = o.cure.value("remark", "");
  if (!remark.empty()) out << "      # " << OneLine(remark) << "\n";
  // One list is of all obstacles of a subject.
  if (o.plan.is_object() && !o.plan.value("commands", Json()).empty()) {
    const std::string list = absl::StrCat(
        o.cure_of, "\n",
        o.plan.dump(-1, ' ', false, Json::error_handler_t::replace));
    const auto [it, fresh] = told->try_emplace(list, kernel, name);
    if (!fresh) {
      out << "      # the list is that of " << OneLine(it->second.second)
          << (it->second.first == kernel ? "" : ", " + it->second.first)
          << ", above\n";
      return;
    }
  }
  const Json& from = o.plan.is_object() ? o.plan : o.cure;
  using Lines = std::vector<std::string>;
  PrintGoes(out, "      ", from.value("goes", Lines()));
  if (const std::string what =
          o.plan.is_object() ? o.plan.value("remark", "") : "";
      !what.empty()) {
    out << "      # " << OneLine(what) << "\n";
  }
  // They may be those of another run's report.
  Lines commands = from.value("commands", Lines());
  for (std::string& command : commands) command = OneLine(command);
  PrintCommands(out, "      ", commands);
}

// Of the first subject of which a release's two neighbours say different
// things, what they say; "": there is none.
std::string FirstDiffers(const Json& row) {
  for (const Json& subject : row.value("subjects", Json::array())) {
    const auto why = subject.value("not_known", std::vector<std::string>());
    if (!why.empty()) return why[0];
  }
  return "";
}

std::string WishName(Wish wish) {
  for (const auto& [name, value] : kWishNames) {
    if (value == wish) return name;
  }
  return "";
}

}  // namespace

absl::StatusOr<Wish> WishOfName(absl::string_view name) {
  for (const auto& [known, value] : kWishNames) {
    if (known == name) return value;
  }
  return absl::InvalidArgumentError(
      absl::StrCat("'", name.substr(0, 64), "' is not dax, pmd, pud or sync"));
}

Json MachineRow(const std::string& path,
                const absl::StatusOr<MachineCheck>& machine,
                const std::vector<std::string>& notes, Wish wish) {
  Json row = {{"machine", path}};
  if (!machine.ok()) {
    row["verdict"] = "error";
    row["error"] = std::string(machine.status().message());
    return row;
  }
  row["verdict"] = machine->subjects.empty() ? "nothing"
                   : machine->holds          ? "yes"
                   : machine->fails          ? "no"
                                             : "unknown";
  if (!notes.empty()) row["notes"] = notes;
  if (machine->between) row["between"] = BetweenToJson(*machine->between);
  if (!machine->without_pmem.empty()) {
    row["without_pmem"] = machine->without_pmem;
  }
  Json subjects = Json::array();
  for (const SubjectReport& subject : machine->subjects) {
    subjects.push_back(SubjectToJson(subject, wish));
  }
  row["subjects"] = std::move(subjects);
  return row;
}

void FleetReport::Add(Json row) {
  const auto before = [](const Json& a, const Json& b) {
    return a["machine"] < b["machine"];
  };
  rows_.insert(std::upper_bound(rows_.begin(), rows_.end(), row, before),
               std::move(row));
}

void FleetReport::PrintHead(std::ostream& out, size_t width) const {
  out << absl::StreamFormat("%-*s  VERDICT  HOLDS  %s\n",
                            static_cast<int>(width), "MACHINE",
                            "PAGES; WHAT COSTS MOST OF THEM");
}

void FleetReport::PrintRow(std::ostream& out, const Json& row,
                           size_t width) const {
  const std::string verdict = row.value("verdict", "");
  out << absl::StreamFormat("%-*s  %-7s  ", static_cast<int>(width),
                            OneLine(row.value("machine", "")), verdict);
  if (verdict == "error") {
    out << OneLine(row.value("error", "")) << "\n";
    return;
  }
  if (verdict == "nothing") {
    out << "0/0    no persistent memory that could be mapped\n";
    return;
  }
  KernelTotals kernels;
  AddToTotals(row, &kernels);
  uint64_t all = 0, hold = 0;
  for (const Json& subject : row.value("subjects", Json::array())) {
    bool held = true;
    for (const Json& kernel : subject.value("kernels", Json::array())) {
      held &= kernel.value("holds", false);
    }
    ++all;
    hold += held ? 1 : 0;
  }
  out << absl::StreamFormat("%-5s  ", absl::StrCat(hold, "/", all));
  // Of several kernels the one on which least holds.
  const auto worst = std::min_element(
      kernels.begin(), kernels.end(), [](const auto& a, const auto& b) {
        const auto key = [](const KernelTotal& k) {
          return std::tuple(k.subjects_hold, k.shares.pud + k.shares.pmd);
        };
        return key(a.second) < key(b.second);
      });
  if (worst == kernels.end()) {
    out << "\n";
    return;
  }
  if (kernels.size() > 1) out << worst->first << ": ";
  if (worst->second.refused == worst->second.subjects) {
    out << "refused\n";
    return;
  }
  const KernelTotal& told = worst->second;
  const char* lead = "";
  if (told.not_known < told.subjects) {
    out << SharesText(told.shares);
    lead = "; ";
  }
  const auto dearest = told.Dearest();
  if (verdict == "no" && !dearest.empty()) {
    out << lead << dearest[0].first;
    lead = "; ";
  }
  if (told.not_known != 0) {
    out << lead << "not known: " << OneLine(told.why_not_known);
    lead = "; ";
  }
  if (told.not_known == 0) {
    if (const std::string differ = FirstDiffers(row); !differ.empty()) {
      out << lead << "not known: " << OneLine(differ);
      lead = "; ";
    }
  }
  if (told.volumes == told.subjects && told.subjects_hold != 0) {
    out << lead << "the volume allows it, no file was looked at";
  }
  out << "\n";
}

void FleetReport::PrintRows(std::ostream& out) const {
  std::vector<std::string> names;
  for (const Json& row : rows_) names.push_back(row.value("machine", ""));
  const size_t width = NameWidth(names);
  PrintHead(out, width);
  for (const Json& row : rows_) PrintRow(out, row, width);
}

void FleetReport::PrintTotals(std::ostream& out) const {
  const Json totals = Totals();
  out << "\n"
      << Count(rows_.size(), "machine", "machines") << ": " << totals["yes"]
      << " yes, " << totals["no"] << " no, ";
  if (totals["unknown"] != 0) out << totals["unknown"] << " not known, ";
  out << totals["nothing"] << " with nothing to check, " << totals["errors"]
      << " not read\n";
  KernelTotals kernels;
  for (const Json& row : rows_) AddToTotals(row, &kernels);
  ToldLists told;
  for (const auto& [name, total] : kernels) {
    out << name << ": " << WishText(wish_) << " for " << total.subjects_hold
        << " of "
        << Count(total.subjects, "file or device", "files and devices")
        << ", all of " << total.machines_hold << " of "
        << Count(total.machines, "machine", "machines");
    if (total.refused != 0) out << ", " << total.refused << " refused";
    if (total.not_known != 0) out << ", " << total.not_known << " not known";
    if (total.volumes != 0) {
      out << ", of " << total.volumes << " no file looked at";
    }
    if (total.shares.total != 0) out << "; " << SharesText(total.shares);
    out << "\n";
    for (const auto& [obstacle, o] : total.Dearest()) {
      out << "  " << obstacle << ": " << BytesText(o->bytes) << ", "
          << Count(o->subjects, "file or device", "files and devices") << ", "
          << Count(o->machines.size(), "machine", "machines") << "\n";
      PrintCure(out, name, obstacle, *o, &told);
    }
  }
}

Json FleetReport::Totals() const {
  std::map<std::string, uint64_t> verdicts;
  KernelTotals kernels;
  for (const Json& row : rows_) {
    ++verdicts[row.value("verdict", "")];
    AddToTotals(row, &kernels);
  }
  Json by_kernel = Json::array();
  for (const auto& [name, total] : kernels) {
    by_kernel.push_back(KernelToJson(name, total));
  }
  return {{"machines", rows_.size()},       {"yes", verdicts["yes"]},
          {"no", verdicts["no"]},           {"unknown", verdicts["unknown"]},
          {"nothing", verdicts["nothing"]}, {"errors", verdicts["error"]},
          {"kernels", std::move(by_kernel)}};
}

Json FleetReport::ToJson() const {
  Json report = {{"require", WishName(wish_)}};
  if (shard_.of > 1) {
    report["shard"] = absl::StrCat(shard_.number, "/", shard_.of);
  }
  report["machines"] = rows_;
  report["totals"] = Totals();
  return report;
}

int FleetReport::exit_code() const {
  int code = 0;
  for (const Json& row : rows_) {
    const std::string verdict = row.value("verdict", "");
    if (verdict == "error") return 1;
    if (verdict == "no" || verdict == "unknown") code = 2;
  }
  return code;
}

bool FleetReport::has_nothing() const {
  return std::all_of(rows_.begin(), rows_.end(), [](const Json& row) {
    return row.value("verdict", "") == "nothing";
  });
}

absl::Status NothingToCheck() {
  return ErrnoError(ENOENT,
                    "nothing to check: no machine has persistent memory that "
                    "could be mapped");
}

size_t NameWidth(const std::vector<std::string>& machines) {
  constexpr size_t kWidest = 60;
  size_t width = std::string("MACHINE").size();
  for (const std::string& name : machines) {
    width = std::max(width, std::min(name.size(), kWidest));
  }
  return width;
}

}  // namespace dmdax
