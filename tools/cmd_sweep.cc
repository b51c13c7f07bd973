// SPDX-License-Identifier: Apache-2.0
//
// dmdax sweep: what a fault gets, for every 4 KiB, 2 MiB or 1 GiB of a file or
// device, as ranges and totals.
#include <algorithm>
#include <cerrno>
#include <iostream>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_replace.h"
#include "base/errno_status.h"
#include "nlohmann/json.hpp"
#include "process/sweep/dax_sweep.h"
#include "tools/app.h"
#include "tools/byte_count.h"
#include "tools/check/zero_page.h"
#include "tools/fault_report.h"
#include "tools/fault_target.h"
#include "tools/page_word.h"

namespace dmdax {
namespace {

struct SweepOptions {
  FaultRequest target;
  std::string name;
  std::string size = "2m";
  bool write = false;
  uint64_t length = 0;  // bytes; 0: to the end
  uint64_t limit = 1000;
};

// Prints what a sweep found.
class SweepReport {
 public:
  SweepReport(const SweepOptions& o, const UserSpace& user,
              const FaultTarget& target, const DaxSweep& sweep)
      : o_(o),
        user_(user),
        target_(target),
        faults_(user.faults()),
        sweep_(sweep) {}

  void PrintText(std::ostream& out) const {
    out << o_.name << ": " << Slots(sweep_.slots) << " from "
        << Slot(sweep_.first) << " on, " << (o_.write ? "written" : "read")
        << "\n";
    uint64_t lines = 0;
    size_t told = 0;
    for (const SweepBlock& block : sweep_.blocks) {
      const bool repeats = block.repeat < block.slots;
      if (repeats && lines < Limit()) {
        out << Slot(block.first) << "  " << Slots(block.slots)
            << ", the same every " << block.repeat << ":\n";
      }
      const size_t end = block.first_range + block.nr_ranges;
      for (size_t i = block.first_range; i < end && lines < Limit(); ++lines) {
        const SweepRange& range = sweep_.ranges[i];
        const size_t alike = AlikeFrom(i, end);
        out << (repeats ? "  " : "") << Slot(range.first) << "  ";
        if (alike > 1) out << alike << " ranges of ";
        out << Slots(range.slots) << "  " << Outcome(range.outcome, alike)
            << "\n";
        i += alike;
        told = i;
      }
    }
    if (told < sweep_.ranges.size()) {
      out << "... and " << sweep_.ranges.size() - told
          << " ranges more (--limit 0 tells all)\n";
    }
    if (sweep_.slots > 0) out << "\n";
    for (const ReasonTotal& total : ByReason()) PrintTotal(out, total);
  }

  nlohmann::ordered_json ToJson() const {
    nlohmann::ordered_json j = {{"kernel", user_.kernel().name},
                                {"name", o_.name},
                                {"access", o_.write ? "write" : "read"},
                                {"slot_bytes", sweep_.slot_bytes},
                                {"first", sweep_.first},
                                {"slots", sweep_.slots}};
    nlohmann::ordered_json blocks = nlohmann::ordered_json::array();
    uint64_t printed = 0;
    for (const SweepBlock& block : sweep_.blocks) {
      nlohmann::ordered_json ranges = nlohmann::ordered_json::array();
      for (size_t i = 0; i < block.nr_ranges && printed < Limit();
           ++i, ++printed) {
        const SweepRange& range = sweep_.ranges[block.first_range + i];
        ranges.push_back({{"first", range.first},
                          {"slots", range.slots},
                          {"outcome", range.outcome}});
      }
      if (ranges.empty()) break;
      blocks.push_back({{"first", block.first},
                        {"slots", block.slots},
                        {"repeat", block.repeat},
                        {"ranges", std::move(ranges)}});
    }
    j["blocks"] = std::move(blocks);
    if (printed < sweep_.ranges.size()) {
      j["ranges_left_out"] = sweep_.ranges.size() - printed;
    }
    nlohmann::ordered_json totals = nlohmann::ordered_json::array();
    for (const SweepTotal& total : sweep_.totals) {
      totals.push_back(TotalToJson(total));
    }
    j["outcomes"] = std::move(totals);
    nlohmann::ordered_json by_reason = nlohmann::ordered_json::array();
    for (const ReasonTotal& total : ByReason()) {
      const FaultReasonCode code = total.example->outcome.reason.code;
      nlohmann::ordered_json t = {{"entry", Entry(total.example->outcome)}};
      if (code != FaultReasonCode::kNone) t["reason"] = FaultReasonName(code);
      t["slots"] = total.slots;
      t["levels"] = total.levels;
      by_reason.push_back(std::move(t));
    }
    j["totals"] = std::move(by_reason);
    return j;
  }

 private:
  // Outcomes that differ in nothing but the level.
  struct ReasonTotal {
    const SweepTotal* example;
    uint64_t slots, levels;
  };

  // The most frequent first.
  std::vector<ReasonTotal> ByReason() const {
    std::vector<ReasonTotal> all;
    // What Entry() tells, and the reason.
    std::map<std::tuple<int, int, bool, FaultReasonCode>, size_t> numbers;
    for (const SweepTotal& total : sweep_.totals) {
      const SweepOutcome& o = total.outcome;
      const auto [it, fresh] = numbers.try_emplace(
          {o.sig != 0 ? -o.sig : o.order, o.sig != 0 ? o.si_code : 0,
           o.sig == 0 && o.zero_page, o.reason.code},
          all.size());
      if (fresh) all.push_back({&total, 0, 0});
      all[it->second].slots += total.slots;
      ++all[it->second].levels;
    }
    std::stable_sort(all.begin(), all.end(), [](const auto& a, const auto& b) {
      return a.slots > b.slots;
    });
    return all;
  }

  static constexpr size_t kFolded = 3;  // so many ranges at least

  uint64_t Limit() const { return o_.limit == 0 ? ~uint64_t{0} : o_.limit; }
  // Where a slot begins.
  std::string Slot(uint64_t slot) const {
    return absl::StrFormat("0x%x", slot * sweep_.slot_bytes);
  }
  std::string Slots(uint64_t slots) const {
    return absl::StrCat(slots, " x ", BytesText(sweep_.slot_bytes));
  }

  // How many ranges from `i` on, up to `end`, differ in nothing but the row of
  // the table, as the segments of a volume do; two are told as two.
  size_t AlikeFrom(size_t i, size_t end) const {
    const SweepRange& range = sweep_.ranges[i];
    const std::string text = Outcome(range.outcome, kFolded);
    size_t next = i + 1;
    while (next < end && sweep_.ranges[next].slots == range.slots &&
           sweep_.ranges[next].first ==
               sweep_.ranges[next - 1].first + range.slots &&
           Outcome(sweep_.ranges[next].outcome, kFolded) == text) {
      ++next;
    }
    return next - i < kFolded ? 1 : next - i;
  }

  // "PTE  pfn_target  target linear [0 +524288] of vg-home (dm-0)"; of several
  // ranges at once, "[... +524288]".
  std::string Outcome(size_t number, size_t ranges) const {
    const SweepOutcome& o = sweep_.totals[number].outcome;
    std::string text = Entry(o);
    if (o.reason) {
      absl::StrAppend(&text, "  ", FaultReasonName(o.reason.code));
    }
    if (o.reason.level.has_value()) {
      std::string level = LevelText(o.reason.level);
      if (ranges > 1) {
        const uint64_t begin = o.reason.level.begin().value();
        level = absl::StrReplaceAll(
            level, {{absl::StrCat("[", begin, " +"), "[... +"}});
      }
      absl::StrAppend(&text, "  ", level);
    }
    return text;
  }

  std::string Entry(const SweepOutcome& o) const {
    if (o.sig != 0) {
      return absl::StrCat(SignalName(o.sig), " ", SiCodeName(o.sig, o.si_code));
    }
    return absl::StrCat(OrderText(faults_, o.order),
                        o.zero_page ? "  zero page" : "");
  }

  void PrintTotal(std::ostream& out, const ReasonTotal& total) const {
    const double part = 100.0 * static_cast<double>(total.slots) /
                        static_cast<double>(sweep_.slots);
    const FaultReason& reason = total.example->outcome.reason;
    out << absl::StreamFormat("%5.1f%%  ", part) << Slots(total.slots) << "  "
        << Entry(total.example->outcome);
    if (reason) {
      out << "  " << FaultReasonName(reason.code);
      if (total.levels > 1) out << ", " << total.levels << " levels";
    }
    out << "\n";
    if (total.example->outcome.zero_page && !o_.write) {
      out << "  " << ZeroText() << "\n";
    }
    if (!reason) return;
    out << "  " << Slot(total.example->first) << ": ";
    PrintReason(out, faults_, reason, "  ");
  }

  // What has no page of its own yet.
  std::string ZeroText() const {
    const uint64_t begin = sweep_.first * sweep_.slot_bytes;
    const uint64_t end = std::min(
        (sweep_.first + sweep_.slots) * sweep_.slot_bytes, target_.size());
    const ReadsAsZeros zeros = ZerosOf(*target_.file(), begin, end);
    if (!zeros.unwritten) {
      return "a hole: this says nothing of what a later write gets; --write "
             "does";
    }
    return absl::StrCat(
        zeros.holes ? "holes, and blocks never written (filefrag -v tells them "
                      "apart)"
                    : "blocks never written",
        ": a read gets zeros; --write says what a write gets");
  }

  nlohmann::ordered_json TotalToJson(const SweepTotal& total) const {
    const SweepOutcome& o = total.outcome;
    nlohmann::ordered_json j = {{"slots", total.slots}, {"first", total.first}};
    if (o.sig != 0) {
      j["signal"] = SignalName(o.sig);
      j["si_code"] = SiCodeName(o.sig, o.si_code);
    } else {
      j["entry"] = OrderText(faults_, o.order);
      j["bytes"] = faults_.page_size() << o.order;
      j["zero_page"] = o.zero_page;
    }
    if (o.reason) j["reason"] = ReasonToJson(faults_, o.reason);
    return j;
  }

  const SweepOptions& o_;
  const UserSpace& user_;
  const FaultTarget& target_;
  const FaultProfile& faults_;
  const DaxSweep& sweep_;
};

// A file of a mount, or whatever else a name may be.
absl::StatusOr<FaultTarget> OpenTarget(Session& session, SweepOptions o) {
  const bool file =
      absl::StartsWith(o.name, "/") && !absl::StartsWith(o.name, "/dev/");
  (file ? o.target.file : o.target.device) = o.name;
  // The range is the sweep's; a mapping begins at 0.
  o.target.offset = 0;
  return FaultTarget::Open(session, o.target);
}

void Sweep(App& app, const SweepOptions& o) {
  std::optional<FaultTarget> target;
  absl::StatusOr<Session> session = app.Ask([&](Session& asked) {
    absl::StatusOr<FaultTarget> opened = OpenTarget(asked, o);
    if (opened.ok()) target = *std::move(opened);
    return opened.status();
  });
  if (!session.ok()) return app.Report(session.status());
  UserSpace& user = *session->user;
  const FaultProfile& faults = user.faults();
  const int order = o.size == "4k"   ? 0
                    : o.size == "1g" ? faults.pud_order()
                                     : faults.pmd_order();
  const absl::StatusOr<DaxSweep> sweep =
      SweepDax(user, {.file = target->file(),
                      .name = target->name(),
                      .size = target->size(),
                      .order = order,
                      .offset = o.target.offset,
                      .length = o.length,
                      .access = {.write = o.write,
                                 .is_private = o.target.vma.is_private,
                                 .sync = o.target.vma.sync}});
  if (!sweep.ok()) return app.Report(sweep.status());
  const SweepReport report(o, user, *target, *sweep);
  if (app.json) {
    app.Answer("sweep", report.ToJson());
  } else {
    report.PrintText(std::cout);
  }
  for (const SweepTotal& total : sweep->totals) {
    if (total.outcome.sig != 0) app.exit_code = 1;
  }
}

}  // namespace

void RegisterSweep(CLI::App& cli, App& app) {
  auto o = std::make_shared<SweepOptions>();
  CLI::App* verb = cli.add_subcommand(
      "sweep",
      "What a fault gets, for every 2 MiB (or 4 KiB, 1 GiB) of a file or\n"
      "device: the size of the entry, or the signal, and why it is no larger,\n"
      "with the level of the stack that is to blame.\n\n"
      "  dmdax sweep /mnt/f\n"
      "  dmdax sweep vg-home --write        (as if a file covered it)\n"
      "  dmdax sweep /dev/dax0.0 --size 1g\n"
      "  dmdax sweep /mnt/f --size 4k --offset 2M --length 2M\n\n"
      "Ranges of equal outcomes come first, one a line: where, how much, the\n"
      "entry, the reason (dmdax why NAME) and the level.  The pattern of a\n"
      "striped device comes again and again: it is printed once, with how "
      "often\n"
      "it comes.  Rows of a table that do the same are one line.\n\n"
      "Then the totals, with the reason's numbers at the first place that has\n"
      "it.  Each page is asked for by itself, as dmdax fault would in a "
      "mapping\n"
      "at an aligned address.  Exit 1 if one ends in a signal.");
  verb->add_option("DEVICE|FILE", o->name,
                   "A file (/mnt/f), device-dax, or block device")
      ->required();
  verb->add_option("--size", o->size,
                   "Size of the pages asked for: 4k, 2m (default) or 1g")
      ->transform(OneOfWords({{"4k", PageSize::k4K},
                              {"2m", PageSize::k2M},
                              {"1g", PageSize::k1G}}));
  verb->add_option("--offset", o->target.offset, "From this byte on")
      ->transform(ByteCount());
  verb->add_option("--length", o->length, "Bytes (default: to the end)")
      ->transform(ByteCount(1));
  verb->add_flag("--write", o->write, "Written to (default: read)");
  CLI::Option* is_private =
      verb->add_flag("--private", o->target.vma.is_private, "MAP_PRIVATE");
  verb->add_flag("--sync", o->target.vma.sync, "MAP_SYNC")
      ->excludes(is_private);
  verb->add_option("--limit", o->limit,
                   "Most ranges to tell; 0: all (default 1000)")
      ->transform(Number());
  verb->callback([o, &app] { Sweep(app, *o); });
}

}  // namespace dmdax
