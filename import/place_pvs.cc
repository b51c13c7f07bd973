// SPDX-License-Identifier: Apache-2.0
//
// PlacePvs: the kernel numbers pmems anew at each boot, so the device that
// LVM2's metadata has of a physical volume may be another's by now.
#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/str_split.h"
#include "absl/strings/string_view.h"
#include "import/build_world.h"

namespace dmdax {
namespace {

// Tools write dashes, the disk has none.
std::string PlainUuid(absl::string_view uuid) {
  return absl::StrReplaceAll(uuid, {{"-", ""}});
}

class Placer {
 public:
  explicit Placer(Facts* facts) : facts_(*facts) {
    for (const PvFact& seen : facts_.pvs) {
      const std::string device = DeviceOf(seen.device);
      const std::string uuid = PlainUuid(seen.uuid);
      if (device.empty() || uuid.empty()) continue;
      by_uuid_[uuid].try_emplace(device, &seen);
      by_device_[device].try_emplace(uuid, &seen);
    }
  }

  void Run() {
    for (LvmGroup& group : facts_.groups) {
      for (auto& [key, pv] : group.pvs) {
        if (!pv.id.empty()) PlaceOne(&pv);
      }
    }
    // Hints of two days may name one device.
    for (const auto& [pv, hint] : by_hint_) {
      for (const auto& [uuid, other] : placed_[hint]) {
        if (uuid == PlainUuid(pv->id)) continue;
        Lose(pv, absl::StrCat(hint, " is also said to be ", other->name, ", ",
                              other->place.ToString()));
        break;
      }
    }
  }

 private:
  // A device that no other input has is called as it was said; "": a name that
  // says too little.
  std::string DeviceOf(const std::string& said) const {
    std::string device = CanonicalName(facts_, said);
    if (!device.empty()) return device;
    if (absl::StartsWith(said, "/dev/")) return said;
    return IsPmemName(said) ? absl::StrCat("/dev/", said) : "";
  }

  void PlaceOne(LvmPv* pv) {
    const std::string hint = DeviceOf(pv->device);
    const auto seen = by_uuid_.find(PlainUuid(pv->id));
    if (seen == by_uuid_.end()) {
      const auto other = by_device_.find(hint);
      if (other == by_device_.end()) {
        by_hint_.emplace_back(pv, hint);
        if (!hint.empty()) placed_[hint].try_emplace(PlainUuid(pv->id), pv);
        return;
      }
      const Place& at = other->second.begin()->second->place;
      return Lose(pv, absl::StrCat("the UUID of ", hint, " is another, ",
                                   at.ToString()));
    }
    // A copy of all of a device has its UUID too, and LVM2 uses one of them;
    // a device of which two UUIDs are said is none that is known.
    std::vector<std::pair<std::string, const PvFact*>> sure;
    for (const auto& [device, fact] : seen->second) {
      if (by_device_.at(device).size() != 1) continue;
      if (device == hint) {
        placed_[device].try_emplace(PlainUuid(pv->id), pv);
        return;
      }
      sure.emplace_back(device, fact);
    }
    if (sure.size() != 1 || seen->second.size() != 1) {
      const auto& [device, fact] = *seen->second.begin();
      return Lose(pv, absl::StrCat("inputs contradict each other on its UUID, ",
                                   fact->place.ToString()));
    }
    const auto& [device, fact] = sure[0];
    facts_.Note(pv->place,
                absl::StrCat(pv->name, " is taken to be ", device, ", not ",
                             Quoted(pv->device), ", which is but a hint: ",
                             fact->place.ToString(), " has its UUID"));
    pv->device = device;
    placed_[device].try_emplace(PlainUuid(pv->id), pv);
  }

  // Volumes on it have no table then.
  void Lose(LvmPv* pv, const std::string& why) {
    facts_.Note(pv->place, absl::StrCat("no input says which device ", pv->name,
                                        " is: ", why));
    pv->missing = why;
    pv->device.clear();
  }

  Facts& facts_;
  // By device and by UUID, the other; where it was first seen.
  std::map<std::string, std::map<std::string, const PvFact*>> by_uuid_,
      by_device_;
  // Those of which nothing but the hint is known; by device, all by UUID.
  std::vector<std::pair<LvmPv*, std::string>> by_hint_;
  std::map<std::string, std::map<std::string, const LvmPv*>> placed_;
};

}  // namespace

void PlacePvs(Facts* facts) { Placer(facts).Run(); }

std::string WhyElsewhere(const Facts& facts, const Mapped& device,
                         const std::vector<DmTargetSpec>& rows) {
  std::set<std::string> seen, said;
  std::vector<std::string> keys = {absl::StrCat("/dev/mapper/", device.name)};
  if (device.dev) {
    keys.push_back(absl::StrCat("/dev/dm-", device.dev->value.minor_nr));
  }
  for (const std::string& key : keys) {
    const auto below = facts.below.find(key);
    if (below == facts.below.end()) continue;
    for (const std::string& word : below->second) {
      seen.insert(CanonicalDevice(facts, word));
    }
  }
  for (const DmTargetSpec& row : rows) {
    for (absl::string_view word : absl::StrSplit(row.params, ' ')) {
      if (!absl::StartsWith(word, "/dev/")) continue;
      const std::string known = CanonicalDevice(facts, word);
      said.insert(known.empty() ? std::string(word) : known);
    }
  }
  if (seen.empty() || said.empty()) return "";
  // Of what lies between, and of links, the two may have different names.
  for (const std::set<std::string>* devices : {&seen, &said}) {
    for (const std::string& name : *devices) {
      if (!absl::StartsWith(name, "/dev/pmem")) return "";
    }
  }
  for (const std::string& name : said) {
    if (seen.contains(name)) return "";
  }
  return absl::StrCat("LVM2's metadata has it on ", *said.begin(),
                      ", and another input on ", *seen.begin());
}

}  // namespace dmdax
