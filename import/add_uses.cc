// SPDX-License-Identifier: Apache-2.0
//
// AddUses: what lies on devices and is not in the World otherwise.
#include <map>
#include <set>
#include <string>
#include <utility>

#include "absl/algorithm/container.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/string_view.h"
#include "absl/strings/strip.h"
#include "fs/file_system_type.h"
#include "import/build_world.h"
#include "import/formats/boot_part.h"
#include "import/guess.h"

namespace dmdax {
namespace {

constexpr absl::string_view kMapper = "/dev/mapper/";

// By their paths.
std::set<std::string> MountedDevices(const Facts& facts) {
  std::set<std::string> mounted;
  for (const MountFact& m : facts.mounts) {
    std::string device = CanonicalDevice(facts, m.source);
    if (device.empty() && m.dev) {
      device = CanonicalDevice(facts, m.dev->ToString());
    }
    mounted.insert(std::move(device));
  }
  return mounted;
}

// Whoever has a device open: the devices that stand on it, and others.
class Holders {
 public:
  explicit Holders(const Facts& facts, const std::set<std::string>& mounted)
      : facts_(facts) {
    for (const std::string& device : mounted) Add(device, "mount");
    for (const auto& [name, m] : facts.mapped) {
      const std::string path = absl::StrCat(kMapper, name);
      for (const DmTargetSpec& row : m.rows) {
        for (absl::string_view word : absl::StrSplit(row.params, ' ')) {
          AddWord(word, path);
        }
      }
    }
    for (const auto& [above, below] : facts.stands_on) {
      // The same device may be there by its kernel's name too.
      const std::string path = CanonicalDevice(facts, above);
      for (const std::string& device : below) {
        Add(device, path.empty() ? above : path);
      }
    }
    for (const UseFact& use : facts.uses) {
      if (use.active) Add(CanonicalName(facts, use.device), "swap");
    }
    for (const LoopFact& loop : facts.loops) AddWord(loop.file, loop.device);
    // logdev=/dev/pmem1
    for (const MountFact& mount : facts.mounts) {
      for (absl::string_view word : absl::StrSplit(mount.options, ',')) {
        const size_t at = word.find("=/dev/");
        if (at != word.npos) AddWord(word.substr(at + 1), mount.path);
      }
    }
  }

  size_t Of(const std::string& device) const {
    const auto at = of_.find(device);
    return at == of_.end() ? 0 : at->second.size();
  }

 private:
  void AddWord(absl::string_view word, const std::string& by) {
    if (absl::StrContains(word, '/') || absl::StrContains(word, ':')) {
      Add(CanonicalDevice(facts_, word), by);
    }
  }
  void Add(const std::string& device, const std::string& by) {
    if (!device.empty() && device != by) of_[device].insert(by);
  }

  const Facts& facts_;
  std::map<std::string, std::set<std::string>> of_;
};

// Mapped devices that somebody has open of whom no input says anything.
void AddOpenElsewhere(const Facts& facts, const std::set<std::string>& mounted,
                      proto::World* world) {
  const auto is_open = [](const auto& m) { return m.second.open != 0; };
  if (absl::c_none_of(facts.mapped, is_open)) return;
  const Holders holders(facts, mounted);
  for (const auto& [name, m] : facts.mapped) {
    const std::string device = absl::StrCat(kMapper, name);
    if (m.open <= holders.Of(device)) continue;
    proto::Use* use = world->add_use();
    use->set_device(device);
    use->set_open(m.open);
  }
}

// A mapped device by a kernel's name that no input joins with a dm name: each
// without a number may be it.
void AddUsesOfUnnamed(Facts* facts, proto::World* world) {
  // By what they are called: type, and whether in use.
  std::map<std::string, std::pair<std::string, bool>> unnamed;
  const auto add = [&](const std::string& device, const std::string& type,
                       bool active) {
    absl::string_view bare = absl::StripPrefix(device, "/dev/");
    if (!absl::StartsWith(bare, "dm-") ||
        !CanonicalName(*facts, device).empty()) {
      return;
    }
    auto& said = unnamed[absl::StrCat("/dev/", bare)];
    if (said.first.empty() || active) said.first = type;
    said.second |= active;
  };
  for (const UseFact& use : facts->uses) add(use.device, use.type, use.active);
  for (const MountFact& mount : facts->mounts) {
    add(mount.source, "mount", false);
  }
  for (const auto& [called, said] : unnamed) {
    bool any = false;
    for (const auto& [name, m] : facts->mapped) {
      if (m.dev || m.minor) continue;
      any = true;
      proto::Use* use = world->add_use();
      use->set_device(absl::StrCat(kMapper, name));
      use->set_type(said.first);
      use->set_active(said.second);
      use->set_called(called);
    }
    if (any && said.first != "mount") {  // of that it is noted
      facts->NoteOnce(absl::StrCat(
          "no input says which device ", called, " is, which has ", said.first,
          said.second ? " in use" : "", " (dmsetup info -c)"));
    }
  }
}

// A file system that programs may map, where no input says what is mounted at
// all: it has DAX as its mount's options say.
void GuessMount(Facts* facts, const std::string& name,
                const std::string& type) {
  Place place;
  if (const auto disk = facts->disks.find(name); disk != facts->disks.end()) {
    place = disk->second.place;
  } else if (const auto at = facts->mapped.find(name);
             at != facts->mapped.end()) {
    place = at->second.place;
  }
  facts->Guess(
      place, MakeGuess(proto::Guess::DAX, name,
                       absl::StrCat("no input says whether and how the ", type,
                                    " of ", name, " is mounted"),
                       "with DAX", "/proc/self/mountinfo"));
}

}  // namespace

void AddUses(Facts* all, proto::World* world) {
  const Facts& facts = *all;
  const std::set<std::string> mounted = MountedDevices(facts);
  // Inputs that say different things of one device are all kept.
  std::map<std::pair<std::string, std::string>, UseFact> uses;
  for (const UseFact& seen : facts.uses) {
    const std::string device = CanonicalName(facts, seen.device);
    if (device.empty()) continue;
    // What is mounted is a mount; that the firmware reads it too is more.
    if (mounted.contains(device) && !IsBootPart(seen.type)) continue;
    // A group of volumes goes as a whole, wherever they lie.
    if (!absl::StartsWith(device, kMapper) &&
        !MayHavePmem(facts, *world, device)) {
      continue;
    }
    UseFact& use = uses.try_emplace({device, seen.type}, seen).first->second;
    use.active |= seen.active;
    if (use.label.empty()) use.label = seen.label;
    if (!use.priority) use.priority = seen.priority;
  }
  for (const auto& [key, seen] : uses) {
    proto::Use* use = world->add_use();
    absl::string_view name = key.first;
    if (!absl::StartsWith(name, kMapper)) absl::ConsumePrefix(&name, "/dev/");
    use->set_device(std::string(name));
    use->set_type(seen.type);
    use->set_active(seen.active);
    use->set_label(seen.label);
    if (seen.priority) use->set_priority(*seen.priority);
    if (facts.mounts.empty() && FindFileSystemType(seen.type).ok()) {
      GuessMount(all,
                 std::string(absl::StripPrefix(
                     key.first,
                     absl::StartsWith(key.first, kMapper) ? kMapper : "/dev/")),
                 seen.type);
    }
  }
  AddOpenElsewhere(facts, mounted, world);
  AddUsesOfUnnamed(all, world);
}

}  // namespace dmdax
