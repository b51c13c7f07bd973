// SPDX-License-Identifier: Apache-2.0
#include "import/formats/lsblk_row.h"

#include <algorithm>

#include "absl/algorithm/container.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "import/formats/boot_part.h"

namespace dmdax {
namespace {

// lsblk's column and the queue attribute of sysfs it is.
constexpr std::pair<const char*, const char*> kQueueColumns[] = {
    {"log-sec", "logical_block_size"},    {"phy-sec", "physical_block_size"},
    {"min-io", "minimum_io_size"},        {"opt-io", "optimal_io_size"},
    {"disc-gran", "discard_granularity"}, {"rota", "rotational"},
};

// A size or number; nothing if the column is not there.
absl::StatusOr<std::optional<SizeRange>> Size(const LsblkRow& row,
                                              absl::string_view key) {
  const std::string text = row.text(key);
  if (text.empty()) return std::optional<SizeRange>();
  std::optional<SizeRange> size = ParseSize(text);
  if (!size) {
    return row.place(key).Error(
        absl::StrCat("a size is expected, not ", Quoted(text)));
  }
  return size;
}

absl::Status SayQueue(const LsblkRow& row, const std::string& name,
                      std::map<std::string, Said<uint64_t>>* queue) {
  for (const auto& [column, attribute] : kQueueColumns) {
    absl::StatusOr<std::optional<SizeRange>> n = Size(row, column);
    if (!n.ok()) return n.status();
    // Without -b these are rounded too.
    if (!*n || !(*n)->exact()) continue;
    absl::Status s = Facts::Say((*queue)[attribute], (*n)->most,
                                row.place(column), name, attribute);
    if (!s.ok()) return s;
  }
  return absl::OkStatus();
}

// The path of what it is below in the tree; "": of nothing.
std::string ParentOf(const LsblkRow& row) {
  if (!row.parent.empty()) return row.parent;
  const std::string name = row.text("pkname");
  return name.empty() || absl::StartsWith(name, "/")
             ? name
             : absl::StrCat("/dev/", name);
}

absl::Status SayPartition(const LsblkRow& row, Disk& disk) {
  const std::string parent(absl::StripPrefix(ParentOf(row), "/dev/"));
  if (!parent.empty()) {
    absl::Status s =
        Facts::Say(disk.parent, parent, row.place("name"), disk.name, "disk");
    if (!s.ok()) return s;
  }
  const std::string start = row.text("start");
  uint64_t sector;
  if (start.empty()) return absl::OkStatus();
  if (!absl::SimpleAtoi(start, &sector)) {
    return row.place("start").Error(
        absl::StrCat("a start in sectors is expected, not ", Quoted(start)));
  }
  return Facts::Say(disk.start, sector, row.place("start"), disk.name, "start");
}

absl::Status SayDax(const LsblkRow& row, const std::string& name,
                    Said<bool>& slot) {
  const std::string dax = row.text("dax");
  if (dax.empty()) return absl::OkStatus();
  return Facts::Say(slot, dax == "1" || dax == "true", row.place("dax"), name,
                    "DAX flag");
}

absl::Status SayDisk(const LsblkRow& row, const std::string& kname,
                     const std::string& type, Facts* facts) {
  Disk& disk = facts->DiskNamed(kname, row.place("name"));
  if (!type.empty()) {
    absl::Status s =
        Facts::Say(disk.type, type, row.place("type"), kname, "type");
    if (!s.ok()) return s;
  }
  if (absl::Status s = SayDax(row, kname, disk.dax); !s.ok()) return s;
  if (const std::string ro = row.text("ro"); !ro.empty()) {
    absl::Status s = Facts::Say(disk.read_only, ro == "1" || ro == "true",
                                row.place("ro"), kname, "read-only flag");
    if (!s.ok()) return s;
  }
  // "block:nd:virtio:pci"
  const std::string subsystems = row.text("subsystems");
  if (absl::StrContains(subsystems, ":nd")) {
    absl::Status s =
        Facts::Say(disk.virtio, absl::StrContains(subsystems, ":virtio"),
                   row.place("subsystems"), kname, "bus (whether virtio)");
    if (!s.ok()) return s;
  }
  if (type == "part") {
    if (absl::Status s = SayPartition(row, disk); !s.ok()) return s;
  }
  return SayQueue(row, kname, &disk.queue);
}

void SayMounts(const LsblkRow& row, const std::string& source, Facts* facts) {
  for (const std::string& path : row.mountpoints) {
    if (!absl::StartsWith(path, "/")) continue;  // "[SWAP]"
    facts->mounts.push_back(
        {row.place("name"), source, path, row.text("fstype"), "", {}});
  }
}

void SayUse(const LsblkRow& row, const std::string& device, Facts* facts) {
  const bool swap = absl::c_linear_search(row.mountpoints, "[SWAP]");
  const std::string type = row.text("fstype");
  if (const absl::string_view boot = BootPart(row.text("parttype"));
      !boot.empty()) {
    facts->uses.push_back({.device = device, .type = std::string(boot)});
  }
  if (type.empty() && !swap) return;
  if (const std::string uuid = row.text("uuid");
      type == "LVM2_member" && !uuid.empty()) {
    facts->pvs.push_back({row.place("uuid"), device, uuid});
  }
  facts->uses.push_back({.device = device,
                         .type = swap ? "swap" : type,
                         .label = row.text("label"),
                         .active = swap});
}

}  // namespace

bool IsMappedType(absl::string_view type) {
  // The prefix of the dm uuid in lower case, or "dm".
  for (absl::string_view known : {"lvm", "crypt", "dm", "mpath", "dmraid",
                                  "stratis", "vdo", "integrity", "verity"}) {
    if (type == known) return true;
  }
  return false;
}

namespace {

struct Names {
  std::string name, kname, shown;
  bool is_dm = false;
};

Names NamesOf(const LsblkRow& row) {
  Names n;
  // With -p names are paths.
  n.name = row.text("name");
  const bool mapper_path = absl::StartsWith(n.name, "/dev/mapper/") ||
                           absl::StartsWith(row.text("path"), "/dev/mapper/");
  n.name = n.name.substr(n.name.rfind('/') + 1);
  n.kname = row.text("kname");
  n.kname = n.kname.substr(n.kname.rfind('/') + 1);
  n.is_dm = absl::StartsWith(n.kname, "dm-") || mapper_path ||
            IsMappedType(row.text("type"));
  n.shown = n.is_dm || n.kname.empty() ? n.name : n.kname;
  return n;
}

}  // namespace

absl::StatusOr<DevT> ReadDev(absl::string_view text, const Place& place) {
  const std::vector<absl::string_view> parts =
      absl::StrSplit(absl::StripAsciiWhitespace(text), ':');
  DevT dev;
  if (parts.size() != 2 || !absl::SimpleAtoi(parts[0], &dev.major_nr) ||
      !absl::SimpleAtoi(parts[1], &dev.minor_nr) || !dev.Fits()) {
    return place.Error(
        absl::StrCat("major:minor is expected, not ", Quoted(text)));
  }
  return dev;
}

std::string LsblkPath(const LsblkRow& row) {
  const Names names = NamesOf(row);
  return absl::StrCat(names.is_dm ? "/dev/mapper/" : "/dev/", names.shown);
}

absl::Status SayLsblkRow(const LsblkRow& row, Facts* facts) {
  const auto [name, kname, shown, is_dm] = NamesOf(row);
  const std::string type = row.text("type");
  if (name.empty() && kname.empty()) {
    return row.place("name").Error("a name is expected");
  }
  const Place at = row.place("name");
  Said<DevT>* dev;
  Said<SizeRange>* size;
  if (is_dm) {
    Mapped& device = facts->MappedNamed(name, at);
    if (!kname.empty()) {
      absl::Status s = Facts::Say(facts->KernelDmNamed(kname, at).name, name,
                                  at, kname, "dm name");
      if (!s.ok()) return s;
    }
    device.type = type;
    device.read_only |= row.text("ro") == "1" || row.text("ro") == "true";
    dev = &device.dev;
    size = &device.size;
    absl::Status s = SayDax(row, name, device.dax);
    if (s.ok()) s = SayQueue(row, name, &device.queue);
    if (!s.ok()) return s;
  } else {
    absl::Status s = SayDisk(row, shown, type, facts);
    if (!s.ok()) return s;
    dev = &facts->disks[shown].dev;
    size = &facts->disks[shown].size;
  }
  if (const std::string text = row.text("maj:min"); !text.empty()) {
    absl::StatusOr<DevT> n = ReadDev(text, row.place("maj:min"));
    if (!n.ok()) return n.status();
    absl::Status s =
        Facts::Say(*dev, *n, row.place("maj:min"), shown, "number");
    if (s.ok() && is_dm) {
      s = Facts::Say(facts->dm_major, n->major_nr, row.place("maj:min"),
                     "device-mapper", "major");
    }
    if (!s.ok()) return s;
  }
  absl::StatusOr<std::optional<SizeRange>> bytes = Size(row, "size");
  if (!bytes.ok()) return bytes.status();
  if (*bytes) {
    absl::Status s = Facts::SaySize(*size, **bytes, row.place("size"), shown);
    if (!s.ok()) return s;
  }
  const std::string path = LsblkPath(row);
  if (const std::string parent = ParentOf(row);
      !parent.empty() && (is_dm || type != "part")) {
    facts->below[path].insert(parent);
  }
  SayMounts(row, path, facts);
  SayUse(row, path, facts);
  return absl::OkStatus();
}

}  // namespace dmdax
