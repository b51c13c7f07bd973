// SPDX-License-Identifier: Apache-2.0
//
// dmdax diff: the first page at which two devices differ, how many do, and the
// level at which their chains part.
#include <algorithm>
#include <iostream>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "base/errno_status.h"
#include "base/usage_error.h"
#include "dm/mapped_device.h"
#include "dm/stack_depth.h"
#include "nlohmann/json.hpp"
#include "tools/app.h"
#include "tools/byte_count.h"
#include "tools/check/dax_depth.h"
#include "tools/check/too_deep.h"
#include "tools/command_line.h"
#include "tools/dax_query.h"
#include "tools/diff/chain_parting.h"
#include "tools/diff/page_diff.h"
#include "tools/diff/step_text.h"

namespace dmdax {
namespace {

struct DiffOptions {
  std::string a, b;
  std::string with, with_kernel;
  int64_t nr = 512;
  bool chain = false;

  bool two_machines() const { return !with.empty() || !with_kernel.empty(); }
};

struct Side {
  std::string name;   // of the device, as said
  std::string label;  // what tells it from the other
  std::string world;  // the file, or ""
  const Session& session;
  const DaxQuery& query;
};

// A page at which the sides differ, and the chains of both.
struct Place {
  uint64_t page;
  Trace traces[2];
  DaxAccess answers[2];
  size_t step;  // at which they part
};

// Which of the devices that the one above `step` stands on it is sent to, and
// what they are called.
struct Below {
  std::vector<std::string> names;
  size_t index = 0;
};

Below BelowOf(const Session& session, const TraceStep& above) {
  Below below;
  BlockDevice* bdev = session.machine->FindBdevByName(above.device);
  if (bdev == nullptr) return below;
  for (BlockDevice* lower : DevicesBelow(session, *bdev)) {
    if (lower->name() == above.lower_name) below.index = below.names.size();
    below.names.push_back(NameOfDevice(session, *lower));
  }
  return below;
}

bool Knows(const Below& below, const Below& other) {
  return std::find(below.names.begin(), below.names.end(),
                   other.names[other.index]) != below.names.end();
}

// Stacks next to each other have their own devices in between, which stand for
// each other if the tables above have them in the same place; but not if both
// tables name them.
bool StandForEachOther(const Side sides[2], const TraceStep& above_a,
                       const TraceStep& above_b) {
  const Below a = BelowOf(sides[0].session, above_a);
  const Below b = BelowOf(sides[1].session, above_b);
  return !a.names.empty() && !b.names.empty() && a.index == b.index &&
         !Knows(a, b) && !Knows(b, a);
}

Place PlaceOf(const Side sides[2], uint64_t page, int64_t nr_pages) {
  Place place{.page = page};
  for (int i = 0; i < 2; ++i) {
    place.answers[i] =
        sides[i].query.Ask(pgoff_t(page), nr_pages, &place.traces[i]);
  }
  place.step = PartingStep(place.traces[0].steps(), place.traces[1].steps(),
                           [&](const TraceStep& a, const TraceStep& b) {
                             return StandForEachOther(sides, a, b);
                           });
  return place;
}

std::string ErrorText(int64_t ret) {
  return absl::StrCat("-", ErrnoName(static_cast<int>(-ret)));
}

std::string FrameText(const DaxAccess& answer) {
  return answer.ret < 0 ? ErrorText(answer.ret)
                        : absl::StrFormat("pfn 0x%x", answer.pfn.value());
}

std::string RunText(const DaxAccess& answer) {
  return answer.ret < 0
             ? ErrorText(answer.ret)
             : absl::StrCat(answer.ret, answer.ret == 1 ? " page" : " pages");
}

void PrintPlace(const Side sides[2], const Place& place,
                std::string (*text)(const DaxAccess&)) {
  for (int i = 0; i < 2; ++i) {
    std::cout << "  " << sides[i].label << ": " << text(place.answers[i])
              << "\n";
    const auto steps = place.traces[i].steps();
    // A page behind the end of a disk is not asked of it.
    if (place.step >= steps.size()) continue;
    PrintStep(std::cout, sides[i].session, steps[place.step], "    ");
  }
}

void PrintDax(const Side sides[2]) {
  std::cout << "DAX:";
  for (int i = 0; i < 2; ++i) {
    const std::string& why = sides[i].query.not_dax();
    std::cout << (i == 0 ? " " : "; ") << sides[i].label << " "
              << (why.empty() ? "yes" : "no, " + why);
  }
  std::cout << "\n";
}

bool SameDax(const Side sides[2]) {
  return sides[0].query.not_dax().empty() == sides[1].query.not_dax().empty();
}

bool SameSize(const Side sides[2]) {
  return sides[0].query.nr_pages() == sides[1].query.nr_pages();
}

bool Equal(const Side sides[2], const PageDiff& diff) {
  return diff.equal() && SameDax(sides) && SameSize(sides);
}

void PrintEqual(const Side sides[2], const PageDiff& diff, int64_t nr_pages) {
  if (Equal(sides, diff)) {
    std::cout << "equal: " << diff.pages << " pages have the same frames";
  } else {
    std::cout << "pages: all " << diff.pages << " have the same frames";
  }
  if (nr_pages > 1) std::cout << ", and runs of up to " << nr_pages << " pages";
  std::cout << "\n";
}

void PrintText(const Side sides[2], const PageDiff& diff, int64_t nr_pages) {
  if (!SameDax(sides)) PrintDax(sides);
  if (!SameSize(sides)) {
    std::cout << "size: " << sides[0].label << " " << sides[0].query.nr_pages()
              << " pages; " << sides[1].label << " "
              << sides[1].query.nr_pages() << "\n";
  }
  if (diff.equal()) PrintEqual(sides, diff, nr_pages);
  if (diff.frames.pages != 0) {
    const Place place = PlaceOf(sides, diff.frames.first, 1);
    std::cout << "page frames: " << diff.frames.pages << " of " << diff.pages
              << " pages differ; the first: page " << place.page << ", level "
              << place.step << "\n";
    PrintPlace(sides, place, FrameText);
  }
  if (diff.runs.pages != 0) {
    const Place place = PlaceOf(sides, diff.runs.first, nr_pages);
    std::cout << "runs of up to " << nr_pages << " pages: " << diff.runs.pages
              << " of " << diff.pages
              << " differ, their frames do not; the first: page " << place.page
              << ", level " << place.step << "\n";
    PrintPlace(sides, place, RunText);
  }
}

nlohmann::ordered_json SideToJson(const Side& side) {
  nlohmann::ordered_json j = {{"device", side.name},
                              {"kernel", side.session.machine->profile().name},
                              {"pages", side.query.nr_pages()}};
  if (!side.world.empty()) j["world"] = side.world;
  if (!side.query.not_dax().empty()) j["not_dax"] = side.query.not_dax();
  return j;
}

nlohmann::ordered_json CountToJson(const Side sides[2],
                                   const PageDiff::Count& count,
                                   int64_t nr_pages) {
  nlohmann::ordered_json j = {{"pages", count.pages}};
  if (count.pages == 0) return j;
  const Place place = PlaceOf(sides, count.first, nr_pages);
  j["first"] = {{"pgoff", place.page}, {"level", place.step}};
  for (int i = 0; i < 2; ++i) {
    const DaxAccess& answer = place.answers[i];
    nlohmann::ordered_json said;
    if (answer.ret < 0) {
      said["errno"] = ErrnoName(static_cast<int>(-answer.ret));
    } else {
      said["pfn"] = answer.pfn.value();
      said["pages"] = answer.ret;
    }
    const auto steps = place.traces[i].steps();
    if (place.step < steps.size()) {
      said["step"] = StepToJson(sides[i].session, steps[place.step]);
    }
    j["first"][i == 0 ? "a" : "b"] = std::move(said);
  }
  return j;
}

nlohmann::ordered_json ToJson(const Side sides[2], const PageDiff& diff,
                              int64_t nr_pages) {
  return {{"equal", Equal(sides, diff)},
          {"a", SideToJson(sides[0])},
          {"b", SideToJson(sides[1])},
          {"nr_pages", nr_pages},
          {"pages", diff.pages},
          {"frames", CountToJson(sides, diff.frames, 1)},
          {"runs", CountToJson(sides, diff.runs, nr_pages)}};
}

void SetLabels(Side sides[2]) {
  const bool worlds = sides[0].world != sides[1].world;
  const auto kernel = [&](int i) {
    return std::string(sides[i].session.machine->profile().name);
  };
  for (int i = 0; i < 2; ++i) {
    sides[i].label = sides[i].name;
    if (worlds && !sides[i].world.empty()) {
      absl::StrAppend(&sides[i].label, " of ", sides[i].world);
    }
    if (kernel(0) != kernel(1)) {
      absl::StrAppend(&sides[i].label, " on ", kernel(i));
    }
  }
}

// The machine of the second device, if it has one of its own.
App Second(const App& app, const DiffOptions& o) {
  App second = app;
  if (!o.with.empty()) second.world_file = o.with;
  if (!o.with_kernel.empty()) {
    second.SayKernel(o.with_kernel);
    second.TellKernel();
  }
  return second;
}

absl::StatusOr<Session> AskFor(const App& app,
                               const std::vector<std::string>& devices) {
  return app.Ask([&](Session& asked) {
    for (const std::string& device : devices) {
      absl::Status s = DaxQuery::Create(asked, device).status();
      if (!s.ok()) return s;
    }
    return absl::OkStatus();
  });
}

// How long it may take; a message of what is deeper than anybody walks.
absl::StatusOr<DiffBounds> BoundsOf(const DiffOptions& o, const Side sides[2]) {
  DiffBounds bounds;
  for (int i = 0; i < 2; ++i) {
    BlockDevice& bdev = sides[i].query.bdev();
    if (absl::Status s = CheckStackDepth(sides[i].session, &bdev); !s.ok()) {
      return s;
    }
    const int levels = StackLevels(sides[i].session, &bdev);
    // A compiled map answers for as many as half of those at once.
    if (o.chain || levels > StackDepth::kMax / 2) {
      bounds.levels = std::max(bounds.levels, levels);
    }
  }
  return bounds;
}

void Compare(App& app, const DiffOptions& o, Side sides[2]) {
  SetLabels(sides);
  absl::StatusOr<DiffBounds> bounds = BoundsOf(o, sides);
  if (!bounds.ok()) return app.Report(bounds.status());
  absl::StatusOr<PageDiff> diff =
      DiffPages(sides[0].query, sides[1].query, o.nr,
                o.chain ? DiffBy::kChain : DiffBy::kLayout, *bounds);
  if (!diff.ok()) return app.Report(diff.status());
  if (app.json) {
    app.Answer("diff", ToJson(sides, *diff, o.nr));
  } else {
    PrintText(sides, *diff, o.nr);
  }
  if (!Equal(sides, *diff)) app.exit_code = 2;
}

void Diff(App& app, const DiffOptions& o) {
  const std::string& name = o.b.empty() ? o.a : o.b;
  // Before any table goes live.
  if (o.chain) MappedDevice::UseCompiledMaps(false);
  absl::StatusOr<Session> first =
      AskFor(app, o.two_machines() ? std::vector{o.a} : std::vector{o.a, name});
  if (!first.ok()) return app.Report(first.status());
  const App other = Second(app, o);
  absl::StatusOr<Session> second = Session();
  if (o.two_machines()) second = AskFor(other, {name});
  if (!second.ok()) return app.Report(second.status());
  const Session& session_b = o.two_machines() ? *second : *first;
  absl::StatusOr<DaxQuery> a = DaxQuery::Create(*first, o.a);
  if (!a.ok()) return app.Report(a.status());
  absl::StatusOr<DaxQuery> b = DaxQuery::Create(session_b, name);
  if (!b.ok()) return app.Report(b.status());
  Side sides[] = {{o.a, "", app.world_file.value_or(""), *first, *a},
                  {name, "", other.world_file.value_or(""), session_b, *b}};
  Compare(app, o, sides);
}

}  // namespace

void RegisterDiff(CLI::App& cli, App& app) {
  auto o = std::make_shared<DiffOptions>();
  CLI::App* verb = cli.add_subcommand(
      "diff",
      "Whether two devices give the same answer to every page: how many pages\n"
      "differ, the first of them, and the level at which their chains part.\n\n"
      "  dmdax diff fast new                  (two devices of one machine)\n"
      "  dmdax diff fast --with-kernel 6.12   (one under two kernels)\n"
      "  dmdax --world a.textproto diff fast --with b.textproto\n\n"
      "Compared are the page frame, or error, of each page, and how many of\n"
      "--nr pages a request from there gets.  Exit status 0: equal; 2: not; "
      "1:\n"
      "an error.");
  verb->add_option("A", o->a, "Name, path or major:minor")->required();
  CLI::Option* b = verb->add_option("B", o->b, "The other (default: A)");
  CLI::Option* with =
      verb->add_option("--with", o->with,
                       "Take B from this World, or what import takes")
          ->type_name("FILE");
  CLI::Option* with_kernel =
      verb->add_option("--with-kernel", o->with_kernel,
                       "Ask this kernel for B; --kernel is then A's")
          ->type_name("KERNEL");
  verb->add_option(
          "--nr", o->nr,
          "Pages to ask for (default 512); 1: only frames are compared")
      ->transform(Number(1, kMostDiffPages));
  verb->add_flag(
      "--chain", o->chain,
      "Ask each target's direct_access, trust no dax_layout: slower");
  verb->callback([=, &app] {
    if (b->count() + with->count() + with_kernel->count() == 0) {
      throw CLI::RequiredError("B, --with or --with-kernel");
    }
    Diff(app, *o);
  });
}

}  // namespace dmdax
