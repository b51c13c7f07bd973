// SPDX-License-Identifier: Apache-2.0
#include "fs/extent_seams.h"

#include <algorithm>
#include <cstddef>

#include "iomap/continues.h"

namespace dmdax {

std::vector<ExtentSeam> SeamsOf(std::vector<FileExtent> listed) {
  std::sort(listed.begin(), listed.end(),
            [](const FileExtent& a, const FileExtent& b) {
              return a.logical < b.logical;
            });
  std::vector<ExtentSeam> seams;
  for (size_t i = 1; i < listed.size(); ++i) {
    const FileExtent& a = listed[i - 1];
    const FileExtent& b = listed[i];
    if (HasPlace(a.type) && Continues(a, b)) seams.push_back({a, b});
  }
  return seams;
}

}  // namespace dmdax
