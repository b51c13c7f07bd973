// SPDX-License-Identifier: Apache-2.0
//
// SimdLevel: which vector instructions a function may use.
//
//   Translate(BestSimd(), pages);         // what this processor has
//   Translate(SimdLevel::kPlain, pages);  // what tests compare with
//
// Such functions are compiled once for each level, and which one runs is
// decided when the program does, never by -march.
// Threading: thread-safe.
#ifndef DMDAX_BASE_SIMD_H_
#define DMDAX_BASE_SIMD_H_

namespace dmdax {

// What the processor and its operating system can do, ascending.  AVX-512 is
// F, VL and DQ; the last level has IFMA as well (multiplies 52-bit numbers).
enum class SimdLevel { kPlain, kAvx2, kAvx512, kAvx512Ifma };

// The highest level of this machine.
SimdLevel BestSimd();

}  // namespace dmdax

#endif  // DMDAX_BASE_SIMD_H_
