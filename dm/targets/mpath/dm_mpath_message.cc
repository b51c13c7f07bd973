// SPDX-License-Identifier: Apache-2.0
//
// multipath: messages.
//
//   queue_if_no_path | fail_if_no_path
//   disable_group <group> | enable_group <group> | switch_group <group>
//   fail_path <dev> | reinstate_path <dev>
//
//   group  from 1, in the order of the table
//
// Mirrors multipath_message of drivers/md/dm-mpath.c (6.1).
#include <cerrno>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "base/errno_status.h"
#include "base/kstrtox.h"
#include "dm/dm_table.h"
#include "dm/mapped_device.h"
#include "dm/targets/mpath/dm_mpath.h"

namespace dmdax {
namespace {

absl::Status Complain(const DmTarget& ti, absl::string_view text) {
  DmLog(MachineOf(ti), KernLevel::kWarn, "multipath", text);
  return ErrnoError(EINVAL, text);
}

// The group that `word` names, from 1.
absl::StatusOr<uint32_t> GroupNumber(const DmTarget& ti,
                                     const std::string& word,
                                     absl::string_view function) {
  const Multipath& m = ti.Private<Multipath>();
  absl::StatusOr<uint32_t> number =
      SscanfU32(word, ProfileOf(ti).sscanf_overflow);
  if (!number.ok() || *number == 0 || *number > m.groups.size()) {
    return Complain(ti,
                    absl::StrCat("invalid PG number supplied to ", function));
  }
  return number;
}

absl::Status BypassGroup(DmTarget& ti, const std::string& word, bool bypassed) {
  Multipath& m = ti.Private<Multipath>();
  absl::StatusOr<uint32_t> number = GroupNumber(ti, word, "bypass_pg");
  if (!number.ok()) return number.status();
  absl::MutexLock lock(&m.mu);
  m.groups[*number - 1].bypassed = bypassed;
  m.current_pg = 0;
  DmTableEvent(ti);
  return absl::OkStatus();
}

absl::Status SwitchGroup(DmTarget& ti, const std::string& word) {
  Multipath& m = ti.Private<Multipath>();
  absl::StatusOr<uint32_t> number = GroupNumber(ti, word, "switch_pg_num");
  if (!number.ok()) return number.status();
  absl::MutexLock lock(&m.mu);
  for (PriorityGroup& pg : m.groups) pg.bypassed = false;
  m.next_pg = *number;
  m.current_pg = 0;
  DmTableEvent(ti);
  return absl::OkStatus();
}

// fail_path() or reinstate_path(), of every path that is `dev`.
absl::Status SetPathState(DmTarget& ti, const DmDev* dev, bool active) {
  Multipath& m = ti.Private<Multipath>();
  absl::Status s = ErrnoError(EINVAL, "no such path");
  absl::MutexLock lock(&m.mu);
  for (uint32_t group = 0; group < m.groups.size(); ++group) {
    for (uint32_t path = 0; path < m.groups[group].paths.size(); ++path) {
      if (m.groups[group].paths[path].dev != dev) continue;
      s = absl::OkStatus();
      active ? ReinstatePath(ti, m, {group, path})
             : FailPath(ti, m, {group, path});
    }
  }
  return s;
}

absl::Status PathMessage(DmTarget& ti, const std::string& path, bool active) {
  // Opened only to find its number; the table has the path open already.
  absl::StatusOr<const DmDev*> dev = DmGetDevice(ti, path);
  if (!dev.ok()) {
    DmLog(MachineOf(ti), KernLevel::kWarn, "multipath",
          absl::StrCat("message: error getting device ", path));
    return dev.status();
  }
  absl::Status s = SetPathState(ti, *dev, active);
  DmPutDevice(ti, *dev);
  return s;
}

absl::Status HandleMessage(DmTarget& ti, absl::Span<const std::string> argv) {
  Multipath& m = ti.Private<Multipath>();
  const std::string& verb = argv[0];
  auto is = [&](absl::string_view v) {
    return absl::EqualsIgnoreCase(verb, v);
  };
  if (ti.table->md().suspended()) return ErrnoError(EBUSY, "suspended");
  if (argv.size() == 1 && (is("queue_if_no_path") || is("fail_if_no_path"))) {
    absl::MutexLock lock(&m.mu);
    m.queue_if_no_path = is("queue_if_no_path");
    return absl::OkStatus();
  }
  if (argv.size() != 2) {
    return Complain(ti, absl::StrCat("Invalid multipath message arguments. "
                                     "Expected 2 arguments, got ",
                                     argv.size(), "."));
  }
  if (is("disable_group")) return BypassGroup(ti, argv[1], true);
  if (is("enable_group")) return BypassGroup(ti, argv[1], false);
  if (is("switch_group")) return SwitchGroup(ti, argv[1]);
  if (is("reinstate_path")) return PathMessage(ti, argv[1], true);
  if (is("fail_path")) return PathMessage(ti, argv[1], false);
  return Complain(
      ti, absl::StrCat("Unrecognised multipath message received: ", verb));
}

}  // namespace

absl::StatusOr<std::string> MultipathMessage(
    DmTarget& ti, absl::Span<const std::string> argv) {
  absl::Status s = HandleMessage(ti, argv);
  if (!s.ok()) return s;
  return "";
}

}  // namespace dmdax
