// SPDX-License-Identifier: Apache-2.0
//
// ChooseDoor: through which door a program sees the machine.
//
//   ChooseDoor("dmsetup");    // Door::kPreload: it is linked with libc.so
//   ChooseDoor("./client");   // Door::kNotify: it is static, or Go's
//
// Looks at the file that execvp(3) would run; of a script, at its interpreter.
// What cannot be read is taken for the common case.
// Mirrors: elf(5); Go's note (cmd/internal/buildid).
// Threading: thread-safe.
#ifndef DMDAX_RUN_CHOOSE_DOOR_H_
#define DMDAX_RUN_CHOOSE_DOOR_H_

#include <string>

namespace dmdax {

enum class Door {
  kPreload,  // a library in front of libc
  kNotify,   // a supervisor that the kernel asks about system calls
};

Door ChooseDoor(const std::string& program);

}  // namespace dmdax

#endif  // DMDAX_RUN_CHOOSE_DOOR_H_
