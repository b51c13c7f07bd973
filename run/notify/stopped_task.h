// SPDX-License-Identifier: Apache-2.0
//
// StoppedTask: a task that is stopped behind the system call that it has made,
// and makes others for us before it goes on.
//
//   StoppedTask task(tid);      // while it waits for its answer
//   listener.Return(id, 7);     // the answer: it stops there
//   std::optional<int64_t> result = task.Result();   // 7, or it is gone
//   task.Call(SYS_close, 7);    // what it returns
//   task.SetResult(0);          // what it sees; goes on with the object's end
//
// Signals wait meanwhile.  A debugger that has the task already, or a kernel
// that forbids it, leaves it alone: ok() is false.
// Mirrors: ptrace(2).  Threading: all of it in one thread.
#ifndef DMDAX_RUN_NOTIFY_STOPPED_TASK_H_
#define DMDAX_RUN_NOTIFY_STOPPED_TASK_H_

#include <sys/types.h>

#include <cstdint>
#include <optional>

namespace dmdax::run {

class StoppedTask {
 public:
  explicit StoppedTask(pid_t tid);
  ~StoppedTask();
  StoppedTask(const StoppedTask&) = delete;
  StoppedTask& operator=(const StoppedTask&) = delete;

  bool ok() const { return attached_; }
  // Waits until it has stopped.
  std::optional<int64_t> Result();
  // A call with one argument.  Nothing: the task is gone.
  std::optional<int64_t> Call(int64_t number, uint64_t argument);
  void SetResult(int64_t result);

 private:
  bool WaitForStop() const;
  bool Step() const;

  const pid_t tid_;
  bool attached_ = false, masked_ = false;
  uint64_t mask_ = 0;
};

}  // namespace dmdax::run

#endif  // DMDAX_RUN_NOTIFY_STOPPED_TASK_H_
