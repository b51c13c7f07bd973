// SPDX-License-Identifier: Apache-2.0
//
// Handles: what programs have open of the machine.
//
//   absl::StatusOr<Handles::Opened> o =
//       handles.Open(session, {DMDAX_KIND_BLOCK, DevT{254, 0}, O_RDWR, "dd"});
//   handles.Find(o->handle->id)->file->Read(0, bytes);
//   handles.Close(o->handle->id);    // its last copy is gone
//
// A handle goes with the last copy of its descriptor.  When the machine is made
// anew, Release() and Reopen() let it go on with the new one; a device that is
// no more gives ENXIO.
// Threading: thread-compatible.
#ifndef DMDAX_SERVER_HANDLES_H_
#define DMDAX_SERVER_HANDLES_H_

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <utility>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "base/dev_t.h"
#include "base/fd.h"
#include "dm/io/block_file.h"
#include "dm/wire/ctl_ioctl.h"
#include "server/pipe_end.h"
#include "server/protocol.h"
#include "state/session.h"

namespace dmdax {

// Character devices that are ours.
inline constexpr DevT kControlNode = {10, 236};
inline constexpr DevT kLoopControl = {10, 237};

struct OpenRequest {
  uint64_t kind = 0;  // enum dmdax_kind
  DevT dev;
  int flags = 0;     // open(2)'s, and what F_SETFL has made of them
  std::string comm;  // of the program
  std::string path;  // of an attribute
};

struct Handle {
  uint64_t id = 0;
  OpenRequest what;
  PipeEnd end;
  uint64_t inode = 0;
  uint64_t position = 0;
  uint64_t bytes_read = 0;          // by messages
  std::unique_ptr<BlockFile> file;  // a block device that is there
  // What is told by its next sync: bytes that were written, and are lost.
  absl::Status lost = absl::OkStatus();
  std::unique_ptr<DmFile> control;  // the control node
  bool is_control() const { return control != nullptr; }
  bool is_loop_control() const {
    return what.kind == DMDAX_KIND_CHAR && what.dev == kLoopControl;
  }
};

class Handles {
 public:
  struct Opened {
    Handle* handle;
    Fd fd;  // for the program
  };
  // ENXIO: there is no such device; else as BlockFile::Open().
  absl::StatusOr<Opened> Open(Session& session, OpenRequest request);
  Handle* Find(uint64_t id);
  Handle* FindInode(uint64_t inode);
  void Close(uint64_t id);
  void ForEach(absl::FunctionRef<void(Handle& handle)> fn);
  // In the order of their ids, those that came after `id`.
  void ForEachAfter(uint64_t id, absl::FunctionRef<void(Handle& handle)> fn);
  size_t size() const { return handles_.size(); }

  // Bytes that were written and not synced are not there any more.
  void Lose(const absl::Status& why);

  void Release();
  void Reopen(Session& session);

 private:
  std::map<uint64_t, Handle> handles_;
  std::map<uint64_t, uint64_t> by_inode_;
  uint64_t last_id_ = 0;
};

}  // namespace dmdax

#endif  // DMDAX_SERVER_HANDLES_H_
