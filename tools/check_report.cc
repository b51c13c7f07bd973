// SPDX-License-Identifier: Apache-2.0
#include "tools/check_report.h"

#include <algorithm>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "base/one_line.h"
#include "tools/byte_count.h"
#include "tools/check/cure_worth.h"

namespace dmdax {
namespace {

bool SameCure(const Obstacle& a, const Obstacle& b) {
  if ((a.cure == nullptr) != (b.cure == nullptr)) return false;
  return a.cure == b.cure || (a.cure->Commands() == b.cure->Commands() &&
                              a.cure->remark == b.cure->remark);
}

bool SameObstacle(const Obstacle& a, const Obstacle& b) {
  return a.name == b.name && a.text == b.text && a.level == b.level &&
         a.bytes == b.bytes && a.tried == b.tried && a.untried == b.untried &&
         a.after_open == b.after_open && SameCure(a, b);
}

bool SameShares(const PageShares& a, const PageShares& b) {
  return SharesText(a) == SharesText(b);
}

bool SayTheSame(const DaxCheck& a, const DaxCheck& b) {
  return a.error == b.error && a.not_known == b.not_known &&
         a.either_way == b.either_way &&
         a.cured_not_known == b.cured_not_known && a.dax == b.dax &&
         a.sync == b.sync && SameShares(a.now, b.now) &&
         SameShares(a.best, b.best) && a.plan.commands == b.plan.commands &&
         std::equal(a.obstacles.begin(), a.obstacles.end(), b.obstacles.begin(),
                    b.obstacles.end(), SameObstacle);
}

void PrintObstacle(std::ostream& out, int number, const Obstacle& o) {
  out << "  " << number << ". " << o.name << ", " << BytesText(o.bytes);
  if (o.levels > 1) out << ", " << o.levels << " rows of the table";
  out << "\n     " << OneLine(o.text) << "\n";
  for (const NotDaxLevel& level : o.down) {
    out << "     " << OneLine(level.device) << ": " << OneLine(level.why)
        << "\n";
  }
  if (o.down.empty() && !o.level.empty()) {
    out << "     level: " << OneLine(o.level) << "\n";
  }
  if (o.cure == nullptr) {
    out << "     cure: none is known\n";
    return;
  }
  const char* lead = "     cure: ";
  const std::vector<std::string> commands = o.cure->Commands();
  if (o.tried) {
    // What is typed for it comes with the others, below.
    out << lead << OneLine(o.cure->change) << "\n";
  } else {
    for (const std::string& command : commands) {
      out << lead << command << "\n";
      lead = "           ";
    }
  }
  if (!o.cure->remark.empty()) {
    out << (commands.empty() && !o.tried ? lead : "           # ")
        << OneLine(o.cure->remark) << "\n";
  }
  if (o.tried) {
    out << "     then: " << AfterText(o) << "\n";
  } else if (!o.untried.empty()) {
    out << "     not tried here: " << OneLine(o.untried) << "\n";
  }
}

void PrintPlan(std::ostream& out, const CurePlan& plan,
               const std::string& name) {
  if (plan.commands.empty()) {
    if (!plan.remark.empty()) out << "  # " << OneLine(plan.remark) << "\n";
    return;
  }
  constexpr char kIndent[] = "     ";
  const std::string all = OneLine(absl::StrJoin(plan.joint, ", "));
  if (!plan.joint.empty() && plan.joint[0] != name) {
    // The first has all of their names.
    constexpr size_t kFew = 8;
    out << "  to type: the list of " << OneLine(plan.joint[0])
        << ", which is one for "
        << (plan.joint.size() <= kFew
                ? all
                : absl::StrCat("all ", plan.joint.size(), " that it names"))
        << "\n";
    return;
  }
  out << "  to type, in this order" << (all.empty() ? "" : ", for all of ")
      << all << ":\n";
  PrintGoes(out, kIndent, plan.goes);
  if (!plan.remark.empty())
    out << kIndent << "# " << OneLine(plan.remark) << "\n";
  PrintCommands(out, kIndent, plan.commands);
  if (!plan.afresh.empty()) {
    out << "     # or lay it out afresh: " << OneLine(plan.afresh) << "\n";
  }
}

// "yes, but for its last 2044 KiB, which fills none"
std::string VerdictText(const DaxCheck& check, Wish wish) {
  const bool pages = wish == Wish::kPmd || wish == Wish::kPud;
  const bool holds = Holds(check, wish);
  if (FillsNone(check, wish)) {
    return absl::StrCat(holds ? "none" : "no", ", it is ",
                        check.now.total == 0 ? "empty" : "smaller than one");
  }
  if (!holds) return "no";
  if (!pages || check.now.tail == 0) return "yes";
  return absl::StrCat("yes, but for its last ", BytesText(check.now.tail),
                      ", which fills none");
}

// "DAX, MAP_SYNC; 2 MiB 100%"
std::string FoundText(const DaxCheck& check) {
  return absl::StrCat(check.dax ? "DAX" : "not DAX",
                      check.sync ? ", MAP_SYNC" : "", check.dax ? "; " : "",
                      check.dax ? SharesText(check.now) : "");
}

// What it depends on, and what it would be with what was taken.
void PrintNotKnown(std::ostream& out, const DaxCheck& check, Wish wish) {
  for (const std::string& what : check.not_known) {
    out << "  not known: " << OneLine(what) << "\n";
  }
  if (check.now.total != 0) {
    out << "     with what was taken: " << FoundText(check);
    for (const Obstacle& o : check.obstacles) {
      out << "; " << o.name << ", " << BytesText(o.bytes) << ": " << o.text;
    }
    out << "\n";
  }
  out << "  " << WishText(wish) << ": not known\n";
}

// What stands for the files of a device, of which none was seen.
const char* NoFileText(const SubjectReport& report) {
  if (report.kind != Subject::kDevice || report.mount.empty()) return "";
  return "; the volume allows it, no file was looked at";
}

void PrintCheck(std::ostream& out, const DaxCheck& check, Wish wish,
                const SubjectReport& report) {
  if (!check.error.ok()) {
    out << "  refused: " << OneLine(check.error.message()) << "\n";
    return;
  }
  if (!check.not_known.empty()) return PrintNotKnown(out, check, wish);
  for (const std::string& what : check.either_way) {
    out << "  no either way: " << OneLine(what) << "\n";
  }
  out << "  " << (check.either_way.empty() ? "" : "with what was taken: ")
      << FoundText(check) << "\n";
  int number = 0;
  for (const Obstacle& o : check.obstacles) PrintObstacle(out, ++number, o);
  const bool allows = Holds(check, wish) && !FillsNone(check, wish);
  out << "  " << WishText(wish) << ": " << VerdictText(check, wish)
      << (allows ? NoFileText(report) : "");
  const bool tried = std::any_of(check.obstacles.begin(), check.obstacles.end(),
                                 [](const Obstacle& o) { return o.tried; });
  if (tried) {
    out << "; with the cures ";
    if (!check.cured_not_known.empty()) {
      out << "not known: "
          << OneLine(absl::StrJoin(check.cured_not_known, "; "));
    } else if (wish == Wish::kDax || wish == Wish::kSync) {
      out << (HoldsCured(check, wish) ? "yes" : "no");
    } else {
      out << SharesText(check.best);
    }
  }
  out << "\n";
  PrintPlan(out, check.plan, report.name);
}

nlohmann::ordered_json ObstacleToJson(const Obstacle& o) {
  nlohmann::ordered_json j = {{"name", o.name}, {"text", o.text}};
  if (!o.level.empty()) j["level"] = o.level;
  if (!o.device.empty()) j["device"] = o.device;
  j["rows"] = o.levels;
  j["bytes"] = o.bytes;
  if (!o.down.empty()) {
    nlohmann::ordered_json down = nlohmann::ordered_json::array();
    for (const NotDaxLevel& level : o.down) {
      down.push_back({{"device", level.device}, {"why", level.why}});
    }
    j["down"] = std::move(down);
  }
  if (o.cure != nullptr) {
    nlohmann::ordered_json cure = {{"commands", o.cure->Commands()}};
    if (!o.cure->change.empty()) cure["change"] = o.cure->change;
    if (!o.cure->remark.empty()) cure["remark"] = o.cure->remark;
    cure["tried"] = o.tried;
    if (!o.untried.empty()) cure["untried"] = o.untried;
    if (o.tried && !o.after_open) cure["after"] = SharesToJson(o.after);
    j["cure"] = std::move(cure);
  }
  return j;
}

}  // namespace

void PrintGoes(std::ostream& out, absl::string_view indent,
               const std::vector<std::string>& goes) {
  if (goes.empty()) return;
  out << indent << "# first save the data of "
      << OneLine(absl::StrJoin(goes, ", ")) << ": it goes\n";
}

void PrintCommands(std::ostream& out, absl::string_view indent,
                   const std::vector<std::string>& commands) {
  const auto is_command = [](const std::string& line) {
    return !absl::StartsWith(line, "#");
  };
  // A line behind "&&" may be a remark, as long as a command comes behind it.
  const auto last =
      std::find_if(commands.rbegin(), commands.rend(), is_command).base();
  for (auto at = commands.begin(); at != commands.end(); ++at) {
    out << indent << *at << (is_command(*at) && at + 1 < last ? " &&" : "")
        << "\n";
  }
}

std::string SharesText(const PageShares& s) {
  std::vector<std::string> parts;
  const auto add = [&](const char* what, uint64_t bytes) {
    if (bytes == 0) return;
    parts.push_back(absl::StrCat(what, " ", ShareText(bytes, s.total)));
  };
  add("1 GiB", s.pud);
  add("2 MiB", s.pmd);
  add("4 KiB", s.pte);
  add("hole", s.hole);
  add("signal", s.signal);
  add("last partial page", s.tail);
  if (s.total == 0) return "empty";
  const uint64_t dax = s.pud + s.pmd + s.pte + s.hole + s.signal + s.tail;
  if (dax < s.total) add("not DAX", s.total - dax);
  add("apart from block I/O", s.apart);
  return absl::StrJoin(parts, ", ");
}

std::string AfterText(const Obstacle& o) {
  return o.after_open ? "not known, see below" : SharesText(o.after);
}

std::string WishText(Wish wish) {
  switch (wish) {
    case Wish::kDax:
      return "DAX";
    case Wish::kPmd:
      return "2 MiB pages";
    case Wish::kPud:
      return "1 GiB pages";
    case Wish::kSync:
      return "MAP_SYNC";
  }
  return "";
}

nlohmann::ordered_json SharesToJson(const PageShares& s) {
  nlohmann::ordered_json j = {
      {"total", s.total}, {"pud", s.pud},       {"pmd", s.pmd},  {"pte", s.pte},
      {"hole", s.hole},   {"signal", s.signal}, {"tail", s.tail}};
  if (s.apart != 0) j["apart"] = s.apart;
  return j;
}

std::string ShareText(uint64_t part, uint64_t total) {
  if (total == 0) return "0%";
  if (part >= total) return "100%";
  const double percent =
      100.0 * static_cast<double>(part) / static_cast<double>(total);
  // What rounds to all or nothing is neither.
  const double shown = part == 0 ? 0.0 : std::clamp(percent, 0.1, 99.9);
  return absl::StrFormat("%.1f%%", shown);
}

void PrintSubject(std::ostream& out, const SubjectReport& report, Wish wish) {
  uint64_t size = 0;
  for (const DaxCheck& check : report.checks) {
    size = std::max(size, check.now.total);
  }
  out << OneLine(report.name);
  if (size != 0) out << ", " << BytesText(size);
  if (!report.held_by.empty()) {
    out << ", held by " << OneLine(absl::StrJoin(report.held_by, ", "));
  }
  out << "\n";
  std::vector<bool> told(report.checks.size());
  for (size_t i = 0; i < report.checks.size(); ++i) {
    if (told[i]) continue;
    std::vector<std::string> kernels;
    for (size_t k = i; k < report.checks.size(); ++k) {
      if (!SayTheSame(report.checks[i], report.checks[k])) continue;
      told[k] = true;
      kernels.push_back(report.checks[k].kernel);
    }
    out << " " << absl::StrJoin(kernels, ", ") << ":\n";
    PrintCheck(out, report.checks[i], wish, report);
  }
  if (const std::string differ = NeighboursDiffer(report, wish);
      !differ.empty()) {
    out << " " << OneLine(report.between) << ":\n  " << WishText(wish)
        << ": not known, " << differ << "\n";
  }
}

nlohmann::ordered_json SubjectToJson(const SubjectReport& report, Wish wish) {
  nlohmann::ordered_json kernels = nlohmann::ordered_json::array();
  for (const DaxCheck& check : report.checks) {
    nlohmann::ordered_json j = {{"kernel", check.kernel}};
    if (!check.error.ok()) {
      j["refused"] = std::string(check.error.message());
      j["holds"] = false;
      kernels.push_back(std::move(j));
      continue;
    }
    if (!check.not_known.empty()) j["not_known"] = check.not_known;
    // Of what is left out there is nothing else to say.
    if (!check.not_known.empty() && check.now.total == 0) {
      j["holds"] = false;
      kernels.push_back(std::move(j));
      continue;
    }
    if (!check.either_way.empty()) j["either_way"] = check.either_way;
    j["dax"] = check.dax;
    j["map_sync"] = check.sync;
    j["holds"] = Holds(check, wish);
    j["bytes"] = SharesToJson(check.now);
    nlohmann::ordered_json obstacles = nlohmann::ordered_json::array();
    for (const Obstacle& o : check.obstacles) {
      obstacles.push_back(ObstacleToJson(o));
    }
    j["obstacles"] = std::move(obstacles);
    j["cured"] = SharesToJson(check.best);
    if (!check.plan.commands.empty() || !check.plan.remark.empty()) {
      nlohmann::ordered_json plan = {{"commands", check.plan.commands},
                                     {"goes", check.plan.goes}};
      if (!check.plan.remark.empty()) plan["remark"] = check.plan.remark;
      if (!check.plan.afresh.empty()) plan["afresh"] = check.plan.afresh;
      if (!check.plan.joint.empty()) plan["joint"] = check.plan.joint;
      j["plan"] = std::move(plan);
    }
    j["cured_holds"] = HoldsCured(check, wish);
    if (!check.cured_not_known.empty()) {
      j["cured_not_known"] = check.cured_not_known;
    }
    kernels.push_back(std::move(j));
  }
  nlohmann::ordered_json subject = {{"name", report.name}};
  if (report.kind != Subject::kDevDax && !report.mount.empty()) {
    subject["mount"] = report.mount;
    subject["files_seen"] = report.kind == Subject::kFile;
  }
  if (!report.held_by.empty()) subject["held_by"] = report.held_by;
  if (const std::string differ = NeighboursDiffer(report, wish);
      !differ.empty()) {
    subject["not_known"] = {differ};
  }
  subject["kernels"] = std::move(kernels);
  return subject;
}

nlohmann::ordered_json BetweenToJson(const KernelAnswer& between) {
  return {{"release", between.between},
          {"kernels", {between.profile->name, between.above->name}}};
}

}  // namespace dmdax
