// SPDX-License-Identifier: Apache-2.0
//
// ChooseDoor: through which door a program sees the machine.
//
//   ChooseDoor("dmsetup");    // Door::kBoth: it is linked with glibc
//   ChooseDoor("./client");   // Door::kNotify: it is static, or Go's
//
// As RunsAlone() says.
// Threading: thread-safe.
#ifndef DMDAX_RUN_CHOOSE_DOOR_H_
#define DMDAX_RUN_CHOOSE_DOOR_H_

#include <string>

namespace dmdax {

enum class Door {
  kPreload,  // a library in front of libc
  kNotify,   // a supervisor that the kernel asks about system calls
  kBoth,     // the library, which has a supervisor for who is without it
};

Door ChooseDoor(const std::string& program);

}  // namespace dmdax

#endif  // DMDAX_RUN_CHOOSE_DOOR_H_
