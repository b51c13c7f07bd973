// SPDX-License-Identifier: Apache-2.0
//
// LookAgain: looks at the state again and again while its owner blocks in a
// system call, which that look may end.
//
//   LookAgain again([&] { if (Done()) write(fd, ...); });
//   read(fd, ...);  // signals end or restart it, as they would end the ioctl
//
// The looking is a thread's, which takes no signals, so that the kernel's own
// rules say whose call a signal ends.
#ifndef DMDAX_TOOLS_PRELOAD_LOOK_AGAIN_H_
#define DMDAX_TOOLS_PRELOAD_LOOK_AGAIN_H_

#include <pthread.h>
#include <semaphore.h>

#include <functional>

namespace dmdax::preload {

class LookAgain {
 public:
  explicit LookAgain(std::function<void()> look);
  // Waits until the last look is over.
  ~LookAgain();
  LookAgain(const LookAgain&) = delete;
  LookAgain& operator=(const LookAgain&) = delete;

  // False: there is no memory for a thread.
  bool ok() const { return ok_; }

 private:
  static void* Run(void* self);

  const std::function<void()> look_;
  sem_t over_;
  pthread_t thread_;
  bool ok_ = false;
};

}  // namespace dmdax::preload

#endif  // DMDAX_TOOLS_PRELOAD_LOOK_AGAIN_H_
