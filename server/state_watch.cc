// SPDX-License-Identifier: Apache-2.0
#include "server/state_watch.h"

#include <sys/inotify.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "absl/strings/str_cat.h"
#include "state/dir/state_files.h"

namespace dmdax {

bool StateWatch::WatchFile(const char* name) const {
  constexpr uint32_t kEvents = IN_MODIFY | IN_DELETE_SELF | IN_MOVE_SELF;
  const std::string path = absl::StrCat(path_, "/", name);
  // One that is made is an event of the directory.
  return inotify_add_watch(fd_.get(), path.c_str(), kEvents) >= 0 ||
         errno == ENOENT;
}

void StateWatch::Begin() {
  if (!fd_.ok()) fd_ = Fd(inotify_init1(IN_CLOEXEC | IN_NONBLOCK));
  constexpr uint32_t kEvents = IN_CREATE | IN_DELETE | IN_MOVE |
                               IN_DELETE_SELF | IN_MOVE_SELF | IN_ONLYDIR;
  // The directory first: a file that is made meanwhile is an event of it.
  complete_ = fd_.ok() &&
              inotify_add_watch(fd_.get(), path_.c_str(), kEvents) >= 0 &&
              WatchFile(kStateLog) && WatchFile(kStateGeneration);
}

bool StateWatch::TakeChanged() {
  if (!complete_) {
    // Whatever is done from here on is queued.
    Begin();
    return true;
  }
  bool changed = false;
  alignas(inotify_event) char events[4096];
  ssize_t n;
  while ((n = read(fd_.get(), events, sizeof(events))) > 0) {
    changed = true;
    for (ssize_t at = 0; at < n;) {
      inotify_event event;
      memcpy(&event, events + at, sizeof(event));
      // A file has come or gone, or events are lost.
      if ((event.mask & IN_MODIFY) == 0) complete_ = false;
      at += static_cast<ssize_t>(sizeof(event)) + event.len;
    }
  }
  if (!complete_) Begin();
  return changed;
}

}  // namespace dmdax
