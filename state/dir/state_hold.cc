// SPDX-License-Identifier: Apache-2.0
#include "state/dir/state_hold.h"

#include <sys/stat.h>

#include <cstddef>

#include "state/dir/state_files.h"

namespace dmdax {

std::optional<StateHold::FileIds> StateHold::IdsOf(const PrivateDir& dir) {
  FileIds ids;
  size_t i = 0;
  for (const char* name : {kStateDb, kStateLog, kStateShm}) {
    // As it judges those that are to be opened; nothing is opened here, for who
    // closes a file loses the locks on it.
    if (!dir.CheckFile(name).ok()) return std::nullopt;
    struct stat st;
    if (stat(dir.HostPathOf(name).c_str(), &st) != 0) return std::nullopt;
    ids[i++] = {st.st_dev, st.st_ino};
  }
  return ids;
}

std::unique_ptr<StateHold> StateHold::Of(
    std::shared_ptr<const PrivateDir> dir) {
  const std::optional<FileIds> ids = IdsOf(*dir);
  if (!ids) return nullptr;
  SqliteOptions options;
  options.wait_on = [](int) { return false; };
  absl::StatusOr<SqliteDb> db =
      SqliteDb::Open(dir->HostPathOf(kStateDb), std::move(options));
  // The first question opens the index, which is then there until the end.
  if (!db.ok() || !db->Number("SELECT generation FROM meta").ok()) {
    return nullptr;
  }
  std::unique_ptr<StateHold> hold(
      new StateHold(std::move(dir), *std::move(db), *ids));
  return hold->IsStill() ? std::move(hold) : nullptr;
}

bool StateHold::IsStill() const { return IdsOf(*dir_) == ids_; }

}  // namespace dmdax
