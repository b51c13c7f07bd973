// SPDX-License-Identifier: Apache-2.0
#include "import/stand_in.h"

#include <algorithm>
#include <set>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "import/build_world.h"
#include "import/guess.h"
#include "state/target_spec.h"

namespace dmdax {
namespace {

// What of the words of a refusal is ours, "not modelled: ..."; "": all are the
// kernel's, who misses what the target keeps on its devices.
std::string OurWords(absl::string_view words) {
  const size_t ours = words.find("not modelled: ");
  return ours == words.npos ? "" : std::string(words.substr(ours));
}

// The same for a note.  Of the kernel's words, which may be many lines of its
// log, the first will do.
std::string WhyRefused(absl::string_view words) {
  const std::string ours = OurWords(words);
  if (!ours.empty()) return ours;
  words = words.substr(0, words.find("; "));
  constexpr size_t kMost = 120;
  return words.size() <= kMost ? std::string(words)
                               : absl::StrCat(words.substr(0, kMost), "...");
}

// Why a target without DAX is not in the World.
std::string WhyStoodIn(absl::string_view words) {
  const std::string ours = OurWords(words);
  return absl::StrCat("its target has no DAX", ours.empty() ? "" : "; ", ours);
}

// What stood there before.
void SayUnmodelled(const Facts& facts, const std::string& type,
                   const std::string& words, proto::MappedDevice* device) {
  std::set<std::string> below;
  for (const DmTargetSpec& row : facts.mapped.at(device->name()).rows) {
    for (absl::string_view word : absl::StrSplit(row.params, ' ')) {
      if (!absl::StrContains(word, ":") && !absl::StartsWith(word, "/")) {
        continue;
      }
      const std::string known = CanonicalDevice(facts, word);
      if (!known.empty()) below.insert(known);
    }
  }
  for (const std::string& known :
       DevicesBelow(facts, absl::StrCat("/dev/mapper/", device->name()))) {
    below.insert(known);
  }
  proto::Unmodelled* out = device->mutable_unmodelled();
  out->Clear();
  out->set_driver(type);
  for (const std::string& known : below) out->add_device(known);
  out->set_why(KeepsMetadata(type) || words.empty()
                   ? WhyStoodIn(words)
                   : absl::StrCat("not modelled: ", words));
}

void Note(const proto::MappedDevice& device, const std::string& what,
          const std::string& words, Facts* facts) {
  const Mapped& m = facts->mapped.at(device.name());
  facts->Note(m.table ? *m.table : Place{},
              absl::StrCat(what, words.empty() ? "" : ": ", words));
}

}  // namespace

bool KeepsMetadata(absl::string_view type) {
  for (absl::string_view t :
       {"thin-pool", "thin", "cache", "writecache", "era", "clone", "vdo",
        "snapshot", "snapshot-merge", "raid", "mirror", "integrity", "verity",
        "zoned", "multipath", "ebs", "crypt", "bow", "user"}) {
    if (type == t) return true;
  }
  return false;
}

bool StandInForType(Facts* facts, const std::string& type,
                    const std::string& words, proto::MappedDevice* device) {
  bool any = false;
  for (proto::Target& t : *device->mutable_table()->mutable_target()) {
    if (SpecFromTarget(t).target_type != type) continue;
    const uint64_t start = t.start(), length = t.length();
    t.Clear();
    t.set_start(start);
    t.set_length(length);
    t.mutable_zero();
    any = true;
  }
  if (!any) return false;
  device->clear_message();
  SayUnmodelled(*facts, type, words, device);
  Note(*device,
       absl::StrCat("the ", type, " rows of ", device->name(),
                    " are replaced by zero, which has no DAX either"),
       words.empty() ? "" : WhyRefused(words), facts);
  return true;
}

bool StandInForTable(Facts* facts, const std::string& type,
                     const std::string& words, proto::MappedDevice* device) {
  const std::vector<DmTargetSpec>& rows = facts->mapped.at(device->name()).rows;
  constexpr uint64_t kMost = uint64_t{1} << 54;
  uint64_t sectors = 0;
  for (const DmTargetSpec& row : rows) {
    sectors += std::min(row.length, kMost);
  }
  if (sectors == 0 || sectors >= kMost) return false;
  device->mutable_table()->clear_target();
  device->mutable_table()->clear_packed();
  proto::Target* row = device->mutable_table()->add_target();
  row->set_length(sectors);
  row->mutable_zero();
  device->clear_message();
  SayUnmodelled(*facts, type.empty() ? rows[0].target_type : type, words,
                device);
  if (KeepsMetadata(type)) {
    Note(*device,
         absl::StrCat(device->name(), " is replaced by zero, which has no DAX"),
         words.empty() ? "" : WhyRefused(words), facts);
    return true;
  }
  const Mapped& m = facts->mapped.at(device->name());
  facts->Guess(m.table ? *m.table : Place{},
               MakeGuess(proto::Guess::NO_DAX, device->name(),
                         absl::StrCat("the table of ", device->name(),
                                      " is refused here: ", words),
                         "one without DAX"));
  return true;
}

}  // namespace dmdax
