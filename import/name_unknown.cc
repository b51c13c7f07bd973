// SPDX-License-Identifier: Apache-2.0
//
// NameUnknown: devices that tables name and no input describes.
#include <algorithm>
#include <map>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "import/build_world.h"
#include "import/guess.h"
#include "import/number_name.h"

namespace dmdax {
namespace {

// A device that a row names, and how many sectors the row needs of it.
struct Use {
  std::string word;
  uint64_t sectors = 0;
};

bool IsNumber(absl::string_view word, DevT* dev) {
  const size_t colon = word.find(':');
  return colon != word.npos &&
         absl::SimpleAtoi(word.substr(0, colon), &dev->major_nr) &&
         absl::SimpleAtoi(word.substr(colon + 1), &dev->minor_nr);
}

std::vector<Use> UsesOf(const DmTargetSpec& row) {
  std::vector<Use> uses;
  const std::vector<absl::string_view> words =
      absl::StrSplit(row.params, ' ', absl::SkipEmpty());
  uint64_t stripes = 1;
  if (row.target_type == "striped" &&
      (words.empty() || !absl::SimpleAtoi(words[0], &stripes) ||
       stripes == 0)) {
    return uses;
  }
  for (size_t i = 0; i < words.size(); ++i) {
    DevT dev;
    if (!absl::StartsWith(words[i], "/dev/") && !IsNumber(words[i], &dev)) {
      continue;
    }
    uint64_t start = 0;
    constexpr uint64_t kMost = uint64_t{1} << 54;
    if (i + 1 >= words.size() || !absl::SimpleAtoi(words[i + 1], &start) ||
        start > kMost) {
      start = 0;
    }
    uses.push_back(
        {std::string(words[i]), start + std::min(row.length, kMost) / stripes});
  }
  return uses;
}

class Unknown {
 public:
  explicit Unknown(Facts* facts) : facts_(*facts) {
    for (const auto& [name, m] : facts_.mapped) {
      for (const DmTargetSpec& row : m.rows) {
        for (const Use& use : UsesOf(row)) Count(use, m);
      }
    }
  }

  void Run() {
    GuessNumbers();
    for (const auto& [dev, use] : by_dev_) {
      if (!facts_.by_dev.contains(dev)) Invent(dev, use);
    }
    for (const auto& [path, use] : by_path_) {
      const std::string device = CanonicalDevice(facts_, path);
      absl::string_view name = device.empty() ? path : device;
      if (!absl::ConsumePrefix(&name, "/dev/") ||
          absl::StrContains(name, "/") || absl::StartsWith(name, "dm-")) {
        continue;
      }
      NeedSize(facts_.DiskNamed(std::string(name), use.place), use);
    }
    NamePartitions();
  }

 private:
  struct Needed {
    uint64_t sectors = 0;
    Place place;
  };

  void Count(const Use& use, const Mapped& m) {
    DevT dev;
    Needed& needed =
        IsNumber(use.word, &dev) ? by_dev_[dev] : by_path_[use.word];
    needed.sectors = std::max(needed.sectors, use.sectors);
    if (needed.place.input == nullptr && m.table) needed.place = *m.table;
  }

  // A multiple of 1 MiB that all rows fit in.
  static uint64_t Bytes(const Needed& use) {
    return (use.sectors + 2047) / 2048 * 2048 * 512;
  }

  void NeedSize(Disk& disk, const Needed& use) {
    if (disk.size) return;
    const uint64_t bytes = Bytes(use);
    disk.size = Fact<SizeRange>{SizeRange::Exactly(bytes), use.place};
    disk.size_is_taken = true;
    facts_.Note(use.place,
                absl::StrCat(disk.name, ": no input says its size: ", bytes,
                             " bytes taken, as far as the tables go"));
  }

  // "pmem0" of "pmem0p1"; "": it is called otherwise.
  static std::string PmemOfPartition(absl::string_view name) {
    const size_t p = name.rfind('p');
    if (p == 0 || p == name.npos || p + 1 == name.size()) return "";
    if (name.find_first_not_of("0123456789", p + 1) != name.npos) return "";
    const absl::string_view disk = name.substr(0, p);
    return IsPmemName(disk) ? std::string(disk) : "";
  }

  // A partition of persistent memory that is known by its name alone.
  void NamePartitions() {
    std::vector<std::string> names;
    for (const auto& [name, disk] : facts_.disks) names.push_back(name);
    for (const std::string& name : names) {
      Disk& part = facts_.disks.at(name);
      const std::string parent = PmemOfPartition(name);
      if (parent.empty() || part.parent) continue;
      part.parent = Fact<std::string>{parent, part.place};
      Disk& whole = facts_.DiskNamed(parent, part.place);
      if (whole.size || !part.size) continue;
      // All that is known of it is that the partition fits.
      constexpr uint64_t kAround = 2 << 20;
      const uint64_t bytes = part.size->value.most / 4096 * 4096 + kAround;
      whole.size = Fact<SizeRange>{SizeRange::Exactly(bytes), part.place};
      facts_.Note(part.place,
                  absl::StrCat(parent, ", which ", name,
                               " is a partition of: no input describes it: ",
                               bytes, " bytes taken"));
    }
  }

  // Numbers that fit only one way: as many unknown ones as devices without.
  void GuessNumbers() {
    const std::optional<uint32_t> dm_major =
        facts_.dm_major ? std::optional(facts_.dm_major->value) : std::nullopt;
    std::vector<DevT> disks, mapped;
    for (const auto& [dev, use] : by_dev_) {
      if (facts_.by_dev.contains(dev)) continue;
      // Both are given out at boot, from 254 downwards.
      const bool dm = dm_major ? dev.major_nr == *dm_major
                               : dev.major_nr >= 240 && dev.major_nr <= 254;
      (dm ? mapped : disks).push_back(dev);
    }
    GuessDisks(disks);
    GuessMapped(mapped);
  }

  void GuessDisks(const std::vector<DevT>& devs) {
    std::vector<Disk*> without;
    for (auto& [name, disk] : facts_.disks) {
      if (IsPmemName(name) && !disk.dev) without.push_back(&disk);
    }
    if (devs.empty() || devs.size() != without.size()) return;
    for (size_t i = 0; i < devs.size(); ++i) {
      const Needed& use = by_dev_[devs[i]];
      if (without[i]->size &&
          without[i]->size->value.most < use.sectors * 512) {
        return;
      }
    }
    for (size_t i = 0; i < devs.size(); ++i) {
      Disk& disk = *without[i];
      disk.dev = Fact<DevT>{devs[i], by_dev_[devs[i]].place};
      facts_.by_dev[devs[i]] = absl::StrCat("/dev/", disk.name);
      facts_.Guess(disk.dev->place,
                   MakeGuess(proto::Guess::DAX, disk.name,
                             absl::StrCat("no input says what ",
                                          devs[i].ToString(), " is"),
                             disk.name, "lsblk -J -b -O"));
    }
  }

  void GuessMapped(const std::vector<DevT>& devs) {
    std::vector<Mapped*> without;
    for (auto& [name, m] : facts_.mapped) {
      if (m.dev) continue;
      // A device does not stand on itself.
      bool names_it = false;
      for (const DmTargetSpec& row : m.rows) {
        for (const Use& use : UsesOf(row)) {
          DevT dev;
          names_it |=
              devs.size() == 1 && IsNumber(use.word, &dev) && dev == devs[0];
        }
      }
      if (!names_it) without.push_back(&m);
    }
    if (devs.size() != 1 || without.size() != 1) return;
    Mapped& m = *without[0];
    m.dev = Fact<DevT>{devs[0], by_dev_[devs[0]].place};
    facts_.by_dev[devs[0]] = absl::StrCat("/dev/mapper/", m.name);
    if (!facts_.dm_major) {
      facts_.dm_major = Fact<uint32_t>{devs[0].major_nr, m.dev->place};
    }
    facts_.Guess(m.dev->place,
                 MakeGuess(proto::Guess::DAX, m.name,
                           absl::StrCat("no input says what ",
                                        devs[0].ToString(), " is"),
                           m.name, "dmsetup info -c"));
  }

  void Invent(DevT dev, const Needed& use) {
    const bool dm = facts_.dm_major
                        ? dev.major_nr == facts_.dm_major->value
                        : dev.major_nr >= 240 && dev.major_nr <= 254 &&
                              !facts_.mapped.empty();
    // The load says which tables go with it.
    if (dm) {
      facts_.Note(use.place, absl::StrCat(dev.ToString(),
                                          ": no input says which mapped "
                                          "device this is (dmsetup info "
                                          "-c)"));
      return;
    }
    Disk& disk = facts_.DiskNamed(NumberName(dev), use.place);
    disk.dev = Fact<DevT>{dev, use.place};
    facts_.by_dev[dev] = absl::StrCat("/dev/", disk.name);
    const uint64_t bytes = Bytes(use);
    disk.size = Fact<SizeRange>{SizeRange::Exactly(bytes), use.place};
    // Persistent memory and nvme have this major, and no others that matter.
    constexpr uint32_t kBlockExtMajor = 259;
    if (dev.major_nr == kBlockExtMajor) {
      disk.unknown = absl::StrCat("no input says what ", dev.ToString(), " is");
      return;  // GuessPmemModes says it
    }
    facts_.Note(use.place, absl::StrCat(dev.ToString(),
                                        ": no input says what this is "
                                        "(lsblk -J -b): a disk without "
                                        "DAX of ",
                                        bytes, " bytes taken"));
  }

  Facts& facts_;
  std::map<DevT, Needed> by_dev_;
  std::map<std::string, Needed> by_path_;
};

}  // namespace

void NameUnknown(Facts* facts) { Unknown(facts).Run(); }

}  // namespace dmdax
