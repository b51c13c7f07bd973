// SPDX-License-Identifier: Apache-2.0
//
// Loop devices outlive their driver: what has been set is the machine's, and
// the next driver takes it from there.
#include <fcntl.h>
#include <linux/loop.h>

#include <cerrno>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/errno_status.h"
#include "base/fd.h"
#include "block/loop/loop.h"
#include "block/loop/loop_state.h"

namespace dmdax {

// As Configure() and SetStatus() left it, without their checks: tables stand on
// it, and its size is what it was.
void LoopDriver::Restore(Loop& loop, const LoopBacking& backing,
                         OpenFile open_file) {
  const bool read_only = (backing.flags & LO_FLAGS_READ_ONLY) != 0;
  Fd file;
  if (open_file.path == backing.path) file = std::move(open_file.fd);
  if (!file.ok()) {
    file = Fd(open(backing.path.c_str(),
                   (read_only ? O_RDONLY : O_RDWR) | O_CLOEXEC | O_NONBLOCK));
  }
  if (!file.ok()) {
    unopened_.push_back(absl::StrCat(loop.bdev.name(), ": cannot open '",
                                     backing.path, "': ", ErrnoText(errno)));
    // A descriptor that nothing can be read from.
    file = Fd(open("/", O_PATH | O_CLOEXEC));
  }
  loop.file = std::move(file);
  loop.path = backing.path;
  loop.info.lo_offset = backing.offset;
  loop.info.lo_sizelimit = backing.sizelimit;
  loop.info.lo_flags = backing.flags;
  backing.name.copy(reinterpret_cast<char*>(loop.info.lo_file_name),
                    LO_NAME_SIZE - 1);
  loop.bdev.SetReadOnly(read_only);
  loop.bdev.set_suppress_part_scan((backing.flags & LO_FLAGS_PARTSCAN) == 0);
  SetLoopDiscard(loop.bdev, loop.file.get());
  UseFile(loop);
}

std::vector<std::string> LoopDriver::Unopened() const {
  absl::MutexLock lock(&mu_);
  return unopened_;
}

LoopDriver::Files LoopDriver::TakeFiles() {
  absl::MutexLock lock(&mu_);
  Files files;
  for (const auto& [number, loop] : loops_) {
    if (loop->file.ok()) files[number] = {loop->path, std::move(loop->file)};
  }
  return files;
}

void LoopDriver::Publish(const Loop& loop) {
  if (!loop.file.ok()) return machine_.SetLoopBacking(loop.bdev, std::nullopt);
  machine_.SetLoopBacking(
      loop.bdev,
      LoopBacking{loop.path, loop.info.lo_offset, loop.info.lo_sizelimit,
                  loop.info.lo_flags,
                  reinterpret_cast<const char*>(loop.info.lo_file_name)});
}

}  // namespace dmdax
