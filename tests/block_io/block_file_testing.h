// SPDX-License-Identifier: Apache-2.0
//
// OpensDevices: a fixture that opens block devices as a program does.
//
//   Open("d")->Fsync();
#ifndef DMDAX_TESTS_BLOCK_IO_BLOCK_FILE_TESTING_H_
#define DMDAX_TESTS_BLOCK_IO_BLOCK_FILE_TESTING_H_

#include <fcntl.h>

#include <memory>

#include "absl/strings/string_view.h"
#include "dm/io/block_file.h"
#include "tests/dm/target_testing.h"

namespace dmdax {

class OpensDevices : public TargetTest {
 protected:
  // A mapped device, or a disk.
  std::unique_ptr<BlockFile> Open(absl::string_view name, int flags = O_RDWR) {
    BlockDevice* bdev = ctl().FindDevice(name) != nullptr
                            ? &Md(name).disk()
                            : machine().FindBdevByName(name);
    absl::StatusOr<std::unique_ptr<BlockFile>> file =
        BlockFile::Open(ctl(), bdev->dev(), flags, "dd");
    EXPECT_THAT(file, IsOk());
    return *std::move(file);
  }
};

}  // namespace dmdax

#endif  // DMDAX_TESTS_BLOCK_IO_BLOCK_FILE_TESTING_H_
