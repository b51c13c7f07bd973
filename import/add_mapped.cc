// SPDX-License-Identifier: Apache-2.0
//
// AddMapped: the tables, with the numbers that the machine had.
#include <algorithm>
#include <vector>

#include "absl/algorithm/container.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "import/build_world.h"
#include "import/guess.h"
#include "state/target_spec.h"

namespace dmdax {
namespace {

// /dev/vg/lv and /dev/dm-3 are links, which the World does not have.
DmTargetSpec WithKnownPaths(const Facts& facts, DmTargetSpec row) {
  if (!absl::StrContains(row.params, "/dev/")) return row;
  std::vector<std::string> words = absl::StrSplit(row.params, ' ');
  for (std::string& word : words) {
    if (!absl::StartsWith(word, "/dev/")) continue;
    const std::string known = CanonicalDevice(facts, word);
    if (!known.empty()) word = known;
  }
  row.params = absl::StrJoin(words, " ");
  return row;
}

// Of lsblk's types those whose targets have no DAX, whatever the table.
bool HasNoDaxByType(absl::string_view type) {
  for (absl::string_view known :
       {"crypt", "mpath", "vdo", "integrity", "verity"}) {
    if (type == known) return true;
  }
  return false;
}

// Whether LVM2 may have given it: VG-LV, with each hyphen of theirs doubled.
bool IsNamedByLvm(absl::string_view name) {
  for (size_t at = name.find('-'); at != name.npos; at = name.find('-', at)) {
    size_t end = at;
    while (end < name.size() && name[end] == '-') ++end;
    if ((end - at) % 2 == 1 && at != 0 && end < name.size()) return true;
    at = end;
  }
  return false;
}

proto::MappedDevice::Maker MakerOf(const Mapped& m) {
  const bool has_uuid = m.uuid && !m.uuid->value.empty();
  if (has_uuid || m.says_uuid || m.boot_line) {
    return proto::MappedDevice::UUID_SAYS;
  }
  // It is the beginning of the uuid.
  if (m.type == "lvm" || m.lvm_order != 0) return proto::MappedDevice::LVM;
  return m.type.empty() && IsNamedByLvm(m.name)
             ? proto::MappedDevice::PERHAPS_LVM
             : proto::MappedDevice::UUID_SAYS;
}

// One of which nothing is known but its size, and what it stands on.
bool AddWithoutTable(Facts* facts, const Mapped& m, proto::World* world) {
  if (!m.size || m.size->value.most < 512) return false;
  proto::MappedDevice* out = world->add_mapped_device();
  out->set_name(m.name);
  if (m.uuid) out->set_uuid(m.uuid->value);
  out->set_maker(MakerOf(m));
  if (m.dev) out->set_minor(m.dev->value.minor_nr);
  out->mutable_table()->set_readonly(m.read_only);
  proto::Target* row = out->mutable_table()->add_target();
  row->set_length(m.size->value.Likeliest() / 512);
  row->mutable_zero();
  proto::Unmodelled* what = out->mutable_unmodelled();
  what->set_driver(!m.target.empty() ? m.target
                   : m.type.empty()  ? "dm"
                                     : m.type);
  for (const std::string& device :
       DevicesBelow(*facts, absl::StrCat("/dev/mapper/", m.name))) {
    what->add_device(device);
  }
  if (HasNoDaxByType(m.type) || !m.target.empty()) return true;
  what->set_why(m.odd_table.empty() ? "no input has its table" : m.odd_table);
  facts->Guess(
      m.place,
      MakeGuess(proto::Guess::NO_DAX, m.name,
                m.odd_table.empty()
                    ? absl::StrCat("no input has the table of ", m.name)
                    : absl::StrCat(m.name, ": ", m.odd_table),
                "one without DAX", "dmsetup table (as root), vgcfgbackup"));
  return true;
}

void AddDevice(const Facts& facts, const Mapped& m, proto::World* world) {
  proto::MappedDevice* out = world->add_mapped_device();
  out->set_boot_line(m.boot_line);
  out->set_name(m.name);
  if (m.uuid) out->set_uuid(m.uuid->value);
  out->set_maker(MakerOf(m));
  if (m.dev) out->set_minor(m.dev->value.minor_nr);
  out->set_suspended(m.suspended);
  if (m.rows.empty()) return;
  out->mutable_table()->set_readonly(m.read_only);
  for (const DmTargetSpec& row : m.rows) {
    *out->mutable_table()->add_target() =
        TargetFromSpec(WithKnownPaths(facts, row));
  }
  for (const std::string& id : m.thin_ids) {
    out->add_message(absl::StrCat("0 create_thin ", id));
  }
}

// Which number the kernel gives to mapped devices, if no input says: of those
// that it gives out, from 254 downwards, the first that no disk has.
uint32_t FreeMajor(const Facts& facts) {
  uint32_t major = kDmMajor;
  const auto taken = [&](const auto& disk) {
    return disk.second.dev && disk.second.dev->value.major_nr == major;
  };
  while (major > 1 && absl::c_any_of(facts.disks, taken)) --major;
  return major;
}

}  // namespace

void AddMapped(Facts* facts, proto::World* world) {
  const uint32_t major =
      facts->dm_major ? facts->dm_major->value : FreeMajor(*facts);
  if (major != kDmMajor) world->set_dm_major(major);
  std::vector<const Mapped*> order;
  for (const auto& [name, m] : facts->mapped) {
    order.push_back(&m);
  }
  // By number; those without in the order in which LVM makes them.
  const auto key = [](const Mapped* m) {
    return std::tuple(m->dev ? 0 : 1, m->dev ? m->dev->value.minor_nr : 0,
                      m->lvm_order);
  };
  std::stable_sort(
      order.begin(), order.end(),
      [&](const Mapped* a, const Mapped* b) { return key(a) < key(b); });
  for (const Mapped* m : order) {
    if (!m->rows.empty() || m->table) {
      AddDevice(*facts, *m, world);
    } else if (m->no_live_table) {
      facts->Note(m->place,
                  absl::StrCat(m->name, " has no live table: left out"));
    } else if (!AddWithoutTable(facts, *m, world)) {
      facts->LeaveOut(m->place, m->name,
                      m->odd_table.empty()
                          ? "no input has its table (dmsetup table, "
                            "vgcfgbackup)"
                          : absl::string_view(m->odd_table));
    }
  }
}

}  // namespace dmdax
