// SPDX-License-Identifier: Apache-2.0
#include "tools/check/lvm_volume.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "base/one_line.h"
#include "block/block_device.h"
#include "state/find_device.h"
#include "tools/check/cure_lines.h"
#include "tools/check/hidden_volume.h"

namespace dmdax {
namespace {

// Adds the devices that the row stands on, as paths.
void AddLegPaths(const Session& session, proto::Target& row,
                 std::vector<std::string>* paths) {
  ForEachLeg(row, [&](proto::Linear& leg, int) {
    const absl::StatusOr<BlockDevice*> bdev = FindDevice(session, leg.device());
    std::string path = bdev.ok() ? DevicePath(session, **bdev) : leg.device();
    if (std::find(paths->begin(), paths->end(), path) == paths->end()) {
      paths->push_back(std::move(path));
    }
  });
}

}  // namespace

std::optional<std::vector<SegmentToMake>> SegmentsToMake(
    const Session& session, const proto::MappedDevice& given) {
  if (!LvmNameOf(given) || IsHiddenVolume(given)) return std::nullopt;
  std::vector<SegmentToMake> segments;
  proto::MappedDevice device = given;
  for (proto::Target& row : *EditRows(&device)) {
    SegmentToMake now{.sectors = row.length()};
    if (row.has_striped()) {
      now.chunk = row.striped().chunk();
      now.stripes = row.striped().stripe_size();
      // LVM2's chunks are powers of two.
      if (now.chunk == 0 || (now.chunk & (now.chunk - 1)) != 0) {
        return std::nullopt;
      }
    } else if (!row.has_linear()) {
      return std::nullopt;
    }
    AddLegPaths(session, row, &now.paths);
    if (now.paths.size() != static_cast<size_t>(now.stripes)) {
      return std::nullopt;
    }
    SegmentToMake* const last = segments.empty() ? nullptr : &segments.back();
    if (last != nullptr && last->stripes == now.stripes &&
        last->chunk == now.chunk && last->paths == now.paths) {
      last->sectors += now.sectors;
    } else {
      segments.push_back(std::move(now));
    }
  }
  if (segments.empty()) return std::nullopt;
  return segments;
}

std::string VolumesLook(const std::string& vg,
                        const std::set<std::string>& names) {
  return absl::StrCat(
      "test \"$(echo $(lvs -a --noheadings -o lv_name -S "
      "vg_missing_pv_count=0 ",
      ShellWord(vg), " | tr -d ' []' | LC_ALL=C sort))\" = ",
      ShellWord(absl::StrJoin(names, " ")));
}

std::string JoinWords(const std::vector<std::string>& paths) {
  return absl::StrJoin(paths, " ",
                       [](std::string* out, const std::string& path) {
                         absl::StrAppend(out, ShellWord(path));
                       });
}

std::string LvmCreateLine(const LvmName& lvm,
                          const std::vector<SegmentToMake>& segments,
                          const std::string& more) {
  std::string lines;
  for (const SegmentToMake& segment : segments) {
    const bool first = lines.empty();
    absl::StrAppend(&lines, first ? "lvcreate -y" : " && lvextend",
                    first ? more : "");
    if (segment.stripes > 1) {
      absl::StrAppend(&lines, " -i ", segment.stripes, " -I ",
                      segment.chunk % 2048 == 0
                          ? absl::StrCat(segment.chunk / 2048, "m")
                          : absl::StrCat(segment.chunk / 2, "k"));
    } else if (!first) {
      absl::StrAppend(&lines, " -i 1");
    }
    absl::StrAppend(
        &lines, " -L ", first ? "" : "+", segment.sectors / 2, "k ",
        first ? absl::StrCat("-n ", ShellWord(lvm.lv), " ", ShellWord(lvm.vg))
              : ShellWord(absl::StrCat(lvm.vg, "/", lvm.lv)),
        " ", JoinWords(segment.paths));
  }
  return lines;
}

}  // namespace dmdax
