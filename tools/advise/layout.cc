// SPDX-License-Identifier: Apache-2.0
#include "tools/advise/layout.h"

#include <algorithm>
#include <map>
#include <set>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_replace.h"
#include "base/one_line.h"
#include "base/round_up.h"
#include "base/units.h"
#include "tools/advise/wish.h"
#include "tools/byte_count.h"

namespace dmdax {
namespace {

constexpr uint64_t kExtent = 4 << 20;       // LVM2's physical extent
constexpr uint64_t kMetadata = 1 << 20;     // in front of the data
constexpr uint64_t kSmallChunk = 64 << 10;  // LVM2's chunk

// What pvcreate --dataalignment aligns to.
uint64_t DataAlignment(const LayoutRequest& request) {
  return request.align == 0 ? kMetadata : request.align;
}

// Where the data begins: at the first multiple of the alignment behind the
// metadata, and as far behind that as the device's address is in front of one.
uint64_t DataStart(const LayoutLeg& leg, const LayoutRequest& request) {
  const uint64_t align = DataAlignment(request);
  const uint64_t begin = RoundUp(kMetadata, align);
  if (request.align == 0) return begin;
  return begin + (RoundUp(leg.address, align) - leg.address);
}

// Hands out the extents of the legs.
class Extents {
 public:
  Extents(absl::Span<const LayoutLeg> legs, const LayoutRequest& request)
      : stripes_(request.stripes) {
    for (const LayoutLeg& leg : legs) {
      const uint64_t start = DataStart(leg, request);
      start_.push_back(start);
      left_.push_back(leg.bytes > start ? (leg.bytes - start) / kExtent : 0);
    }
    used_.resize(legs.size());
    for (size_t i = 0; i < left_.size(); ++i) by_left_.insert({~left_[i], i});
  }

  // A row of at most `need` extents of each of its legs, none twice; nothing if
  // there are not legs enough.  The first legs that have all of it, else those
  // with most left, as LVM2 picks them.
  LayoutRow Take(uint64_t need) {
    std::vector<size_t> legs;
    for (auto at = by_left_.begin();
         at != by_left_.end() && legs.size() < stripes_; ++at) {
      legs.push_back(at->second);
    }
    if (legs.size() < stripes_) return {};
    // Such a row is the last: all legs are looked at only once.
    if (left_[legs.back()] >= need) {
      legs.clear();
      for (size_t i = 0; legs.size() < stripes_; ++i) {
        if (left_[i] >= need) legs.push_back(i);
      }
    }
    uint64_t extents = need;
    for (size_t leg : legs) extents = std::min(extents, left_[leg]);
    if (extents == 0) return {};
    LayoutRow row{.bytes = extents * stripes_ * kExtent};
    for (size_t leg : legs) {
      row.areas.push_back({leg, start_[leg] + used_[leg] * kExtent});
      used_[leg] += extents;
      by_left_.erase({~left_[leg], leg});
      left_[leg] -= extents;
      by_left_.insert({~left_[leg], leg});
    }
    return row;
  }

  // By leg; 0 of those that gave nothing.
  std::vector<uint64_t> DataStarts() const {
    std::vector<uint64_t> starts(start_.size());
    for (size_t i = 0; i < starts.size(); ++i) {
      if (used_[i] != 0) starts[i] = start_[i];
    }
    return starts;
  }

 private:
  const uint64_t stripes_;
  std::vector<uint64_t> start_, left_, used_;
  // Those with most left first, of equal ones the first: there are as many rows
  // as legs, and none may look at all of them.
  std::set<std::pair<uint64_t, size_t>> by_left_;  // ~left, leg
};

uint64_t RoomOf(absl::Span<const LayoutLeg> legs,
                const LayoutRequest& request) {
  Extents extents(legs, request);
  uint64_t room = 0;
  for (;;) {
    const LayoutRow row = extents.Take(UINT64_MAX);
    if (row.bytes == 0) return room;
    room += row.bytes;
  }
}

}  // namespace

LayoutPlan PlanLayout(absl::Span<const LayoutLeg> legs,
                      const LayoutRequest& request) {
  LayoutPlan plan{.chunk = request.align == 0 ? kSmallChunk : request.align};
  if (legs.size() < request.stripes) {
    plan.unmet = "too_few_devices";
    plan.text = absl::StrCat(request.stripes, " stripes need ", request.stripes,
                             " devices, there ",
                             legs.size() == 1 ? "is " : "are ", legs.size());
    return plan;
  }
  plan.room = RoomOf(legs, request);
  const uint64_t unit = kExtent * request.stripes;
  plan.size = request.size == 0          ? plan.room
              : request.size > plan.room ? 0
                                         : RoundUp(request.size, unit);
  if (plan.size == 0 || plan.size > plan.room) {
    plan.unmet = "no_room";
    plan.text = absl::StrCat(
        request.size == 0
            ? ""
            : absl::StrCat(BytesText(request.size), " are wished, "),
        legs.size(), legs.size() == 1 ? " device has" : " devices have",
        " room for ", BytesText(plan.room), " in extents of ",
        BytesText(kExtent),
        request.stripes > 1
            ? absl::StrCat(" over ", request.stripes, " stripes")
            : "");
    return plan;
  }
  Extents extents(legs, request);
  for (uint64_t left = plan.size; left > 0; left -= plan.rows.back().bytes) {
    plan.rows.push_back(extents.Take(left / unit));
  }
  plan.data_start = extents.DataStarts();
  return plan;
}

std::string LayoutTable(const LayoutPlan& plan,
                        absl::Span<const LayoutLeg> legs) {
  std::string text;
  uint64_t start = 0;
  for (const LayoutRow& row : plan.rows) {
    absl::StrAppend(&text, text.empty() ? "" : "\n", start / kSectorSize, " ",
                    row.bytes / kSectorSize);
    if (row.areas.size() == 1) {
      absl::StrAppend(&text, " linear");
    } else {
      absl::StrAppend(&text, " striped ", row.areas.size(), " ",
                      plan.chunk / kSectorSize);
    }
    for (const LayoutArea& area : row.areas) {
      // dm_split_args() takes a backslash away.
      absl::StrAppend(
          &text, " ",
          absl::StrReplaceAll(legs[area.leg].path, {{"\\", "\\\\"}}), " ",
          area.start / kSectorSize);
    }
    start += row.bytes;
  }
  return text;
}

std::string MappedName(const VolumeName& name) {
  const auto escape = [](const std::string& part) {
    return absl::StrReplaceAll(part, {{"-", "--"}});
  };
  return absl::StrCat(escape(name.vg), "-", escape(name.lv));
}

std::vector<std::string> LayoutLvmLines(const LayoutPlan& plan,
                                        absl::Span<const LayoutLeg> legs,
                                        const VolumeName& name, OldData old) {
  // Legs whose data begins alike are made by one command.
  std::map<uint64_t, std::vector<std::string>> by_start;
  std::vector<std::string> used;
  for (size_t i = 0; i < legs.size(); ++i) {
    if (plan.data_start[i] == 0) continue;
    used.push_back(ShellWord(legs[i].path));
    by_start[plan.data_start[i]].push_back(used.back());
  }
  const bool aligned = plan.chunk != kSmallChunk;
  const uint64_t align = aligned ? plan.chunk : kMetadata;
  const absl::string_view yes = old == OldData::kGoes ? "-y " : "";
  std::vector<std::string> lines;
  for (const auto& [start, paths] : by_start) {
    const uint64_t offset = start % align;
    lines.push_back(absl::StrCat(
        "pvcreate ", yes, "--dataalignment ", LvmSize(align), " ",
        offset == 0
            ? ""
            : absl::StrCat("--dataalignmentoffset ", LvmSize(offset), " "),
        absl::StrJoin(paths, " ")));
  }
  const std::string all = absl::StrJoin(used, " ");
  lines.push_back(absl::StrCat("vgcreate --physicalextentsize ",
                               LvmSize(kExtent), " ", ShellWord(name.vg), " ",
                               all));
  const size_t stripes = plan.rows[0].areas.size();
  lines.push_back(absl::StrCat(
      "lvcreate ", yes,
      stripes == 1
          ? ""
          : absl::StrCat("-i ", stripes, " -I ", LvmSize(plan.chunk), " "),
      "-L ", LvmSize(plan.size), " -n ", ShellWord(name.lv), " ",
      ShellWord(name.vg), " ", all));
  return lines;
}

}  // namespace dmdax
