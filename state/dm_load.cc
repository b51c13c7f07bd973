// SPDX-License-Identifier: Apache-2.0
#include "state/dm_load.h"

#include <cerrno>
#include <optional>
#include <set>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "base/errno_status.h"
#include "block/queue_sysfs.h"
#include "state/hardware.h"
#include "state/load_order.h"
#include "state/packed_table.h"
#include "state/row_hint.h"
#include "state/target_spec.h"

namespace dmdax {
namespace {

class Loader {
 public:
  Loader(const proto::World& world, const SourceMap& map, Session& session,
         const TableMender& mend)
      : world_(world),
        map_(map),
        mend_(mend),
        ctl_(*session.ctl),
        machine_(*session.machine) {}

  absl::Status Load() {
    if (absl::Status s = ChooseMinors(); !s.ok()) return s;
    for (int i = 0; i < world_.mapped_device_size(); ++i) {
      if (absl::Status s = Create(i); !s.ok()) return s;
    }
    const LoadOrderResult order = LoadOrder(world_, minors_, ctl_.major());
    if (!order.cycle.empty()) return Cycle(order.cycle);
    for (const LoadJob& job : order.jobs) {
      absl::Status s =
          job.inactive ? LoadInactive(job.device) : LoadLive(job.device);
      if (!s.ok()) return s;
    }
    for (int i = 0; i < world_.mapped_device_size(); ++i) {
      // A device that is not live yet has settings too.
      if (!Device(i).has_table()) {
        if (absl::Status s = ApplySettings(i); !s.ok()) return s;
      }
      if (!Device(i).suspended()) continue;
      DmIoctl io{.flags = DM_SUSPEND_FLAG, .name = Device(i).name()};
      absl::Status s = ctl_.DevSuspend(io);
      if (!s.ok()) return Refused(s, i, ".suspended");
    }
    return absl::OkStatus();
  }

 private:
  const proto::MappedDevice& Device(int i) const {
    return world_.mapped_device(i);
  }
  static std::string Path(int i, absl::string_view field) {
    return absl::StrCat("mapped_device[", i, "]", field);
  }

  // EINVAL (or `err`) of our own, at a field of device i.
  absl::Status Bad(int i, absl::string_view field, absl::string_view what,
                   int err = EINVAL) const {
    constexpr size_t kMostShown = 128;
    return ErrnoError(
        err, absl::StrCat(map_.Locate(Path(i, field)), "mapped device '",
                          Device(i).name().substr(0, kMostShown), "': ", what));
  }

  // What the kernel says: its errno, and the reasons it logs.
  absl::Status Refused(const absl::Status& s, int i, absl::string_view field) {
    std::vector<std::string> reasons = machine_.log().TakeNew();
    if (reasons.empty()) reasons.push_back(std::string(s.message()));
    return Bad(
        i, field,
        absl::StrCat(ErrnoText(ErrnoOf(s)), ": ", absl::StrJoin(reasons, "; ")),
        ErrnoOf(s));
  }

  // Those that are given are taken before the others are dealt out.
  absl::Status ChooseMinors() {
    std::set<uint32_t> taken;
    for (int i = 0; i < world_.mapped_device_size(); ++i) {
      if (!Device(i).has_minor()) continue;
      const uint32_t minor = Device(i).minor();
      if (minor >= DmHash::kMaxMinors) {
        return Bad(
            i, ".minor",
            absl::StrCat("minor ", minor, ": 0 to ", DmHash::kMaxMinors - 1));
      }
      if (!taken.insert(minor).second) {
        return Bad(i, ".minor",
                   absl::StrCat("minor ", minor, " is another device's"));
      }
    }
    uint32_t next = 0;
    for (int i = 0; i < world_.mapped_device_size(); ++i) {
      if (Device(i).has_minor()) {
        minors_.push_back(Device(i).minor());
        continue;
      }
      while (taken.count(next) != 0) ++next;
      minors_.push_back(next++);
      if (next > DmHash::kMaxMinors) return Bad(i, "", "no minor is free");
    }
    return absl::OkStatus();
  }

  absl::Status CheckText(int i, absl::string_view field,
                         const std::string& text, size_t most) const {
    if (text.size() > most) {
      return Bad(i, absl::StrCat(".", field),
                 absl::StrCat("the ", field, " has ", text.size(),
                              " bytes; at most ", most));
    }
    if (absl::StrContains(text, '\0')) {
      return Bad(i, absl::StrCat(".", field),
                 absl::StrCat("a NUL byte in the ", field));
    }
    return absl::OkStatus();
  }

  absl::Status Create(int i) {
    const proto::MappedDevice& d = Device(i);
    absl::Status s = CheckText(i, "name", d.name(), DmCtl::kNameLen);
    if (!s.ok()) return s;
    s = CheckText(i, "uuid", d.uuid(), DmCtl::kUuidLen);
    if (!s.ok()) return s;
    const DevT dev{ctl_.major(), minors_[static_cast<size_t>(i)]};
    DmIoctl io{.flags = DM_PERSISTENT_DEV_FLAG,
               .dev = dev.HugeEncode(),
               .name = d.name(),
               .uuid = d.uuid()};
    s = ctl_.DevCreate(io);
    return s.ok() ? s : Refused(s, i, ".name");
  }

  absl::Status Cycle(const std::vector<int>& cycle) const {
    // The way round tells no more when it is as long as the machine.
    constexpr size_t kMostNamed = 8;
    std::vector<std::string> names;
    for (int i : cycle) {
      if (names.size() == kMostNamed && cycle.size() > kMostNamed + 1) {
        names.push_back(
            absl::StrCat("... (", cycle.size() - kMostNamed, " more)"));
        break;
      }
      names.push_back(Device(i).name());
    }
    if (names.size() == 1) {
      return Bad(cycle[0], "",
                 absl::StrCat("the table of ", names[0], " stands on ",
                              names[0], " itself"),
                 ELOOP);
    }
    names.push_back(names[0]);
    return Bad(cycle[0], "",
               absl::StrCat("tables stand on each other in a circle: ",
                            absl::StrJoin(names, " on ")),
               ELOOP);
  }

  // Rows that no ioctl could carry.
  absl::Status CheckRow(int i, const std::string& field,
                        const DmTargetSpec& spec) const {
    if (spec.target_type.empty()) return Bad(i, field, "no target type");
    if (spec.target_type.size() > kMaxTypeName) {
      return Bad(i, field,
                 absl::StrCat("a target type has at most ", kMaxTypeName,
                              " characters"));
    }
    if (absl::StrContains(spec.target_type, '\0') ||
        absl::StrContains(spec.params, '\0')) {
      return Bad(i, field, "a NUL byte in a target");
    }
    return absl::OkStatus();
  }

  absl::Status LoadTable(int i, const proto::Table& table,
                         const std::string& field) {
    if (PackedError e = CheckPacked(table); !e.ok()) {
      return Bad(
          i,
          absl::StrCat(field, ".packed", e.field.empty() ? "" : ".", e.field),
          e.what);
    }
    const std::shared_ptr<const LinearRows> rows = RowsOfTable(table);
    if (rows == nullptr && table.has_packed()) {
      // Names that only rows can refuse, in their words.
      proto::Table readable = table;
      if (absl::Status s = UnpackTable(&readable); !s.ok()) return s;
      return LoadRows(i, readable, field, ".packed.device[", nullptr);
    }
    return LoadRows(i, table, field,
                    table.has_packed() ? ".packed.device[" : ".target[", rows);
  }

  // `rows`, if not null, are those of the table; `row_name` is how the path of
  // one begins.
  absl::Status LoadRows(int i, const proto::Table& table,
                        const std::string& field, absl::string_view row_name,
                        const std::shared_ptr<const LinearRows>& rows) {
    std::vector<DmTargetSpec> specs;
    const auto row_field = [&](size_t row) {
      return absl::StrCat(field, row_name, row, "]");
    };
    if (rows == nullptr)
      specs.reserve(static_cast<size_t>(table.target_size()));
    for (int row = 0; rows == nullptr && row < table.target_size(); ++row) {
      specs.push_back(SpecFromTarget(table.target(row)));
      absl::Status s =
          CheckRow(i, row_field(static_cast<size_t>(row)), specs.back());
      if (!s.ok()) return s;
    }
    DmIoctl io{.flags = table.readonly() ? DM_READONLY_FLAG : 0u,
               .name = Device(i).name()};
    std::optional<size_t> bad_row;
    machine_.log().TakeNew();  // of earlier tables, which were accepted
    absl::Status s = rows == nullptr ? ctl_.TableLoad(io, specs, &bad_row)
                                     : ctl_.TableLoad(io, rows, &bad_row);
    if (s.ok()) return s;
    if (IsNotModelled(s) && bad_row) {
      return Bad(i, row_field(*bad_row),
                 absl::StrCat("target ", *bad_row, ": ", s.message()),
                 ErrnoOf(s));
    }
    if (rows != nullptr) specs = SpecsOf(*rows);
    std::vector<std::string> reasons = machine_.log().TakeNew();
    if (reasons.empty()) reasons.push_back(std::string(s.message()));
    const RowHint hint =
        ExplainRefusal(*ctl_.FindDevice(Device(i).name()),
                       table.readonly() ? FMODE_READ : FMODE_READ | FMODE_WRITE,
                       specs, bad_row, reasons);
    if (!hint.text.empty()) reasons.push_back(hint.text);
    return Bad(
        i, hint.row ? row_field(*hint.row) : field,
        absl::StrCat(hint.row ? absl::StrCat("target ", *hint.row, ": ") : "",
                     ErrnoText(ErrnoOf(s)), ": ", absl::StrJoin(reasons, "; ")),
        ErrnoOf(s));
  }

  absl::Status LoadInactive(int i) {
    return LoadTable(i, Device(i).inactive_table(), ".inactive_table");
  }

  absl::Status LoadLive(int i) {
    const proto::MappedDevice& d = Device(i);
    absl::Status s = LoadTable(i, d.table(), ".table");
    while (!s.ok() && mend_ && mend_(s)) {
      s = LoadTable(i, d.table(), ".table");
    }
    if (!s.ok()) return s;
    DmIoctl io{.name = d.name()};
    s = ctl_.DevSuspend(io);
    if (!s.ok()) return Refused(s, i, ".table");
    machine_.AddNode(absl::StrCat("/dev/mapper/", d.name()),
                     DevT::HugeDecode(io.dev));
    for (int m = 0; m < d.message_size(); ++m) {
      if (absl::Status sent = SendMessage(i, m); !sent.ok()) return sent;
    }
    if (d.has_unmodelled()) {
      SetUnmodelled(d.unmodelled(), ctl_.FindDevice(d.name())->disk());
    }
    return ApplySettings(i);
  }

  // "<sector> <message>", as dmsetup message has them.
  absl::Status SendMessage(int i, int m) {
    const std::string& text = Device(i).message(m);
    const std::string field = absl::StrCat(".message[", m, "]");
    const size_t blank = text.find(' ');
    uint64_t sector;
    if (blank == std::string::npos ||
        !absl::SimpleAtoi(text.substr(0, blank), &sector)) {
      return Bad(i, field,
                 absl::StrCat("message '", text.substr(0, 64),
                              "': a sector and a message are expected, as in "
                              "'0 create_thin 1'"));
    }
    machine_.log().TakeNew();
    DmIoctl io{.name = Device(i).name()};
    std::string reply;
    absl::Status s =
        ctl_.TargetMsg(io, sector_t(sector), text.substr(blank + 1), &reply);
    return s.ok() ? s : Refused(s, i, field);
  }

  absl::Status ApplySettings(int i) {
    const proto::MappedDevice& d = Device(i);
    if (d.has_geometry()) {
      const proto::Geometry& g = d.geometry();
      DmIoctl io{.name = d.name()};
      absl::Status s = ctl_.DevSetGeometry(
          io, absl::StrCat(g.cylinders(), " ", g.heads(), " ", g.sectors(), " ",
                           g.start()));
      if (!s.ok()) return Refused(s, i, ".geometry");
    }
    if (d.max_sectors_kb() == 0) return absl::OkStatus();
    absl::Status s =
        QueueMaxSectorsStore(ctl_.FindDevice(d.name())->disk(),
                             d.max_sectors_kb(), machine_.profile());
    return s.ok() ? s : Refused(s, i, ".max_sectors_kb");
  }

  const proto::World& world_;
  const SourceMap& map_;
  const TableMender& mend_;
  DmCtl& ctl_;
  Machine& machine_;
  std::vector<uint32_t> minors_;
};

// Numbers that belong to mapped devices, and so not to hardware.
absl::Status CheckDmNumbers(const SourceMap& map, const Session& session) {
  const uint32_t major = session.ctl->major();
  const auto bad = [&](const std::string& what) {
    return ErrnoError(EINVAL, absl::StrCat(map.Locate("dm_major"), what));
  };
  if (!DevT{major, 0}.Fits()) {
    return bad(absl::StrCat("dm_major ", major, ": 1 to 4095"));
  }
  for (BlockDevice* bdev : session.machine->BlockDevices()) {
    absl::Status s = CheckNoMappedNumber(*bdev, major);
    if (!s.ok()) return ErrorAt(map, "dm_major", s);
  }
  return absl::OkStatus();
}

}  // namespace

absl::Status CheckNoMappedNumber(const BlockDevice& disk, uint32_t dm_major) {
  if (disk.dev().major_nr != dm_major) return absl::OkStatus();
  return ErrnoError(
      EINVAL,
      absl::StrCat(disk.name(), " is ", disk.dev().ToString(), ", and major ",
                   dm_major, " is that of mapped devices"));
}

absl::Status LoadMappedDevices(const proto::World& world, const SourceMap& map,
                               Session& session, const TableMender& mend) {
  if (absl::Status s = CheckDmNumbers(map, session); !s.ok()) return s;
  return Loader(world, map, session, mend).Load();
}

}  // namespace dmdax
