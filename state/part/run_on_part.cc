// SPDX-License-Identifier: Apache-2.0
#include "state/part/run_on_part.h"

#include <utility>

namespace dmdax {
namespace {

absl::Status RunOnWhole(StateDir& dir, MakeSessionFn make, PartSession* ran,
                        RunFn run) {
  absl::StatusOr<proto::StateSnapshot> snapshot = dir.Read();
  if (!snapshot.ok()) return snapshot.status();
  absl::StatusOr<Session> session = make(*snapshot);
  if (!session.ok()) return session.status();
  absl::Status s = run(*session);
  ran->session = *std::move(session);
  ran->generation = snapshot->generation();
  return s;
}

}  // namespace

absl::Status RunOnPart(StateDir& dir, LoadScope scope, MakeSessionFn make,
                       PartSession* ran, RunFn run) {
  if (scope == LoadScope::kWhole) return RunOnWhole(dir, make, ran, run);
  absl::StatusOr<StateDb*> db = dir.OpenPart();
  if (!db.ok()) return db.status();
  if (*db == nullptr) return RunOnWhole(dir, make, ran, run);
  auto part = std::make_shared<StatePart>(**db);
  // A few devices are found in as many runs; somebody who looks up one after
  // the other has soon asked for all.
  constexpr int kMostRuns = 12;
  for (int runs = 1;; ++runs) {
    if (runs == kMostRuns) part->LoadAll();
    absl::StatusOr<proto::StateSnapshot> snapshot = part->Load();
    if (!snapshot.ok()) return snapshot.status();
    absl::StatusOr<Session> session = make(*snapshot);
    absl::Status s = session.status();
    if (s.ok()) s = part->Complete(*session);
    if (!s.ok()) {
      // Whatever it is, the whole machine has the words for it.
      if (part->whole()) return s;
      part->LoadAll();
      continue;
    }
    s = run(*session);
    if (!part->status().ok()) return part->status();
    if (part->lacks()) continue;
    session->source = part;
    part->Seal();
    ran->generation = snapshot->generation();
    ran->session = *std::move(session);
    return s;
  }
}

}  // namespace dmdax
