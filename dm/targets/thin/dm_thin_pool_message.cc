// SPDX-License-Identifier: Apache-2.0
//
// thin-pool: messages.
//
//   create_thin <id> | delete <id>
//   set_transaction_id <current id> <new id>
//
// Snapshots, of devices and of metadata, are not modelled.
// Mirrors pool_message of drivers/md/dm-thin.c (6.1).
#include <cerrno>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "base/errno_status.h"
#include "base/kstrtox.h"
#include "dm/targets/thin/dm_thin_pool.h"

namespace dmdax {
namespace {

absl::Status PoolMessageError(const DmTarget& ti, absl::string_view text) {
  DmLog(MachineOf(ti), KernLevel::kWarn, "thin", text);
  return ErrnoError(EINVAL, text);
}

absl::StatusOr<uint64_t> ReadDevId(const DmTarget& ti,
                                   const std::string& word) {
  absl::StatusOr<uint64_t> id = KstrtoU64(word);
  if (id.ok() && *id <= kMaxDevId) return id;
  return PoolMessageError(
      ti, absl::StrCat("Message received with invalid device id: ", word));
}

absl::Status CheckArgCount(const DmTarget& ti, size_t argc, size_t wanted) {
  if (argc == wanted) return absl::OkStatus();
  return PoolMessageError(
      ti, absl::StrCat("Message received with ", argc, " arguments instead of ",
                       wanted, "."));
}

// create_thin and delete.
absl::Status ChangeDevice(const DmTarget& ti, Pool& pool,
                          absl::Span<const std::string> argv, bool create) {
  absl::Status s = CheckArgCount(ti, argv.size(), 2);
  if (!s.ok()) return s;
  absl::StatusOr<uint64_t> id = ReadDevId(ti, argv[1]);
  if (!id.ok()) return id.status();
  absl::MutexLock lock(&pool.mu);
  const bool done = create ? pool.devices.try_emplace(*id).second
                           : pool.devices.erase(*id) > 0;
  if (done) return absl::OkStatus();
  const std::string text =
      create
          ? absl::StrCat("Creation of new thinly-provisioned device with id ",
                         argv[1], " failed.")
          : absl::StrCat("Deletion of thin device ", argv[1], " failed.");
  DmLog(MachineOf(ti), KernLevel::kWarn, "thin", text);
  return ErrnoError(create ? EEXIST : ENODATA, text);
}

absl::Status SetTransactionId(const DmTarget& ti, Pool& pool,
                              absl::Span<const std::string> argv) {
  absl::Status s = CheckArgCount(ti, argv.size(), 3);
  if (!s.ok()) return s;
  absl::StatusOr<uint64_t> old_id = KstrtoU64(argv[1]);
  if (!old_id.ok()) {
    return PoolMessageError(
        ti, absl::StrCat("set_transaction_id message: Unrecognised id ",
                         argv[1], "."));
  }
  absl::StatusOr<uint64_t> new_id = KstrtoU64(argv[2]);
  if (!new_id.ok()) {
    return PoolMessageError(
        ti, absl::StrCat("set_transaction_id message: Unrecognised new id ",
                         argv[2], "."));
  }
  absl::MutexLock lock(&pool.mu);
  if (pool.transaction_id != *old_id) {
    return PoolMessageError(
        ti, absl::StrCat("Failed to change transaction id from ", argv[1],
                         " to ", argv[2], "."));
  }
  pool.transaction_id = *new_id;
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<std::string> PoolMessage(DmTarget& ti,
                                        absl::Span<const std::string> argv) {
  Pool& pool = *ti.Private<PoolC>().pool;
  absl::Status s;
  if (absl::EqualsIgnoreCase(argv[0], "create_thin")) {
    s = ChangeDevice(ti, pool, argv, true);
  } else if (absl::EqualsIgnoreCase(argv[0], "delete")) {
    s = ChangeDevice(ti, pool, argv, false);
  } else if (absl::EqualsIgnoreCase(argv[0], "set_transaction_id")) {
    s = SetTransactionId(ti, pool, argv);
  } else if (absl::EqualsIgnoreCase(argv[0], "create_snap") ||
             absl::EqualsIgnoreCase(argv[0], "reserve_metadata_snap") ||
             absl::EqualsIgnoreCase(argv[0], "release_metadata_snap")) {
    s = DmNotModelled(argv[0], "blocks that devices share");
  } else {
    s = PoolMessageError(
        ti, absl::StrCat("Unrecognised thin pool target message received: ",
                         argv[0]));
  }
  if (!s.ok()) return s;
  return "";
}

}  // namespace dmdax
