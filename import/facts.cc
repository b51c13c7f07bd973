// SPDX-License-Identifier: Apache-2.0
#include "import/facts.h"

namespace dmdax {

Disk& Facts::DiskNamed(const std::string& name, const Place& place) {
  auto [it, fresh] = disks.try_emplace(name);
  if (fresh) {
    it->second.name = name;
    it->second.place = place;
  }
  return it->second;
}

KernelDm& Facts::KernelDmNamed(const std::string& kname, const Place& place) {
  auto [it, fresh] = dm_devs.try_emplace(kname);
  if (fresh) it->second.place = place;
  return it->second;
}

Mapped& Facts::MappedNamed(const std::string& name, const Place& place) {
  auto [it, fresh] = mapped.try_emplace(name);
  if (fresh) {
    it->second.name = name;
    it->second.place = place;
  }
  return it->second;
}

void Facts::Note(const Place& place, absl::string_view what) {
  const std::string at = place.ToString();
  notes.push_back(absl::StrCat(at, at.empty() ? "" : ": ", what));
}

void Facts::NoteOnce(absl::string_view what) {
  if (noted_once.emplace(what).second) notes.emplace_back(what);
}

void Facts::LeaveOut(const Place& place, const std::string& name,
                     absl::string_view why) {
  const std::string at = place.ToString();
  if (!left_out.try_emplace(name, why).second) return;
  left_out_notes.push_back(
      absl::StrCat(at, at.empty() ? "" : ": ", name, ": ", why, ": left out"));
}

void Facts::Guess(const Place& place, proto::Guess guess) {
  if (!guessed.emplace(guess.name(), guess.what()).second) return;
  guesses.emplace_back(place, std::move(guess));
}

absl::Status Facts::SkipLine(absl::Status odd) {
  if (odd.ok() || odd_lines == nullptr) return odd;
  const std::string what(odd.message());
  if (skips_new_lines) {
    odd_lines->insert(what);
    return absl::OkStatus();
  }
  // What contradicts another input is no odd line.
  if (!odd_lines->contains(what)) return odd;
  NoteOnce(absl::StrCat(what, ": the line is left out"));
  return absl::OkStatus();
}

absl::Status Facts::Contradiction(const Place& here, const Place& there,
                                  absl::string_view whose,
                                  absl::string_view what,
                                  const std::string& value,
                                  const std::string& other) {
  return here.Error(absl::StrCat("the ", what, " of ", whose, " is ", value,
                                 "; ", there.ToString(), " says ", other));
}

absl::Status Facts::SaySize(Said<SizeRange>& slot, SizeRange value,
                            const Place& place, absl::string_view whose) {
  if (!slot) {
    slot = Fact<SizeRange>{value, place};
    return absl::OkStatus();
  }
  const SizeRange both = slot->value.And(value);
  if (both.empty()) {
    return Contradiction(place, slot->place, whose, "size", value.ToString(),
                         slot->value.ToString());
  }
  if (value.exact() && !slot->value.exact()) slot->place = place;
  slot->value = both;
  return absl::OkStatus();
}

absl::Status Facts::SayTable(Mapped& device, std::vector<DmTargetSpec> rows,
                             const Place& place) {
  if (!device.table) {
    device.table = place;
    device.rows = std::move(rows);
    return absl::OkStatus();
  }
  const bool same = std::equal(
      rows.begin(), rows.end(), device.rows.begin(), device.rows.end(),
      [](const DmTargetSpec& a, const DmTargetSpec& b) {
        return a.sector_start == b.sector_start && a.length == b.length &&
               a.target_type == b.target_type && a.params == b.params;
      });
  if (same) return absl::OkStatus();
  return place.Error(absl::StrCat("the table of ", device.name,
                                  " is another one than at ",
                                  device.table->ToString()));
}

}  // namespace dmdax
