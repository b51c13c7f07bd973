// SPDX-License-Identifier: Apache-2.0
//
// chdir(2) to a directory that only the machine has: the kernel, which knows
// no such path, is given the directory itself.
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include <optional>

#include "base/fd.h"
#include "run/notify/handlers.h"
#include "run/notify/place.h"
#include "run/notify/stopped_task.h"

namespace dmdax::run {

Reply ChangeDirectory(Call& call) {
  const std::optional<Place> place =
      LocateAt(call, AT_FDCWD, call.arg(0), LastLink::kFollow);
  if (!place || !place->in_tree) return Reply::Continue();
  // In one that the host has too, names are those of the machine anyway.
  struct stat st;
  if (stat(place->shown.c_str(), &st) == 0 && S_ISDIR(st.st_mode)) {
    return Reply::Continue();
  }
  const Fd directory(
      open(place->real.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!directory.ok()) return Reply::Errno(errno);
  StoppedTask task(call.target.tid());
  if (!task.ok()) return Reply::Continue();
  // The answer is a descriptor of it.
  const Reply given = call.GiveFile(directory, O_CLOEXEC);
  if (given.value() < 0) return given;
  call.door.listener.Return(call.id(), given.value());
  const std::optional<int64_t> fd = task.Result();
  if (!fd || *fd < 0) return Reply::Done();
  const std::optional<int64_t> result =
      task.Call(SYS_fchdir, static_cast<uint64_t>(*fd));
  task.Call(SYS_close, static_cast<uint64_t>(*fd));
  task.SetResult(result.value_or(-EIO));
  return Reply::Done();
}

}  // namespace dmdax::run
