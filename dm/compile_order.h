// SPDX-License-Identifier: Apache-2.0
//
// CompileAll: the compiled maps of devices that got their tables all at once,
// as a restored snapshot's do.
//
//   CompileAll(restored);   // each after those below it
//
// Mirrors nothing: the kernel compiles nothing.  Threading: for the holder of
// DmCtl's lock.
#ifndef DMDAX_DM_COMPILE_ORDER_H_
#define DMDAX_DM_COMPILE_ORDER_H_

#include "absl/types/span.h"
#include "dm/mapped_device.h"

namespace dmdax {

void CompileAll(absl::Span<MappedDevice* const> devices);

}  // namespace dmdax

#endif  // DMDAX_DM_COMPILE_ORDER_H_
