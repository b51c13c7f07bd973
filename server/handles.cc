// SPDX-License-Identifier: Apache-2.0
#include "server/handles.h"

#include <cerrno>

#include "absl/strings/str_cat.h"
#include "base/errno_status.h"

namespace dmdax {

absl::StatusOr<Handles::Opened> Handles::Open(Session& session,
                                              OpenRequest request) {
  Handle handle;
  PollAs poll = PollAs::kData;
  if (request.kind == DMDAX_KIND_BLOCK) {
    absl::StatusOr<std::unique_ptr<BlockFile>> file =
        BlockFile::Open(*session.ctl, request.dev, request.flags, request.comm);
    if (!file.ok()) return file.status();
    handle.file = *std::move(file);
  } else if (request.kind == DMDAX_KIND_CHAR && request.dev == kControlNode) {
    handle.control = std::make_unique<DmFile>(*session.ctl);
    poll = PollAs::kEvents;
  } else if (request.kind == DMDAX_KIND_CHAR && request.dev != kLoopControl) {
    return ErrnoError(
        ENXIO, absl::StrCat("no character device ", request.dev.ToString()));
  }
  absl::StatusOr<PipePair> pipe = MakePipe(request.flags, poll);
  if (!pipe.ok()) return pipe.status();
  handle.id = ++last_id_;
  handle.what = std::move(request);
  handle.end = std::move(pipe->ours);
  handle.inode = pipe->inode;
  by_inode_[handle.inode] = handle.id;
  const auto it = handles_.emplace(handle.id, std::move(handle)).first;
  return Opened{&it->second, std::move(pipe->theirs)};
}

Handle* Handles::Find(uint64_t id) {
  const auto it = handles_.find(id);
  return it == handles_.end() ? nullptr : &it->second;
}

Handle* Handles::FindInode(uint64_t inode) {
  const auto it = by_inode_.find(inode);
  return it == by_inode_.end() ? nullptr : Find(it->second);
}

void Handles::Close(uint64_t id) {
  const auto it = handles_.find(id);
  if (it == handles_.end()) return;
  by_inode_.erase(it->second.inode);
  handles_.erase(it);
}

void Handles::ForEach(absl::FunctionRef<void(Handle& handle)> fn) {
  for (auto& [id, handle] : handles_) fn(handle);
}

void Handles::ForEachAfter(uint64_t id,
                           absl::FunctionRef<void(Handle& handle)> fn) {
  for (auto it = handles_.upper_bound(id); it != handles_.end(); ++it) {
    fn(it->second);
  }
}

// As wb_err of the kernel: each open file is told once, whoever wrote.
void Handles::Lose(const absl::Status& why) {
  for (auto& [id, handle] : handles_) {
    if (handle.what.kind == DMDAX_KIND_BLOCK) handle.lost.Update(why);
  }
}

void Handles::Release() {
  for (auto& [id, handle] : handles_) {
    if (handle.file != nullptr) {
      handle.lost.Update(handle.file->TakeWriteback());
    }
    handle.file.reset();
  }
}

void Handles::Reopen(Session& session) {
  for (auto& [id, handle] : handles_) {
    if (handle.what.kind != DMDAX_KIND_BLOCK) continue;
    absl::StatusOr<std::unique_ptr<BlockFile>> file = BlockFile::Open(
        *session.ctl, handle.what.dev, handle.what.flags, handle.what.comm);
    if (file.ok()) handle.file = *std::move(file);
  }
}

}  // namespace dmdax
