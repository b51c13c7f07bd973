// SPDX-License-Identifier: Apache-2.0
//
// StateHold: a state's database that stays open between two changes.
//
// Whoever opens a database that nobody has open reads its log from the
// beginning to the end, to make the index of it; so what a change reads would
// grow with the changes before it.  As long as somebody holds it, the index
// stays:
//
//   std::unique_ptr<StateHold> hold = StateHold::Of(dir);  // or null
//   // Under the state's lock, before each transaction:
//   if (hold != nullptr && !hold->IsStill()) hold.reset();
//
// Nothing is read through it, and it locks nobody out.  Others who remove or
// replace the files while they are open would have their index, and we ours:
// hence IsStill().
// Threading: thread-compatible.
#ifndef DMDAX_STATE_DIR_STATE_HOLD_H_
#define DMDAX_STATE_DIR_STATE_HOLD_H_

#include <sys/types.h>

#include <array>
#include <memory>
#include <optional>
#include <utility>

#include "state/private_dir.h"
#include "state/sqlite.h"

namespace dmdax {

class StateHold {
 public:
  // Of a database that has its log.  Null: it could not be opened, which the
  // next transaction will say.
  static std::unique_ptr<StateHold> Of(std::shared_ptr<const PrivateDir> dir);

  // Whether its files still have their names.
  bool IsStill() const;

 private:
  using FileId = std::pair<dev_t, ino_t>;
  // Of the database, its log and the log's index.
  using FileIds = std::array<FileId, 3>;

  StateHold(std::shared_ptr<const PrivateDir> dir, SqliteDb db, FileIds ids)
      : dir_(std::move(dir)), ids_(ids), db_(std::move(db)) {}
  static std::optional<FileIds> IdsOf(const PrivateDir& dir);

  const std::shared_ptr<const PrivateDir> dir_;
  const FileIds ids_;
  const SqliteDb db_;
};

}  // namespace dmdax

#endif  // DMDAX_STATE_DIR_STATE_HOLD_H_
