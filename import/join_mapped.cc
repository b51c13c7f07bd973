// SPDX-License-Identifier: Apache-2.0
//
// JoinMapped: names, numbers and tables of mapped devices.
#include <algorithm>
#include <optional>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "import/build_world.h"
#include "import/join_reports.h"
#include "import/lvm/lvm_tables.h"

namespace dmdax {
namespace {

// "dm-3" is minor 3, whoever says what it is called.
absl::Status JoinKernelNames(Facts* facts) {
  std::map<uint32_t, std::string> by_minor;
  size_t without_number = 0;
  for (const auto& [name, m] : facts->mapped) {
    if (m.dev) by_minor[m.dev->value.minor_nr] = name;
    if (!m.dev && !m.minor) ++without_number;
  }
  std::vector<std::pair<std::string, Place>> nameless;
  for (auto& [kname, dm] : facts->dm_devs) {
    uint32_t minor = 0;
    const bool number = absl::SimpleAtoi(
        kname.substr(std::min<size_t>(3, kname.size())), &minor);
    std::string name = dm.name ? dm.name->value : "";
    if (name.empty() && number && by_minor.contains(minor)) {
      name = by_minor[minor];
    }
    if (name.empty()) {
      nameless.emplace_back(kname, dm.place);
      continue;
    }
    Mapped& m = facts->MappedNamed(name, dm.place);
    if (dm.dev) {
      absl::Status s =
          Facts::Say(m.dev, dm.dev->value, dm.dev->place, name, "number");
      if (s.ok()) {
        s = Facts::Say(facts->dm_major, dm.dev->value.major_nr, dm.dev->place,
                       "device-mapper", "major");
      }
      if (!s.ok()) return s;
    }
    if (number) {
      absl::Status s = Facts::Say(m.minor, minor, dm.place, name, "minor");
      if (!s.ok()) return s;
    }
    if (dm.uuid) {
      absl::Status s =
          Facts::Say(m.uuid, dm.uuid->value, dm.uuid->place, name, "uuid");
      if (!s.ok()) return s;
    }
    if (dm.dax) {
      absl::Status s =
          Facts::Say(m.dax, dm.dax->value, dm.dax->place, name, "DAX flag");
      if (!s.ok()) return s;
    }
    if (dm.size) {
      absl::Status s =
          Facts::SaySize(m.size, dm.size->value, dm.size->place, name);
      if (!s.ok()) return s;
    }
    for (const auto& [attribute, fact] : dm.queue) {
      if (!fact) continue;
      absl::Status s = Facts::Say(m.queue[attribute], fact->value, fact->place,
                                  name, attribute);
      if (!s.ok()) return s;
    }
  }
  for (const auto& [kname, place] : nameless) {
    constexpr absl::string_view kWhy =
        "no input says its name and table (dmsetup table, dmsetup info -c)";
    // Each may be one of those whose tables are there.
    if (nameless.size() <= without_number) {
      facts->Note(place, absl::StrCat(kname, ": ", kWhy));
    } else {
      facts->LeaveOut(place, kname, kWhy);
    }
  }
  return absl::OkStatus();
}

// A list of devices has how many rows their tables have, of which a text that
// was cut has less.
absl::Status CheckTableRows(const Facts& facts) {
  for (const auto& [name, m] : facts.mapped) {
    if (!m.table || m.rows.empty() || !m.nr_rows) continue;
    if (m.rows.size() == m.nr_rows->value) continue;
    return m.table->Error(absl::StrCat(
        "the table of ", name, " has ", m.rows.size(),
        m.rows.size() == 1 ? " row; " : " rows; ", m.nr_rows->place.ToString(),
        " says it has ", m.nr_rows->value));
  }
  return absl::OkStatus();
}

// A device is as large as its table.
absl::Status CheckTableSizes(const Facts& facts) {
  for (const auto& [name, m] : facts.mapped) {
    if (!m.table || m.rows.empty() || !m.size) continue;
    uint64_t sectors = 0;
    for (const DmTargetSpec& row : m.rows) sectors += row.length;
    constexpr uint64_t kMost = uint64_t{1} << 54;
    if (sectors > kMost) continue;  // the load refuses it
    const SizeRange& size = m.size->value;
    if (sectors * 512 >= size.least && sectors * 512 <= size.most) continue;
    return m.table->Error(absl::StrCat(
        "the table of ", name, " has ", sectors * 512, " bytes; ",
        m.size->place.ToString(), " says its size is ", size.ToString()));
  }
  return absl::OkStatus();
}

absl::Status JoinNumbers(Facts* facts) {
  const uint32_t major = facts->dm_major ? facts->dm_major->value : kDmMajor;
  std::map<DevT, const Mapped*> owners;
  for (auto& [name, m] : facts->mapped) {
    if (m.minor && !m.dev) {
      m.dev = Fact<DevT>{{major, m.minor->value}, m.minor->place};
    }
    if (!m.dev) continue;
    if (m.minor && m.minor->value != m.dev->value.minor_nr) {
      return m.minor->place.Error(absl::StrCat(
          "the minor of ", name, " is ", m.minor->value, "; ",
          m.dev->place.ToString(), " says ", m.dev->value.ToString()));
    }
    auto [it, fresh] = owners.try_emplace(m.dev->value, &m);
    if (!fresh) {
      return m.dev->place.Error(
          absl::StrCat(name, " has the number ", m.dev->value.ToString(), "; ",
                       it->second->dev->place.ToString(), " gives it to ",
                       it->second->name));
    }
  }
  return absl::OkStatus();
}

// Rows with device numbers in place of names, to compare with dmsetup's.
std::string Comparable(const Facts& facts, const DmTargetSpec& row) {
  std::vector<std::string> words =
      absl::StrSplit(row.params, ' ', absl::SkipEmpty());
  for (std::string& word : words) {
    const std::string device = CanonicalDevice(facts, word);
    if (device.empty()) continue;
    absl::string_view name = device;
    if (absl::ConsumePrefix(&name, "/dev/mapper/")) {
      auto m = facts.mapped.find(std::string(name));
      if (m != facts.mapped.end() && m->second.dev) {
        word = m->second.dev->value.ToString();
      }
    } else if (absl::ConsumePrefix(&name, "/dev/")) {
      auto d = facts.disks.find(std::string(name));
      if (d != facts.disks.end() && d->second.dev) {
        word = d->second.dev->value.ToString();
      }
    }
  }
  return absl::StrCat(row.sector_start.value(), " ", row.length, " ",
                      row.target_type, " ", absl::StrJoin(words, " "));
}

// Whether the one can be what the other means: the same, or a device whose
// number no input has and a number of which none says whose it is.
bool MayBeSameWord(const Facts& facts, const std::string& lvm,
                   const std::string& live) {
  if (lvm == live) return true;
  const std::optional<DevT> number = ScanMajorMinor(live);
  absl::string_view name = lvm;
  if (!number || facts.by_dev.contains(*number) ||
      !absl::ConsumePrefix(&name, "/dev/")) {
    return false;
  }
  const auto disk = facts.disks.find(std::string(name));
  const auto mapped =
      facts.mapped.find(std::string(absl::StripPrefix(name, "mapper/")));
  return !(disk != facts.disks.end() && disk->second.dev) &&
         !(mapped != facts.mapped.end() && mapped->second.dev);
}

bool MayBeSame(const Facts& facts, const DmTargetSpec& lvm,
               const DmTargetSpec& live) {
  const std::vector<std::string> a =
      absl::StrSplit(Comparable(facts, lvm), ' ');
  const std::vector<std::string> b =
      absl::StrSplit(Comparable(facts, live), ' ');
  return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                    [&](const std::string& x, const std::string& y) {
                      return MayBeSameWord(facts, x, y);
                    });
}

// Targets whose kernels print more, or in another order, than LVM gave.
bool PrintsAsLoaded(const DmTargetSpec& row) {
  return row.target_type == "linear" || row.target_type == "striped";
}

void CompareTables(const LvmDevice& lvm, const Mapped& live, Facts* facts) {
  for (size_t i = 0; i < std::max(lvm.rows.size(), live.rows.size()); ++i) {
    if (i < lvm.rows.size() && i < live.rows.size()) {
      if (!PrintsAsLoaded(lvm.rows[i]) || !PrintsAsLoaded(live.rows[i])) {
        continue;
      }
      if (MayBeSame(*facts, lvm.rows[i], live.rows[i])) continue;
    }
    const auto row = [&](const std::vector<DmTargetSpec>& rows) {
      return i < rows.size() ? Comparable(*facts, rows[i])
                             : std::string("no such row");
    };
    facts->Note(
        lvm.place,
        absl::StrCat("row ", i, " of ", lvm.name, " would be '", row(lvm.rows),
                     "'; the live table at ", live.table->ToString(), " has '",
                     row(live.rows), "': that one is taken"));
    return;
  }
}

absl::Status JoinGroup(const LvmGroup& group, bool listed, Facts* facts) {
  for (const auto& [key, pv] : group.pvs) {
    absl::string_view disk = pv.device;
    if (pv.dev_size == 0 || !absl::ConsumePrefix(&disk, "/dev/") ||
        absl::StrContains(disk, "/") || pv.dev_size >> 54 != 0) {
      continue;
    }
    Disk& d = facts->DiskNamed(std::string(disk), pv.place);
    absl::Status s = Facts::SaySize(
        d.size, SizeRange::Exactly(pv.dev_size * 512), pv.place, d.name);
    if (!s.ok()) return s;
  }
  for (LvmDevice& lvm : LvmTables(group, &facts->notes)) {
    auto live = facts->mapped.find(lvm.name);
    const bool known = live != facts->mapped.end();
    if (!lvm.odd.empty()) {
      if (known && !live->second.table) live->second.odd_table = lvm.odd;
      if (!known && !listed && !lvm.skipped) {
        facts->LeaveOut(lvm.place, lvm.name, lvm.odd);
      }
    } else if (known && live->second.table) {
      CompareTables(lvm, live->second, facts);
      if (!live->second.says_uuid && !live->second.uuid && !lvm.uuid.empty()) {
        live->second.uuid = Fact<std::string>{lvm.uuid, lvm.place};
      }
    } else if (const std::string why =
                   known ? WhyElsewhere(*facts, live->second, lvm.rows) : "";
               !why.empty()) {
      live->second.odd_table = absl::StrCat(lvm.place.ToString(), ": ", why);
    } else if (known || (!listed && !lvm.skipped)) {
      Mapped& m = facts->MappedNamed(lvm.name, lvm.place);
      m.table = lvm.place;
      m.rows = std::move(lvm.rows);
      m.read_only = lvm.read_only;
      if (!m.uuid && !lvm.uuid.empty()) {
        m.uuid = Fact<std::string>{lvm.uuid, lvm.place};
      }
    } else if (!lvm.lv.empty()) {
      facts->Note(lvm.place, absl::StrCat(lvm.lv, " is not active: left out"));
    }
    if (auto m = facts->mapped.find(lvm.name); m != facts->mapped.end()) {
      m->second.thin_ids = std::move(lvm.thin_ids);
      m->second.lvm_order = ++facts->lvm_devices;
    }
  }
  return absl::OkStatus();
}

}  // namespace

absl::Status JoinMapped(Facts* facts) {
  // Before LVM2's metadata makes tables, of which no list is.
  if (absl::Status s = CheckTableRows(*facts); !s.ok()) return s;
  if (absl::Status s = JoinKernelNames(facts); !s.ok()) return s;
  if (absl::Status s = JoinNumbers(facts); !s.ok()) return s;
  for (const auto& [name, d] : facts->disks) {
    if (!d.dev) continue;
    auto [it, fresh] =
        facts->by_dev.try_emplace(d.dev->value, absl::StrCat("/dev/", name));
    if (!fresh) {
      return d.dev->place.Error(absl::StrCat(name, " has the number ",
                                             d.dev->value.ToString(),
                                             ", which is ", it->second, "'s"));
    }
  }
  for (const auto& [name, m] : facts->mapped) {
    if (!m.dev) continue;
    auto [it, fresh] = facts->by_dev.try_emplace(
        m.dev->value, absl::StrCat("/dev/mapper/", name));
    if (!fresh) {
      return m.dev->place.Error(absl::StrCat(name, " has the number ",
                                             m.dev->value.ToString(),
                                             ", which is ", it->second, "'s"));
    }
  }
  // What is not in a list of live devices is not active.
  const bool listed = facts->live_tables || !facts->mapped.empty();
  const Listed live = listed ? Listed::kAll : Listed::kSome;
  for (LvmGroup& group : facts->reported) {
    absl::StatusOr<bool> joined = JoinMetadata(live, &group, facts);
    if (!joined.ok()) return joined.status();
    if (!*joined && InExtents(&group, live, facts)) {
      facts->groups.push_back(group);
    }
  }
  PlacePvs(facts);
  for (const LvmGroup& group : facts->groups) {
    absl::Status s = JoinGroup(group, listed, facts);
    if (!s.ok()) return s;
  }
  LeaveOutBareVolumes(live, facts);
  JoinBelow(facts);
  if (absl::Status s = CheckSharedAreas(*facts); !s.ok()) return s;
  return CheckTableSizes(*facts);
}

}  // namespace dmdax
