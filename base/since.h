// SPDX-License-Identifier: Apache-2.0
//
// Since: a value that releases changed, as a table of data.
//
//   constexpr Since<uint32_t> kMaxWords[] = {{k4_14, 6}, {k5_10, 8}};
//   ValueAt<uint32_t>(kMaxWords, k4_14);              // 6
//   ValueAt<uint32_t>(kMaxWords, KernelRelease{6, 1});  // 8
//
// For what a table line may contain: words, counts, names.  What a kernel does
// differently is a named behaviour of its profile instead.
// Threading: constants.
#ifndef DMDAX_BASE_SINCE_H_
#define DMDAX_BASE_SINCE_H_

#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "base/kernel_release.h"

namespace dmdax {

template <typename T>
struct Since {
  KernelRelease since;
  T value;
};

// The value of the last entry that is not newer than `release`; T{} if there
// is none.  Entries are ordered, oldest first.
template <typename T>
constexpr T ValueAt(absl::Span<const Since<T>> history, KernelRelease release) {
  T value{};
  for (const Since<T>& entry : history) {
    if (entry.since <= release) value = entry.value;
  }
  return value;
}

// A word that tables may contain from one release on, and before another.
struct WordSince {
  absl::string_view word;
  KernelRelease since;
  KernelRelease until{~0u, ~0u};

  constexpr bool In(KernelRelease release) const {
    return since <= release && release < until;
  }
};

}  // namespace dmdax

#endif  // DMDAX_BASE_SINCE_H_
