// SPDX-License-Identifier: Apache-2.0
//
// GuessPmemModes: whether a pmem has DAX, where no input says it.
//
// A namespace of the firmware's memory is raw until somebody makes another one
// of it, and raw it has no struct pages and no DAX.  One with pages keeps an
// info block in front of its data, so that its disk is smaller.  Memory of the
// boot line, and virtio's, has pages in any case.  What only tables have, by
// its number, may be no memory at all.
//
// Mirrors: pmem_attach_disk of drivers/nvdimm/pmem.c; ND_REGION_PAGEMAP of
// drivers/nvdimm/e820.c and drivers/nvdimm/virtio_pmem.c (6.1).
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "fs/dax_words.h"
#include "import/build_world.h"
#include "import/guess.h"

namespace dmdax {
namespace {

class DaxSeen {
 public:
  explicit DaxSeen(const Facts& facts) : facts_(facts) {
    // Without it the kernel does not mount so, or shows no such option.
    for (const MountFact& m : facts_.mounts) {
      if (!DaxForAll(m.options).empty()) Add(CanonicalDevice(facts_, m.source));
    }
    for (const auto& [name, m] : facts_.mapped) {
      if (m.dax && m.dax->value) Add(absl::StrCat("/dev/mapper/", name));
    }
    for (const auto& [name, disk] : facts_.disks) {
      if (disk.dax && disk.dax->value) Add(absl::StrCat("/dev/", name));
    }
  }

  bool On(const std::string& disk) const {
    return seen_.contains(absl::StrCat("/dev/", disk));
  }

 private:
  // What has DAX has it on all that it stands on.
  void Add(const std::string& device) {
    std::vector<std::string> left = {device};
    while (!left.empty()) {
      const std::string at = left.back();
      left.pop_back();
      if (at.empty() || !seen_.insert(at).second) continue;
      for (const std::string& below : DevicesBelow(facts_, at)) {
        left.push_back(below);
      }
      absl::string_view name = at;
      if (absl::ConsumePrefix(&name, "/dev/mapper/")) {
        const auto mapped = facts_.mapped.find(std::string(name));
        if (mapped == facts_.mapped.end()) continue;
        for (const DmTargetSpec& row : mapped->second.rows) {
          for (absl::string_view word : absl::StrSplit(row.params, ' ')) {
            if (absl::StrContains(word, ":") || absl::StartsWith(word, "/")) {
              left.push_back(CanonicalDevice(facts_, word));
            }
          }
        }
      } else if (absl::ConsumePrefix(&name, "/dev/")) {
        const auto disk = facts_.disks.find(std::string(name));
        if (disk != facts_.disks.end() && disk->second.parent) {
          left.push_back(absl::StrCat("/dev/", disk->second.parent->value));
        }
      }
    }
  }

  const Facts& facts_;
  std::set<std::string> seen_;
};

bool HasPagesAnyway(const Facts& facts, const proto::Pmem& pmem) {
  if (pmem.asynchronous() || pmem.data_offset() != 0) return true;
  for (const MemmapRange& m : facts.memmap) {
    if (m.start <= pmem.base() && pmem.base() - m.start < m.size) return true;
  }
  for (const IomemRange& r : facts.iomem) {
    if (r.name == "Persistent Memory (legacy)" && r.start <= pmem.base() &&
        pmem.base() <= r.end) {
      return true;
    }
  }
  // Its device is not the namespace, but one that was made of it.
  const auto nd = facts.nd_of_disk.find(pmem.name());
  return nd != facts.nd_of_disk.end() && absl::StartsWith(nd->second, "pfn");
}

}  // namespace

void GuessPmemModes(Facts* facts, const proto::World& world) {
  const DaxSeen seen(*facts);
  for (const proto::Pmem& pmem : world.pmem()) {
    const auto at = facts->disks.find(pmem.name());
    if (at == facts->disks.end()) continue;
    const Disk& disk = at->second;
    if (disk.mode || disk.dax || seen.On(pmem.name()) ||
        HasPagesAnyway(*facts, pmem)) {
      continue;
    }
    proto::Guess guess =
        disk.unknown.empty()
            ? MakeGuess(proto::Guess::DAX, pmem.name(),
                        absl::StrCat("no input says whether ", pmem.name(),
                                     " is a raw namespace, which has no DAX"),
                        "fsdax",
                        "lsblk -O, ndctl list -N, a copy of /sys/block")
            : MakeGuess(proto::Guess::DAX, pmem.name(), disk.unknown,
                        "persistent memory with DAX", "lsblk -J -b -O");
    guess.set_no_dax(true);
    facts->Guess(disk.place, std::move(guess));
  }
}

}  // namespace dmdax
