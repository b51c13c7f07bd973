// SPDX-License-Identifier: Apache-2.0
//
// The bytes of an ext2, ext3 or ext4 file system: an answer or an error, and no
// file has a block that the device does not have.
//
// An input is the size of the device in KiB (4 bytes), then what is not zero:
// where (4 bytes), how much (2 bytes) and the bytes.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>

#include "process/scan/ext_scan.h"
#include "tests/fuzz/fuzz_machine.h"
#include "tests/fuzz/reader.h"

namespace {

constexpr uint64_t kMostKiB = 8 << 10;

std::string Image(dmdax::fuzz::Reader& in) {
  std::string image((in.U32() % kMostKiB + 1) << 10, '\0');
  while (!in.empty()) {
    const uint64_t at = in.U32() % image.size();
    const std::string bytes = in.Text(in.Number(2));
    image.replace(at, std::min(bytes.size(), image.size() - at), bytes, 0,
                  image.size() - at);
  }
  return image;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  dmdax::fuzz::Reader in(data, size);
  const std::string image = Image(in);
  const absl::StatusOr<dmdax::ScannedFileSystem> fs = dmdax::ScanExt(
      "image", image.size(), [&](uint64_t at, absl::Span<char> bytes) {
        dmdax::fuzz::Check(at <= image.size() &&
                           bytes.size() <= image.size() - at);
        image.copy(bytes.data(), bytes.size(), at);
        return absl::OkStatus();
      });
  if (!fs.ok()) {
    dmdax::fuzz::Check(!fs.status().message().empty());
    return 0;
  }
  const auto inside = [&](uint64_t start, uint64_t length) {
    return length > 0 && start <= image.size() &&
           length <= image.size() - start;
  };
  for (const dmdax::ScannedFile& file : fs->files) {
    dmdax::fuzz::Check(file.inode != 0 && !file.options.name.empty());
    for (const dmdax::FileExtent& e : file.options.extents) {
      dmdax::fuzz::Check(inside(e.physical, e.length));
    }
  }
  for (const dmdax::ByteRange& used : fs->used) {
    dmdax::fuzz::Check(inside(used.start, used.length));
  }
  return 0;
}
