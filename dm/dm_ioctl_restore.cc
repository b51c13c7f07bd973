// SPDX-License-Identifier: Apache-2.0
//
// Restores all devices at once, as a snapshot keeps them.  Mirrors nothing.
#include <algorithm>
#include <cerrno>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/errno_status.h"
#include "dm/compile_order.h"
#include "dm/dm_ioctl.h"

namespace dmdax {
namespace {

absl::Status Of(absl::string_view who, const absl::Status& s) {
  if (s.ok()) return s;
  return ErrnoError(ErrnoOf(s), absl::StrCat(who, ": ", s.message()));
}

}  // namespace

void DmCtl::ForEachDevice(
    absl::FunctionRef<void(const HashCell& cell)> fn) const {
  absl::MutexLock lock(&mu_);
  std::vector<HashCell*> cells = hash_.Loaded();
  std::sort(cells.begin(), cells.end(),
            [](HashCell* a, HashCell* b) { return a->inserted < b->inserted; });
  for (const HashCell* cell : cells) fn(*cell);
}

absl::Status DmCtl::RestoreDevice(const DmDeviceState& state) {
  if (state.name.empty() || state.name.size() > kNameLen ||
      state.uuid.size() > kUuidLen || state.minor >= DmHash::kMaxMinors ||
      state.md.type > DM_TYPE_DAX_BIO_BASED ||
      hash_.FindMinor(state.minor) != nullptr) {
    return ErrnoError(EINVAL, "bad name, uuid, minor or type");
  }
  auto md = std::make_shared<MappedDevice>(machine_, DevT{major_, state.minor});
  if (absl::Status s = md->Restore(state.md); !s.ok()) return s;
  NoteDeferred(*md);
  // So the number of this one is it.
  if (state.inserted > 0) hash_.InsertAfter(state.inserted - 1);
  return hash_.Insert(state.name, state.uuid, std::move(md)).status();
}

void DmCtl::RestoreOrder(uint32_t minor, uint64_t inserted) {
  absl::MutexLock lock(&mu_);
  hash_.NoFreeMinorBelow(minor);
  hash_.InsertAfter(inserted);
}

uint32_t DmCtl::NoFreeMinorBelow() {
  absl::MutexLock lock(&mu_);
  return hash_.NextFreeMinor().value_or(DmHash::kMaxMinors);
}

absl::Status DmCtl::RestoreTables(const DmDeviceState& state,
                                  std::vector<std::string>* lost) {
  HashCell& cell = *hash_.FindName(state.name);
  MappedDevice& md = *cell.md;
  if (state.table) {
    absl::StatusOr<std::unique_ptr<DmTable>> live =
        DmTable::Restore(md, *state.table, lost);
    if (!live.ok()) return Of(md.name(), live.status());
    NoteRestless(md, **live);
    md.RestoreLiveTable(*std::move(live));
    NoteBackground(md);
  }
  if (state.inactive_table) {
    absl::StatusOr<std::unique_ptr<DmTable>> inactive =
        DmTable::Restore(md, *state.inactive_table, lost);
    if (!inactive.ok()) return Of(md.name(), inactive.status());
    NoteRestless(md, **inactive);
    cell.new_map = *std::move(inactive);
  }
  return absl::OkStatus();
}

// Makes all devices first, then opens what they hold open, then builds the
// tables: the tables of two devices may stand on each other.
absl::StatusOr<std::vector<std::string>> DmCtl::Restore(
    absl::Span<const DmDeviceState> devices) {
  absl::MutexLock lock(&mu_);
  for (const DmDeviceState& state : devices) {
    absl::Status s = Of(state.name, RestoreDevice(state));
    if (!s.ok()) return s;
  }
  std::vector<MappedDevice*> mds;
  std::vector<std::vector<DmDev*>> held;
  for (const DmDeviceState& state : devices) {
    mds.push_back(hash_.FindName(state.name)->md.get());
    absl::StatusOr<std::vector<DmDev*>> opened =
        mds.back()->RestoreTableDevices(state.md);
    if (!opened.ok()) return Of(state.name, opened.status());
    held.push_back(*std::move(opened));
  }
  std::vector<std::string> lost;
  for (size_t i = 0; i < devices.size(); ++i) {
    if (absl::Status s = RestoreTables(devices[i], &lost); !s.ok()) return s;
    // The tables hold them now.
    for (DmDev* dev : held[i]) mds[i]->PutTableDevice(dev);
  }
  CompileAll(mds);
  // The log lines that these opens wrote are no news to the user.
  machine_.log().TakeNew();
  return lost;
}

}  // namespace dmdax
