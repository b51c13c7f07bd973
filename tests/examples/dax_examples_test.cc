// SPDX-License-Identifier: Apache-2.0
//
// The examples of dax/.
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/fd.h"
#include "base/kernel_profile.h"
#include "dax/badblocks.h"
#include "dax/dax_device.h"
#include "dax/dax_users.h"
#include "dax/device_dax.h"
#include "dax/pmem.h"
#include "dax/pmem_file.h"
#include "tests/examples/examples.h"

namespace dmdax {
namespace {

class DaxExamples : public testing::Test {
 protected:
  std::unique_ptr<PmemDevice> leaf =
      PmemDevice::Create(
          DefaultKernelProfile(),
          {.name = "pmem0", .base = 0x100000000, .size = 16 << 20})
          .value();
  DaxDevice* dev = &leaf->dax_dev();
};

TEST_F(DaxExamples, Badblocks) {
#include "tests/examples/dax/badblocks.inc"
  EXPECT_EQ(bb.ranges(), (std::map<uint64_t, uint64_t>{{16, 8}}));
}

TEST_F(DaxExamples, DaxAccess) {
  int64_t used = 0;
  const auto Use = [&](pfn_t, int64_t pages, void*) { used = pages; };
  const DaxAccessMode mode = DaxAccessMode::kAccess;
#include "tests/examples/dax/dax_access.inc"
  EXPECT_EQ(used, 512);
}

TEST_F(DaxExamples, DaxDevice) {
  int64_t used = 0;
  const auto Print = [&](pfn_t, int64_t pages) { used = pages; };
#include "tests/examples/dax/dax_device.inc"
  EXPECT_EQ(used, 512);
}

TEST_F(DaxExamples, DaxFastPath) {
  const DaxLeaf dax_leaf{.pfn = 0x100000};
  DaxFastPath fast_path;
  fast_path.shortcut = [](const DaxFastPath&, pgoff_t page, int64_t) {
    return DaxFrames{8, 0x100000 + page.value()};
  };
  fast_path.leaves = &dax_leaf;
  fast_path.nr_leaves = 1;
  const auto ask = [&](uint64_t page) -> DaxAccess {
#include "tests/examples/dax/dax_fast_path.inc"
    return DaxAccess::Error(ENXIO);
  };
  EXPECT_EQ(ask(7).pfn, pfn_t{0x100007});
  fast_path.window = {.pages = 64, .pfn = pfn_t{0x200000}};
  EXPECT_EQ(ask(7).pfn, pfn_t{0x200007});
}

TEST_F(DaxExamples, DaxPiece) {
  std::vector<DaxPiece> pieces;
  const uint64_t pages = 4096;
#include "tests/examples/dax/dax_piece.inc"
  ASSERT_EQ(pieces.size(), 1);
  EXPECT_EQ(pieces[0].pages, pages);
}

TEST_F(DaxExamples, DaxUsers) {
  const DaxDevice& dev = leaf->dax_dev();
#include "tests/examples/dax/dax_users.inc"
}

TEST_F(DaxExamples, DeviceDax) {
  const FaultProfile& faults = DefaultKernelProfile().fault;
  MemMap mem(faults);
  std::unique_ptr<DevDax> outlives;
  MmStruct mm(faults, mem);
#include "tests/examples/dax/device_dax.inc"
  EXPECT_EQ(mm.Touch(mm.vmas()[0]->vm_start, true).order, 9);
  outlives = *std::move(dax);
}

TEST_F(DaxExamples, Pmem){
#include "tests/examples/dax/pmem.inc"
}

TEST_F(DaxExamples, PmemFile) {
  const std::string path = testing::TempDir() + "/pmem_file.img";
  const Fd out(open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
  ASSERT_EQ(ftruncate(out.get(), 4 << 20), 0);
  std::unique_ptr<PmemDevice> pmem =
      PmemDevice::Create(DefaultKernelProfile(), {.name = "pmem1",
                                                  .base = 0x200000000,
                                                  .size = 4 << 20,
                                                  .backing = PmemBacking::kFile,
                                                  .file = path})
          .value();
  char* const bytes = static_cast<char*>(
      pmem->DirectAccess(pgoff_t{0}, 1, DaxAccessMode::kAccess, nullptr).kaddr);
  const int fd = out.get();
  char first = 0;
#include "tests/examples/dax/pmem_file.inc"
  EXPECT_EQ(pread(fd, &first, 1, 0), 1);
  EXPECT_EQ(first, 'x');
  unlink(path.c_str());
}

}  // namespace
}  // namespace dmdax
