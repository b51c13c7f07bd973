// SPDX-License-Identifier: Apache-2.0
//
// thin-pool: messages.
//
//   create_thin <id> | create_snap <id> <origin id> | delete <id>
//   set_transaction_id <current id> <new id>
//   reserve_metadata_snap | release_metadata_snap
//
// Mirrors pool_message of drivers/md/dm-thin.c (6.1).
#include <cerrno>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "base/errno_status.h"
#include "base/kstrtox.h"
#include "dm/mapped_device.h"
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

// OK for 0; else the errno, and `text` in the log.
absl::Status Outcome(const DmTarget& ti, int err, absl::string_view text) {
  if (err == 0) return absl::OkStatus();
  DmLog(MachineOf(ti), KernLevel::kWarn, "thin", text);
  return ErrnoError(err, text);
}

absl::Status CreateThin(const DmTarget& ti, PoolMetadata& pmd,
                        absl::Span<const std::string> argv) {
  absl::Status s = CheckArgCount(ti, argv.size(), 2);
  if (!s.ok()) return s;
  absl::StatusOr<uint64_t> id = ReadDevId(ti, argv[1]);
  if (!id.ok()) return id.status();
  return Outcome(
      ti, pmd.CreateThin(*id),
      absl::StrCat("Creation of new thinly-provisioned device with id ",
                   argv[1], " failed."));
}

absl::Status CreateSnap(const DmTarget& ti, PoolMetadata& pmd,
                        absl::Span<const std::string> argv) {
  absl::Status s = CheckArgCount(ti, argv.size(), 3);
  if (!s.ok()) return s;
  absl::StatusOr<uint64_t> id = ReadDevId(ti, argv[1]);
  if (!id.ok()) return id.status();
  absl::StatusOr<uint64_t> origin = ReadDevId(ti, argv[2]);
  if (!origin.ok()) return origin.status();
  return Outcome(ti, pmd.CreateSnap(*id, *origin),
                 absl::StrCat("Creation of new snapshot ", argv[1],
                              " of device ", argv[2], " failed."));
}

absl::Status Delete(const DmTarget& ti, PoolMetadata& pmd,
                    absl::Span<const std::string> argv) {
  absl::Status s = CheckArgCount(ti, argv.size(), 2);
  if (!s.ok()) return s;
  absl::StatusOr<uint64_t> id = ReadDevId(ti, argv[1]);
  if (!id.ok()) return id.status();
  return Outcome(ti, pmd.Delete(*id),
                 absl::StrCat("Deletion of thin device ", argv[1], " failed."));
}

absl::Status SetTransactionId(const DmTarget& ti, PoolMetadata& pmd,
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
  return Outcome(ti, pmd.SetTransactionId(*old_id, *new_id),
                 absl::StrCat("Failed to change transaction id from ", argv[1],
                              " to ", argv[2], "."));
}

absl::Status ReserveMetadataSnap(const DmTarget& ti, Pool& pool,
                                 absl::Span<const std::string> argv)
    ABSL_EXCLUSIVE_LOCKS_REQUIRED(pool.mu) {
  absl::Status s = CheckArgCount(ti, argv.size(), 1);
  if (!s.ok()) return s;
  CommitPool(pool);
  return Outcome(ti, pool.pmd->ReserveSnap(),
                 "reserve_metadata_snap message failed.");
}

absl::Status ReleaseMetadataSnap(const DmTarget& ti, PoolMetadata& pmd,
                                 absl::Span<const std::string> argv) {
  absl::Status s = CheckArgCount(ti, argv.size(), 1);
  if (!s.ok()) return s;
  return Outcome(ti, pmd.ReleaseSnap(),
                 "release_metadata_snap message failed.");
}

}  // namespace

absl::StatusOr<std::string> PoolMessage(DmTarget& ti,
                                        absl::Span<const std::string> argv) {
  Pool& pool = *ti.Private<PoolC>().pool;
  OwnedLock lock(&pool.mu);
  if (pool.pf.mode >= PoolMode::kReadOnly) {
    DmLog(MachineOf(ti), KernLevel::kErr, "thin",
          absl::StrCat(pool.pool_md->name(),
                       ": unable to service pool target messages in READ_ONLY "
                       "or FAIL mode"));
    return ErrnoError(EOPNOTSUPP, "read-only");
  }
  PoolMetadata& pmd = *pool.pmd;
  auto is = [&](absl::string_view name) {
    return absl::EqualsIgnoreCase(argv[0], name);
  };
  absl::Status s;
  if (is("create_thin")) {
    s = CreateThin(ti, pmd, argv);
  } else if (is("create_snap")) {
    s = CreateSnap(ti, pmd, argv);
  } else if (is("delete")) {
    s = Delete(ti, pmd, argv);
  } else if (is("set_transaction_id")) {
    s = SetTransactionId(ti, pmd, argv);
  } else if (is("reserve_metadata_snap")) {
    s = ReserveMetadataSnap(ti, pool, argv);
  } else if (is("release_metadata_snap")) {
    s = ReleaseMetadataSnap(ti, pmd, argv);
  } else {
    s = PoolMessageError(
        ti, absl::StrCat("Unrecognised thin pool target message received: ",
                         argv[0]));
  }
  if (!s.ok()) return s;
  CommitPool(pool);
  return "";
}

}  // namespace dmdax
