// SPDX-License-Identifier: Apache-2.0
//
// CompileAll: compiles the maps of devices that got their tables all at once,
// as those of a restored snapshot do.
//
//   CompileAll(restored);   // each after those below it
//
// Mirrors nothing: the kernel compiles nothing.  Threading: the caller holds
// the lock of DmCtl.
#ifndef DMDAX_DM_COMPILE_ORDER_H_
#define DMDAX_DM_COMPILE_ORDER_H_

#include "absl/types/span.h"
#include "dm/mapped_device.h"

namespace dmdax {

void CompileAll(absl::Span<MappedDevice* const> devices);

}  // namespace dmdax

#endif  // DMDAX_DM_COMPILE_ORDER_H_
