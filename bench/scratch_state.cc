// SPDX-License-Identifier: Apache-2.0
#include "bench/scratch_state.h"

#include <cstdio>
#include <cstdlib>
#include <filesystem>

#include "state/sqlite.h"
#include "state/state_dir.h"

namespace dmdax::bench {

namespace fs = std::filesystem;

void Die(const absl::Status& status) {
  fprintf(stderr, "%s\n", status.ToString().c_str());
  abort();
}

ScratchState::ScratchState() {
  std::string pattern = fs::temp_directory_path() / "dmdax_bench.XXXXXX";
  if (mkdtemp(pattern.data()) == nullptr) {
    Die(absl::InternalError("no directory for a state"));
  }
  path_ = pattern;
}

ScratchState::~ScratchState() {
  std::error_code ignored;
  fs::remove_all(path_, ignored);
}

void ScratchState::Write(const Session& session) {
  absl::StatusOr<StateDir> dir = StateDir::Open(path_, StateDir::kWrite);
  if (!dir.ok()) Die(dir.status());
  absl::StatusOr<proto::StateSnapshot> before = dir->Read();
  if (!before.ok()) Die(before.status());
  absl::Status s = dir->Write(SnapshotOf(session, before->generation()));
  if (!s.ok()) Die(s);
}

DmsetupResult ScratchState::Run(const std::vector<std::string>& words,
                                LoadScope scope) {
  const bool asks = DmsetupOnlyAsks(words[0]);
  absl::StatusOr<StateDir> dir =
      StateDir::Open(path_, asks ? StateDir::kRead : StateDir::kWrite);
  if (!dir.ok()) Die(dir.status());
  DmsetupResult result;
  PartSession ran;
  absl::Status s =
      RunOnPart(*dir, scope, SessionFromSnapshot, &ran, [&](Session& session) {
        result = RunDmsetup(*session.ctl, words, "");
        return absl::OkStatus();
      });
  if (s.ok() && !asks) {
    s = dir->Write(SnapshotOf(ran.session, ran.generation));
  }
  if (!s.ok()) Die(s);
  return result;
}

void ScratchState::EmptyLog() {
  absl::StatusOr<SqliteDb> db = SqliteDb::Open(path_ + "/state.db");
  if (!db.ok()) Die(db.status());
  absl::Status s = db->Exec("PRAGMA wal_checkpoint(TRUNCATE)");
  if (!s.ok()) Die(s);
}

uint64_t ScratchState::log_bytes() const {
  std::error_code none;
  const uint64_t size = fs::file_size(path_ + "/state.db-wal", none);
  return none ? 0 : size;
}

}  // namespace dmdax::bench
