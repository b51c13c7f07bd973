// SPDX-License-Identifier: Apache-2.0
//
// dmdax advise: from devices and a wish to what must be typed.
#include <algorithm>
#include <iostream>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "base/kernel_alias.h"
#include "base/kernel_profile.h"
#include "base/one_line.h"
#include "base/round_up.h"
#include "base/units.h"
#include "base/usage_error.h"
#include "nlohmann/json.hpp"
#include "state/world_load.h"
#include "tools/advise/advise.h"
#include "tools/advise/plain_names.h"
#include "tools/app.h"
#include "tools/byte_count.h"
#include "tools/check_report.h"
#include "tools/page_word.h"
#include "tools/tell.h"

namespace dmdax {
namespace {

struct AdviseOptions {
  std::vector<std::string> names;
  std::vector<std::string> devices;
  AdviceWish wish;
  std::string volume;
  std::string mount;
};

absl::Status BadDevice(const std::string& said, const std::string& why) {
  return UsageError(
      absl::StrCat("--device ", said, ": ", why,
                   "; pmem:16G@0x100000000 is 16 GiB of memory at 4 GiB"));
}

// "pmem:16G@4G" or "pmem1:16G": a pmem as a World has it.  Without a place it
// lies behind those before, where a page of 1 GiB can begin.
absl::Status AddDevice(const std::string& said, proto::World& world) {
  constexpr uint64_t kGiB = uint64_t{1} << 30;
  const std::vector<std::string> parts = absl::StrSplit(said, ':');
  if (parts.size() != 2)
    return BadDevice(said, "it is not NAME:SIZE[@ADDRESS]");
  const std::vector<std::string> place = absl::StrSplit(parts[1], '@');
  const std::optional<uint64_t> size = ParseBytes(place[0]);
  if (place.size() > 2) {
    return BadDevice(said, "it is not NAME:SIZE[@ADDRESS]");
  }
  if (!size || *size == 0 || *size % kPageSize != 0) {
    return BadDevice(
        said, absl::StrCat("the size '", place[0],
                           !size ? "' is not a number of bytes below 2^64"
                           : *size == 0 ? "' is nothing: at least 4096 bytes"
                                        : "' is no multiple of 4096 bytes"));
  }
  constexpr size_t kDiskNameLen = 32;
  if (!IsWordOf(parts[0], "+_.-") || parts[0].size() >= kDiskNameLen) {
    return BadDevice(said, absl::StrCat("the name '", parts[0],
                                        "' is not of letters, digits and "
                                        "+_.-, 1 to ",
                                        kDiskNameLen - 1));
  }
  uint64_t base = 4 * kGiB;
  for (const proto::Pmem& pmem : world.pmem()) {
    base = std::max(base, RoundUp(pmem.base() + pmem.size(), kGiB));
  }
  if (place.size() == 2) {
    const std::optional<uint64_t> address = ParseBytes(place[1]);
    if (!address || *address % kPageSize != 0) {
      return BadDevice(said,
                       absl::StrCat("the address '", place[1],
                                    address ? "' is no multiple of 4096"
                                            : "' is not a number below 2^64"));
    }
    base = *address;
  }
  const int number = world.pmem_size();
  proto::Pmem& pmem = *world.add_pmem();
  pmem.set_name(parts[0] == "pmem" ? absl::StrCat("pmem", number) : parts[0]);
  pmem.set_base(base);
  pmem.set_size(*size);
  return absl::OkStatus();
}

absl::StatusOr<ParsedWorld> WorldOf(const App& app, const AdviseOptions& o,
                                    std::vector<std::string>* notes) {
  if (o.devices.empty()) return app.AskWorld(notes);
  ParsedWorld parsed;
  for (const std::string& said : o.devices) {
    if (absl::Status s = AddDevice(said, parsed.world); !s.ok()) return s;
  }
  return parsed;
}

void PrintLines(std::ostream& out, const std::string& title,
                const std::vector<std::string>& lines) {
  if (lines.empty()) return;
  std::vector<std::string> plain;
  for (const std::string& line : lines) plain.push_back(OneLine(line));
  out << title << ":\n";
  PrintCommands(out, "  ", plain);
}

std::string KernelText(const KernelAdvice& on) {
  if (!on.holds) return absl::StrCat("no, ", on.reason, ": ", on.text);
  return absl::StrCat(on.dax ? "DAX" : "not DAX", on.sync ? ", MAP_SYNC" : "",
                      "; ", SharesText(on.shares));
}

// Kernels of which the same is said, in order of the first.
template <typename Say>
std::vector<std::pair<std::string, std::string>> ByWhatIsSaid(
    const std::vector<KernelAdvice>& kernels, Say say) {
  std::vector<std::pair<std::string, std::string>> groups;
  for (const KernelAdvice& on : kernels) {
    const std::string said = say(on);
    auto at = std::find_if(groups.begin(), groups.end(),
                           [&](const auto& g) { return g.second == said; });
    if (at == groups.end()) {
      groups.emplace_back(on.kernel, said);
    } else {
      absl::StrAppend(&at->first, ", ", on.kernel);
    }
  }
  return groups;
}

void PrintGiven(std::ostream& out, const Advice& advice) {
  PrintLines(out, "device", advice.ndctl);
  PrintLines(out, "volume, with LVM2", advice.lvm);
  PrintLines(out, "or without it, whenever the machine starts", advice.dmsetup);
  for (const auto& [kernels, lines] :
       ByWhatIsSaid(advice.kernels, [](const KernelAdvice& on) {
         return absl::StrJoin(on.sysfs, "\n");
       })) {
    if (lines.empty()) continue;
    PrintLines(out,
               absl::StrCat("on ", kernels, ", whenever the volume is made"),
               absl::StrSplit(lines, '\n'));
  }
  PrintLines(out, "file system", advice.mkfs);
  PrintLines(out, "mount", advice.mount);
  PrintLines(out, "a file", advice.files);
}

void PrintWhatGoes(std::ostream& out, const Advice& advice) {
  if (!advice.may_go.empty()) out << " # " << OneLine(advice.may_go) << "\n";
  if (advice.goes.empty()) return;
  out << " goes first, save its data: "
      << OneLine(absl::StrJoin(advice.goes, ", ")) << "\n";
  PrintLines(out, "what takes it away", advice.removal);
}

void PrintAdvice(std::ostream& out, const AdviseOptions& o,
                 const Advice& advice) {
  out << WishText(advice.wish) << ": " << (advice.given ? "yes" : "no") << "\n";
  if (advice.kernels.empty()) {
    out << "  " << advice.reason << ": " << OneLine(advice.text) << "\n";
  }
  for (const auto& [kernels, said] : ByWhatIsSaid(advice.kernels, KernelText)) {
    out << " " << kernels << ": " << OneLine(said) << "\n";
  }
  for (const std::string& device : advice.left_out) {
    out << " left out: " << OneLine(device) << "\n";
  }
  // A cure of the devices themselves, before anything is made there.
  const bool of_devices = advice.kernels.empty() && !advice.cure.empty();
  if (advice.given || of_devices) PrintWhatGoes(out, advice);
  PrintLines(out, "cure", advice.cure);
  if (advice.given) {
    PrintGiven(out, advice);
    return;
  }
  if (!advice.nearest) return;
  out << "can be had: " << WishText(*advice.nearest) << "\n  dmdax advise ";
  for (const std::string& name : o.names) out << ShellWord(name) << " ";
  for (const std::string& said : o.devices)
    out << "--device " << ShellWord(said) << " ";
  out << WishOptions(*advice.nearest) << "\n";
}

nlohmann::ordered_json WishToJson(const AdviceWish& wish) {
  return {{"size", wish.size},
          {"stripes", wish.stripes},
          {"fs", FsName(wish.fs)},
          {"page", PageName(wish.page)},
          {"map_sync", wish.sync}};
}

nlohmann::ordered_json KernelToJson(const KernelAdvice& on) {
  nlohmann::ordered_json j = {{"kernel", on.kernel}, {"holds", on.holds}};
  if (on.reason != "refused" && on.reason != "not_modelled") {
    j["dax"] = on.dax;
    j["map_sync"] = on.sync;
    j["bytes"] = SharesToJson(on.shares);
  }
  if (!on.sysfs.empty()) j["sysfs"] = on.sysfs;
  if (on.holds) return j;
  j["reason"] = on.reason;
  j["text"] = on.text;
  if (!on.cure.empty()) j["cure"] = on.cure;
  return j;
}

nlohmann::ordered_json AdviceToJson(const Advice& advice) {
  nlohmann::ordered_json j = {{"given", advice.given},
                              {"wish", WishToJson(advice.wish)},
                              {"goes", advice.goes},
                              {"left_out", advice.left_out}};
  nlohmann::ordered_json kernels = nlohmann::ordered_json::array();
  for (const KernelAdvice& on : advice.kernels) {
    kernels.push_back(KernelToJson(on));
  }
  j["kernels"] = std::move(kernels);
  if (advice.given) {
    if (!advice.may_go.empty()) j["remark"] = advice.may_go;
    j["device"] = advice.device;
    if (!advice.table.empty()) j["table"] = advice.table;
    const std::pair<const char*, const std::vector<std::string>&> lines[] = {
        {"removal", advice.removal}, {"ndctl", advice.ndctl},
        {"lvm", advice.lvm},         {"dmsetup", advice.dmsetup},
        {"mkfs", advice.mkfs},       {"mount", advice.mount},
        {"files", advice.files}};
    for (const auto& [name, commands] : lines) {
      if (!commands.empty()) j[name] = commands;
    }
    return j;
  }
  j["reason"] = advice.reason;
  j["text"] = advice.text;
  if (!advice.cure.empty()) {
    j["cure"] = advice.cure;
    if (!advice.may_go.empty()) j["remark"] = advice.may_go;
    if (!advice.removal.empty()) j["removal"] = advice.removal;
  }
  if (advice.nearest) j["nearest"] = WishToJson(*advice.nearest);
  return j;
}

// A kernel between two profiles is asked on both, as `check` does; "" is one of
// them.
void AddNeighbour(const ParsedWorld& world, const KernelAnswer& own,
                  std::vector<std::string>* kernels) {
  const absl::StatusOr<const KernelProfile*> is =
      FindKernelProfile(world.world.kernel());
  if (is.ok() && *is == own.above) {
    kernels->insert(kernels->begin(), own.profile->name);
  } else {
    kernels->push_back(own.above->name);
  }
}

void TellOf(const App& app, const KernelAnswer& own,
            const std::vector<std::string>& notes) {
  if (own.above != nullptr) {
    Tell(own.BothNote());
  } else if (!own.note.empty()) {
    Tell(own.note);
  } else {
    app.TellKernel();
  }
  TellAll(notes);
}

void RunAdvise(App& app, const AdviseOptions& o) {
  std::optional<KernelAnswer> between;
  absl::StatusOr<std::vector<std::string>> kernels = app.AskKernels(&between);
  if (!kernels.ok()) return app.Report(kernels.status());
  std::vector<std::string> notes;
  absl::StatusOr<ParsedWorld> world = WorldOf(app, o, &notes);
  if (!world.ok()) return app.Report(world.status());
  const bool is_own = *kernels == std::vector<std::string>{""};
  const KernelAnswer own =
      is_own ? KernelOf(world->world) : between.value_or(KernelAnswer{});
  if (is_own && own.above != nullptr) AddNeighbour(*world, own, &*kernels);
  TellOf(app, own, notes);
  AdviseRequest request{.world = world->world,
                        .devices = o.names,
                        .kernels = *kernels,
                        .wish = o.wish,
                        .mount = o.mount,
                        .map = world->source,
                        .unknown = own.unknown};
  if (!o.volume.empty()) {
    const std::vector<std::string> parts = absl::StrSplit(o.volume, '/');
    if (parts.size() != 2 || !IsPlainLvmName(parts[0]) ||
        !IsPlainLvmName(parts[1])) {
      return app.Report(UsageError(absl::StrCat(
          "--name ", o.volume,
          ": it is not VG/LV, as in vg/data, of letters, digits and +_.-")));
    }
    if (IsReservedLv(parts[1])) {
      return app.Report(UsageError(
          absl::StrCat("--name ", o.volume, ": LVM2 keeps the name '", parts[1],
                       "' for volumes of its own; ", parts[0], "/data")));
    }
    request.name = {parts[0], parts[1]};
  }
  if (!o.mount.empty() && o.mount[0] != '/') {
    return app.Report(UsageError(absl::StrCat(
        "--mount ", o.mount, ": it does not begin with /, as in /mnt")));
  }
  absl::StatusOr<Advice> advice = Advise(request);
  if (!advice.ok()) return app.Report(advice.status());
  if (app.json) {
    app.Answer("advice", AdviceToJson(*advice));
  } else {
    PrintAdvice(std::cout, o, *advice);
  }
  if (!advice->given) app.exit_code = 2;
}

}  // namespace

void RegisterAdvise(CLI::App& cli, App& app) {
  auto o = std::make_shared<AdviseOptions>();
  CLI::App* verb = cli.add_subcommand(
      "advise",
      "What to type so that a volume and its files get the pages that you\n"
      "wish for: LVM2's commands or a table, the queue's settings, mkfs and\n"
      "mount.\n\n"
      "  dmdax advise --size 6G --stripes 2       (the machine's free pmem)\n"
      "  dmdax advise pmem0 --fs xfs --kernel all (as if pmem0 were free)\n"
      "  dmdax advise --device pmem:16G@4G --device pmem:16G@20G --stripes 2\n"
      "  dmdax advise --fs none --page 1g         (device-dax)\n\n"
      "It is tried on a copy of the machine in memory before it is printed.\n"
      "Exit status 0: there it is; 2: it cannot be had, and why, and the\n"
      "nearest wish that can; 1: an error.");
  CLI::Option* names =
      verb->add_option("DEVICE", o->names,
                       "pmem disks and partitions of them; what stands on them "
                       "goes (default: all that are free)");
  verb->add_option("--device", o->devices,
                   "Instead of the machine's: a pmem of this size, at this "
                   "physical address (default: aligned to 1 GiB)")
      ->type_name("NAME:SIZE[@ADDRESS]")
      ->allow_extra_args(false)
      ->excludes(names);
  verb->add_option("--size", o->wish.size,
                   "Of the volume, bytes (default: all the room)")
      ->transform(ByteCount(1));
  verb->add_option("--stripes", o->wish.stripes,
                   "Devices to spread it over (default 1)")
      ->transform(Number(1, 4096));
  verb->add_option_function<std::string>(
          "--fs",
          [o](const std::string& word) {
            for (AdviseFs fs :
                 {AdviseFs::kExt4, AdviseFs::kXfs, AdviseFs::kNone}) {
              if (FsName(fs) == word) o->wish.fs = fs;
            }
          },
          "ext4 (default), xfs, or none: the volume itself")
      ->transform(OneOfWords({{"ext4"}, {"xfs"}, {"none"}}))
      ->type_name("FS");
  verb->add_option_function<std::string>(
          "--page",
          [o](const std::string& word) {
            for (AdvisePage page :
                 {AdvisePage::k4K, AdvisePage::k2M, AdvisePage::k1G}) {
              if (PageName(page) == word) o->wish.page = page;
            }
          },
          "4k, 2m (default) or 1g")
      ->transform(OneOfWords({{"4k", PageSize::k4K},
                              {"2m", PageSize::k2M},
                              {"1g", PageSize::k1G}}))
      ->type_name("PAGE");
  verb->add_flag("--sync", o->wish.sync, "MAP_SYNC must work");
  verb->add_option("--name", o->volume,
                   "Of the volume (default: vg/data, or vg1/data ...)")
      ->type_name("VG/LV");
  verb->add_option("--mount", o->mount,
                   "Where to mount it (default: /mnt, or /mnt1 ...)")
      ->type_name("DIR");
  verb->callback([o, &app] { RunAdvise(app, *o); });
}

}  // namespace dmdax
