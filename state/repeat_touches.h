// SPDX-License-Identifier: Apache-2.0
//
// RepeatTouches: what processes had touched, made again when a World is loaded.
//
//   RepeatTouches({{task, {{.address = at}}}}, user);
//
// Mirrors: nothing; the kernel keeps page tables.
// Threading: as UserSpace.
#ifndef DMDAX_STATE_REPEAT_TOUCHES_H_
#define DMDAX_STATE_REPEAT_TOUCHES_H_

#include <vector>

#include "process/task.h"
#include "process/user_space.h"

namespace dmdax {

// Of one process, at least one; messages are many times as large.
struct TaskTouches {
  Task* task;
  std::vector<TouchRecord> touches;
};

// Over all processes in the order of their numbers; of equal ones, and of those
// without (0), which get the next, in that in which they are given.
void RepeatTouches(std::vector<TaskTouches> all, UserSpace& user);

}  // namespace dmdax

#endif  // DMDAX_STATE_REPEAT_TOUCHES_H_
