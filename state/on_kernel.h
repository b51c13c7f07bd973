// SPDX-License-Identifier: Apache-2.0
//
// The machine of a World, under a kernel that somebody asks about: what
// LoadWorld() loads for it.
//
// What the World's own kernel refuses although the machine has it is left out
// of it by an import (Guess::refused_by).  Another kernel may take that: it is
// asked with all that the machine shows.
// Threading: pure functions.
#ifndef DMDAX_STATE_ON_KERNEL_H_
#define DMDAX_STATE_ON_KERNEL_H_

#include <string>

#include "state/world.pb.h"

namespace dmdax {

// `kernel` is a name of World::kernel; "" keeps the World as it is.  A World of
// a release (World::release) is of none afterwards.
proto::World OnKernel(proto::World world, const std::string& kernel);

}  // namespace dmdax

#endif  // DMDAX_STATE_ON_KERNEL_H_
