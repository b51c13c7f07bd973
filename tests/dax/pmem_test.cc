// SPDX-License-Identifier: Apache-2.0
#include "dax/pmem.h"

#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <fstream>
#include <iterator>

#include "base/fd.h"
#include "dax/pmem_file.h"
#include "tests/testing.h"

namespace dmdax {
namespace {

using testing::HasSubstr;

PmemOptions Options() {
  PmemOptions o;
  o.name = "pmem0";
  o.base = 0x100000000;
  o.size = 1 << 20;
  return o;
}

std::unique_ptr<PmemDevice> Make(const PmemOptions& options,
                                 absl::string_view kernel = "v6_1") {
  auto pmem = PmemDevice::Create(**FindKernelProfile(kernel), options);
  EXPECT_THAT(pmem, IsOk());
  return *std::move(pmem);
}

DaxAccess Ask(PmemDevice& pmem, uint64_t pgoff, int64_t nr,
              DaxAccessMode mode = DaxAccessMode::kAccess) {
  return DaxDirectAccess(&pmem.dax_dev(), pgoff_t{pgoff}, nr, mode, nullptr);
}

TEST(PmemTest, EverythingToTheEndIsOneRun) {
  auto pmem = Make(Options());
  EXPECT_EQ(pmem->nr_sectors(), 2048u);
  EXPECT_EQ(
      pmem->DirectAccess(pgoff_t{0}, 1, DaxAccessMode::kAccess, nullptr).ret,
      256);
  EXPECT_EQ(Ask(*pmem, 0, 512).ret, 256);
  EXPECT_EQ(Ask(*pmem, 255, 512).ret, 1);
  EXPECT_EQ(Ask(*pmem, 255, 512).pfn, pfn_t{0x1000ff});
  EXPECT_EQ(Ask(*pmem, 0, 1).pfn_flags, PFN_DEV | PFN_MAP);
}

TEST(PmemTest, AtTheEndERANGEBeyondItGarbage) {
  auto pmem = Make(Options());
  EXPECT_EQ(Ask(*pmem, 256, 1).ret, -ERANGE);
  // The kernel's subtraction wraps: callers bound.
  EXPECT_EQ(Ask(*pmem, 257, 8).ret, 8);
}

TEST(PmemTest, DataOffsetShiftsPagesNotSectors) {
  PmemOptions o = Options();
  o.data_offset = 0x10000;
  auto pmem = Make(o);
  EXPECT_EQ(pmem->nr_sectors(), 2048u - 128);
  EXPECT_EQ(Ask(*pmem, 0, 512).pfn, pfn_t{0x100010});
  EXPECT_EQ(Ask(*pmem, 0, 512).ret, 240);
  pmem->SetBadblocks(sector_t{0}, 8);  // the first page of the data
  EXPECT_EQ(Ask(*pmem, 0, 1).ret, -EIO);
  EXPECT_EQ(Ask(*pmem, 1, 1).ret, 1);
}

TEST(PmemTest, ARawNamespaceHasNoPages) {
  PmemOptions o = Options();
  o.has_pages = false;
  EXPECT_EQ(Ask(*Make(o), 0, 1).pfn_flags, PFN_DEV);
}

TEST(PmemTest, PoisonInTheWindow) {
  auto pmem = Make(Options());
  pmem->SetBadblocks(sector_t{20}, 1);  // in page 2
  EXPECT_EQ(Ask(*pmem, 0, 2).ret, 2);
  EXPECT_EQ(Ask(*pmem, 0, 3).ret, -EIO);
  EXPECT_EQ(Ask(*pmem, 2, 1).ret, -EIO);
  EXPECT_EQ(Ask(*pmem, 3, 1).ret, 1);
  // A clean window on a device with poison gives what was asked, no more.
  EXPECT_EQ(
      pmem->DirectAccess(pgoff_t{3}, 5, DaxAccessMode::kAccess, nullptr).ret,
      5);
  EXPECT_EQ(Ask(*Make(Options(), "v6_12"), 0, 1).ret, 1);
  auto newer = Make(Options(), "v6_12");
  newer->SetBadblocks(sector_t{0}, 1);
  EXPECT_EQ(Ask(*newer, 0, 1).ret, -EHWPOISON);
}

TEST(PmemTest, RecoveryGetsThePagesUpToThePoison) {
  auto pmem = Make(Options());
  pmem->SetBadblocks(sector_t{20}, 1);
  constexpr auto kRecovery = DaxAccessMode::kRecoveryWrite;
  // 20 sectors are 2.5 pages; the kernel rounds up.
  EXPECT_EQ(Ask(*pmem, 0, 8, kRecovery).ret, 3);
  EXPECT_EQ(Ask(*pmem, 1, 8, kRecovery).ret, 2);
  EXPECT_EQ(Ask(*pmem, 2, 8, kRecovery).ret, 1);
  pmem->SetBadblocks(sector_t{16}, 8);
  EXPECT_EQ(Ask(*pmem, 2, 8, kRecovery).ret, 1) << "at least one";
}

TEST(PmemTest, WritesClearPoison) {
  PmemOptions o = Options();
  o.backing = PmemBacking::kAnonymous;
  auto pmem = Make(o);
  pmem->SetBadblocks(sector_t{8}, 16);
  EXPECT_EQ(DaxZeroPageRange(&pmem->dax_dev(), pgoff_t{1}, 1), 0);
  EXPECT_EQ(Ask(*pmem, 1, 1).ret, 1);
  const std::string page(4096, 'x');
  EXPECT_EQ(pmem->RecoveryWrite(pgoff_t{2}, 0, "short"), 0u);
  EXPECT_EQ(pmem->RecoveryWrite(pgoff_t{2}, 1, page), 0u);
  EXPECT_EQ(pmem->RecoveryWrite(pgoff_t{2}, 0, page), 4096u);
  EXPECT_TRUE(pmem->badblocks().empty());
  const DaxAccess a = Ask(*pmem, 2, 1);
  ASSERT_NE(a.kaddr, nullptr);
  EXPECT_EQ(memcmp(a.kaddr, page.data(), page.size()), 0);
}

TEST(PmemTest, AFilesBytesAreTheDevices) {
  const std::string path = testing::TempDir() + "/pmem.bytes";
  std::ofstream(path, std::ios::binary) << std::string(1 << 20, 'f');
  PmemOptions o = Options();
  o.backing = PmemBacking::kFile;
  o.file = path;
  auto pmem = Make(o);
  const DaxAccess a = Ask(*pmem, 5, 1);
  ASSERT_NE(a.kaddr, nullptr);
  EXPECT_EQ(*static_cast<char*>(a.kaddr), 'f');
  // The run of a page past the end is garbage; an address would be one too.
  EXPECT_EQ(Ask(*pmem, 257, 8).kaddr, nullptr);
  EXPECT_EQ(Ask(*pmem, uint64_t{1} << 50, 8).kaddr, nullptr);
  o.size = 2 << 20;
  EXPECT_THAT(PmemDevice::Create(DefaultKernelProfile(), o),
              HasErrno(EINVAL, HasSubstr("has only 1048576 bytes")));
  o.file = path + ".none";
  EXPECT_THAT(PmemDevice::Create(DefaultKernelProfile(), o),
              HasErrno(ENOENT, HasSubstr(".none")));
  unlink(path.c_str());
}

TEST(PmemTest, AFileHasWhatIsKept) {
  const std::string path = testing::TempDir() + "/pmem.kept";
  const std::string before(1 << 20, 'f');
  std::ofstream(path, std::ios::binary) << before;
  const auto in_file = [&] {
    std::ifstream in(path, std::ios::binary);
    return std::string(std::istreambuf_iterator<char>(in), {});
  };
  PmemOptions o = Options();
  o.backing = PmemBacking::kFile;
  o.file = path;
  auto pmem = Make(o);
  char* const page = static_cast<char*>(Ask(*pmem, 5, 1).kaddr);
  EXPECT_EQ(page[0], 'f');
  EXPECT_TRUE(PmemFile::Of(*pmem)->Written()->empty());
  page[1] = 'x';
  // A page that was written with what it had is as it was.
  page[3 * 4096] = 'f';
  EXPECT_EQ(*PmemFile::Of(*pmem)->Written(), std::vector<uint64_t>{5 * 4096});
  EXPECT_EQ(in_file(), before);

  const Fd fd(open(path.c_str(), O_RDWR | O_CLOEXEC));
  EXPECT_TRUE(PmemFile::Of(*pmem)->Keep(fd.get()).ok());
  std::string kept = before;
  kept[5 * 4096 + 1] = 'x';
  EXPECT_EQ(in_file(), kept);

  page[2] = 'y';
  EXPECT_EQ(in_file(), kept);
  EXPECT_TRUE(PmemFile::Of(*pmem)->Share(fd.get()).ok());
  page[3] = 'z';
  kept[5 * 4096 + 2] = 'y';
  kept[5 * 4096 + 3] = 'z';
  EXPECT_EQ(in_file(), kept);
  EXPECT_TRUE(PmemFile::Of(*pmem)->Written()->empty());
  unlink(path.c_str());
}

TEST(PmemTest, BadGeometryIsNamedWithWhatWouldDo) {
  struct Case {
    uint64_t base, size, offset;
    const char* message;
  };
  for (const Case& c : {
           Case{1, 4096, 0, "nearest are 0 and 4096"},
           Case{4096, 5000, 0, "nearest are 4096 and 8192"},
           // The nearest would do themselves, and no number wraps.
           Case{4096, 1, 0,
                "size 1: not a multiple of 4096 bytes; nearest is "
                "4096"},
           Case{4096, 1, 8192, "nearest is 12288"},
           Case{uint64_t{4} << 30, ~uint64_t{0}, 0,
                "nearest is 4503595332403200"},
           Case{~uint64_t{4095}, 2 << 20, 0,
                "base 18446744073709547520: physical addresses end at 2^52; "
                "nearest is 4503599625273344"},
           Case{4096, 8192, ~uint64_t{4095},
                "data_offset 18446744073709547520"},
           Case{4096, 8192, 1, "data_offset 1"},
           Case{4096, 0, 0, "one page (4096) is needed"},
           Case{4096, 8192, 8192, "one page (12288) is needed"},
           Case{uint64_t{1} << 52, 4096, 0, "end at 2^52"},
           Case{(uint64_t{1} << 52) - 4096, 8192, 0, "end at 2^52"},
           Case{4096, ~uint64_t{4095}, 0, "end at 2^52"},
       }) {
    PmemOptions o = Options();
    o.base = c.base;
    o.size = c.size;
    o.data_offset = c.offset;
    EXPECT_THAT(PmemDevice::Create(DefaultKernelProfile(), o),
                HasErrno(EINVAL, HasSubstr(c.message)));
  }
}

TEST(PmemTest, TracesItsStepAndWhoClipped) {
  auto pmem = Make(Options());
  Trace trace;
  DaxDirectAccess(&pmem->dax_dev(), pgoff_t{255}, 8, DaxAccessMode::kAccess,
                  &trace);
  ASSERT_EQ(trace.steps().size(), 1u);
  EXPECT_EQ(trace.steps()[0].clip, RunClip::kDeviceEnd);
  EXPECT_EQ(trace.steps()[0].nr_pages, 8);
  EXPECT_EQ(trace.steps()[0].ret, 1);
}

TEST(PmemTest, FlagsOfTheDaxDevice) {
  PmemOptions o = Options();
  EXPECT_TRUE(Make(o)->dax_dev().synchronous());
  EXPECT_TRUE(Make(o)->dax_dev().write_cache());
  o.synchronous = o.write_cache = false;
  EXPECT_FALSE(Make(o)->dax_dev().synchronous());
  EXPECT_FALSE(Make(o)->dax_dev().write_cache());
}

}  // namespace
}  // namespace dmdax
