// SPDX-License-Identifier: Apache-2.0
//
// StateWatch: whether a state directory may be other than it was, without a
// look at it.
//
//   StateWatch watch("/tmp/s");
//   if (watch.TakeChanged()) Look();   // also where nothing can be watched
//
// Each change of a state writes to its log and to its generation's file, and
// has done so before it is acknowledged; either may be made anew.  The kernel
// queues what is done to them as it is done.  Who moves a directory above is
// not seen. Mirrors: inotify(7).  Threading: thread-compatible.
#ifndef DMDAX_SERVER_STATE_WATCH_H_
#define DMDAX_SERVER_STATE_WATCH_H_

#include <string>
#include <utility>

#include "base/fd.h"

namespace dmdax {

class StateWatch {
 public:
  explicit StateWatch(std::string state_path) : path_(std::move(state_path)) {}

  // Whether anything may have changed since the last call.
  bool TakeChanged();
  // Readable when something has; -1: there is nothing to wait for.
  int fd() const { return fd_.get(); }
  // All of it is watched.
  bool is_complete() const { return complete_; }

 private:
  void Begin();
  bool WatchFile(const char* name) const;

  const std::string path_;
  Fd fd_;
  bool complete_ = false;
};

}  // namespace dmdax

#endif  // DMDAX_SERVER_STATE_WATCH_H_
