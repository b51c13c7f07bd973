// SPDX-License-Identifier: Apache-2.0
//
// Bytes that outlive their process: what is in the file, what is in front of
// it, and what is not written anew.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <map>
#include <memory>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/errno_status.h"
#include "block/disk_bytes.h"
#include "block/disk_files.h"
#include "tests/testing.h"

namespace dmdax {
namespace {

using Writes = DiskFiles::Writes;
using KeepHow = DiskBytes::KeepHow;

// Files in memory.
class FakeFiles final : public DiskFiles {
 public:
  absl::StatusOr<NewFile> Make() override {
    if (full) return ErrnoError(ENOSPC, "full");
    std::string name = absl::StrCat("f", files.size());
    if (broken) return NewFile{name, Fd(open("/dev/null", O_RDONLY))};
    files[name] = Fd(memfd_create("file", MFD_CLOEXEC));
    return NewFile{name, Fd(dup(files[name].get()))};
  }
  absl::StatusOr<Fd> Open(const std::string& name) override {
    ++opened;
    if (!files.contains(name)) return ErrnoError(ENOENT, "no such file");
    return Fd(dup(files[name].get()));
  }
  void Remove(const std::string& name) override {
    removed = name;
    files.erase(name);
  }
  absl::Status SyncNames() override {
    ++synced;
    return absl::OkStatus();
  }
  std::string ContentOf(const std::string& name, uint64_t size) {
    std::string content(size, '\0');
    EXPECT_GE(pread(files[name].get(), content.data(), size, 0), 0);
    return content;
  }

  std::map<std::string, Fd> files;
  bool full = false, broken = false;
  std::string removed;
  int opened = 0, synced = 0;
};

class KeptBytesTest : public testing::Test {
 protected:
  static void Write(DiskBytes& bytes, uint64_t sector, const std::string& in) {
    ASSERT_THAT(bytes.Write(sector_t(sector), in), IsOk());
  }
  static std::string Read(const DiskBytes& bytes, uint64_t sector,
                          uint64_t sectors) {
    std::string out(sectors * kSectorSize, '?');
    EXPECT_THAT(
        bytes.Read(sector_t(sector), absl::MakeSpan(out.data(), out.size())),
        IsOk());
    return out;
  }
  // A disk that has a file, of `size` bytes of 'a'.
  void Begin(DiskBytes& bytes, uint64_t size = 1 << 20) {
    bytes.set_files(files_);
    Write(bytes, 0, std::string(size, 'a'));
    ASSERT_THAT(bytes.Keep(files_, KeepHow::kSynced), IsOk());
    ASSERT_NE(bytes.kept_name(), "");
  }

  std::shared_ptr<FakeFiles> files_ = std::make_shared<FakeFiles>();
};

TEST_F(KeptBytesTest, FewBytesNeedNoFile) {
  DiskBytes bytes;
  bytes.set_files(files_);
  Write(bytes, 8, std::string(8192, 'x'));
  ASSERT_THAT(bytes.Keep(files_, KeepHow::kSynced), IsOk());
  EXPECT_EQ(bytes.kept_name(), "");
  EXPECT_EQ(bytes.Pages().size(), 2u);
  EXPECT_TRUE(files_->files.empty());
}

// Each way in which a byte becomes another is noted, once until it is kept.
TEST_F(KeptBytesTest, ChangesAreNoted) {
  constexpr auto kState = ChangedDevices::Reader::kState;
  const DevT dev{8, 0};
  ChangedDevices changed;
  changed.Take(kState);
  const auto noted = [&] {
    const auto taken = changed.Take(kState);
    return taken && taken->devices.contains(dev);
  };
  DiskBytes bytes;
  bytes.set_changed(&changed, dev);
  Begin(bytes);
  EXPECT_TRUE(noted());
  EXPECT_FALSE(noted());
  const auto keep = [&] {
    ASSERT_THAT(bytes.Keep(files_, KeepHow::kWritten), IsOk());
  };
  keep();
  Write(bytes, 0, std::string(512, 'b'));
  Write(bytes, 8, std::string(512, 'b'));
  EXPECT_TRUE(noted());
  Write(bytes, 9, std::string(512, 'b'));
  EXPECT_FALSE(noted()) << "not kept yet";
  keep();
  ASSERT_THAT(bytes.Zero(sector_t{0}, 1), IsOk());
  EXPECT_TRUE(noted());
  keep();
  Read(bytes, 0, 1);
  EXPECT_FALSE(noted());
  files_->set_writes(Writes::kToFile);
  EXPECT_TRUE(bytes.File(sector_t{0}, 8).has_value());
  EXPECT_TRUE(noted()) << "who has the file writes there";
  keep();
  bytes.UseFile(Fd(), 0, DiskBytes::FileSize::kGrows);
  EXPECT_TRUE(noted());
}

TEST_F(KeptBytesTest, ManyGoToOne) {
  DiskBytes bytes;
  Begin(bytes);
  EXPECT_EQ(files_->ContentOf(bytes.kept_name(), 1 << 20),
            std::string(1 << 20, 'a'));
  EXPECT_EQ(files_->synced, 1) << "its name is remembered now";
  DiskBytes next;
  next.set_files(files_);
  next.UseKept(bytes.kept_name());
  EXPECT_EQ(files_->opened, 0) << "nobody has asked";
  EXPECT_EQ(Read(next, 7, 3), std::string(1536, 'a'));
  EXPECT_EQ(Read(next, 2047, 2),
            std::string(512, 'a') + std::string(512, '\0'));
}

TEST_F(KeptBytesTest, AFileThatWasCutIsNotReadAsZeros) {
  DiskBytes bytes;
  Begin(bytes);
  files_->set_writes(DiskFiles::Writes::kToFile);
  Write(bytes, 4096, "x" + std::string(511, '\0'));
  ASSERT_THAT(bytes.Keep(files_, KeepHow::kWritten), IsOk());
  const uint64_t length = bytes.kept_length();
  EXPECT_EQ(length, 4097u * kSectorSize);
  for (const uint64_t missing : {uint64_t{0}, uint64_t{1}}) {
    ASSERT_EQ(ftruncate(files_->files[bytes.kept_name()].get(),
                        static_cast<off_t>(length - missing)),
              0);
    DiskBytes next;
    next.set_files(files_);
    next.UseKept(bytes.kept_name(), length);
    std::string sector(512, '?');
    const absl::Status read =
        next.Read(sector_t{0}, absl::MakeSpan(sector.data(), sector.size()));
    if (missing == 0) {
      EXPECT_THAT(read, IsOk());
      continue;
    }
    EXPECT_THAT(read, HasErrno(EIO));
    EXPECT_EQ(read.message(), absl::StrCat("a disk's file '", bytes.kept_name(),
                                           "' has been cut: it has 2097663 of "
                                           "2097664 bytes"));
    EXPECT_THAT(next.Write(sector_t{0}, sector), HasErrno(EIO));
  }
}

TEST_F(KeptBytesTest, InFrontOfTheFile) {
  DiskBytes bytes;
  Begin(bytes);
  Write(bytes, 1, std::string(512, 'b'));
  ASSERT_THAT(bytes.Zero(sector_t{4}, 2), IsOk());
  const std::string want = std::string(512, 'a') + std::string(512, 'b') +
                           std::string(1024, 'a') + std::string(1024, '\0') +
                           std::string(1024, 'a');
  EXPECT_EQ(Read(bytes, 0, 8), want);
  EXPECT_EQ(files_->ContentOf(bytes.kept_name(), 4096), std::string(4096, 'a'));
  ASSERT_THAT(bytes.Keep(files_, KeepHow::kWritten), IsOk());
  EXPECT_EQ(files_->ContentOf(bytes.kept_name(), 4096), want);
  files_->set_writes(Writes::kToFile);
  Write(bytes, 2, std::string(512, 'c'));
  EXPECT_EQ(files_->ContentOf(bytes.kept_name(), 2048).substr(1024, 512),
            std::string(512, 'c'));
  EXPECT_EQ(Read(bytes, 2, 1), std::string(512, 'c'));
}

TEST_F(KeptBytesTest, ADiscardOfABigDiskTakesNoMemory) {
  DiskBytes bytes;
  Begin(bytes);
  const uint64_t big = uint64_t{1} << 31;  // sectors
  ASSERT_THAT(bytes.Zero(sector_t{0}, big), IsOk());
  EXPECT_EQ(Read(bytes, 0, 2048), std::string(1 << 20, '\0'));
  ASSERT_THAT(bytes.Keep(files_, KeepHow::kSynced), IsOk());
  EXPECT_EQ(files_->ContentOf(bytes.kept_name(), 1 << 20),
            std::string(1 << 20, '\0'));
}

// What has no file goes to one at once, when writes do.
TEST_F(KeptBytesTest, ANewFileInTheMiddle) {
  DiskBytes bytes;
  bytes.set_files(files_);
  files_->set_writes(Writes::kToFile);
  Write(bytes, 0, std::string(4096, 'x'));
  EXPECT_EQ(bytes.kept_name(), "");
  Write(bytes, 8, std::string(1 << 20, 'y'));
  ASSERT_NE(bytes.kept_name(), "");
  EXPECT_EQ(files_->synced, 0);
  ASSERT_THAT(bytes.Keep(files_, KeepHow::kWritten), IsOk());
  EXPECT_EQ(files_->synced, 1) << "before anybody remembers its name";
  EXPECT_EQ(files_->ContentOf(bytes.kept_name(), 8192),
            std::string(4096, 'x') + std::string(4096, 'y'));
}

TEST_F(KeptBytesTest, NoRoomForAFile) {
  DiskBytes bytes;
  bytes.set_files(files_);
  files_->full = true;
  files_->set_writes(Writes::kToFile);
  Write(bytes, 0, std::string(1 << 20, 'y'));
  EXPECT_THAT(bytes.Keep(files_, KeepHow::kWritten), HasErrno(ENOSPC));
  EXPECT_EQ(Read(bytes, 0, 1), std::string(512, 'y'));
  files_->full = false;
  files_->broken = true;
  EXPECT_THAT(bytes.Keep(files_, KeepHow::kWritten), HasErrno(EIO));
  EXPECT_EQ(files_->removed, "f0");
  files_->broken = false;
  EXPECT_THAT(bytes.Keep(files_, KeepHow::kWritten), IsOk());
  EXPECT_EQ(files_->ContentOf(bytes.kept_name(), 1), "y");
}

TEST_F(KeptBytesTest, AFileThatIsMissing) {
  DiskBytes bytes;
  bytes.set_files(files_);
  bytes.UseKept("f7");
  std::vector<char> sector(512);
  EXPECT_THAT(bytes.Read(sector_t{0}, absl::MakeSpan(sector)), HasErrno(EIO));
  EXPECT_THAT(bytes.Write(sector_t{0}, sector), HasErrno(EIO));
  EXPECT_THAT(bytes.Zero(sector_t{0}, 1), HasErrno(EIO));
  EXPECT_TRUE(bytes.Pages().empty());
  EXPECT_EQ(bytes.kept_name(), "f7");
}

// Against bytes in an array, whatever is done between a write and a read.
TEST_F(KeptBytesTest, RandomOrders) {
  constexpr uint64_t kSectors = 4096;
  for (uint32_t seed = 1; seed <= 20; ++seed) {
    SCOPED_TRACE(seed);
    std::mt19937 random(seed);
    files_ = std::make_shared<FakeFiles>();
    auto bytes = std::make_unique<DiskBytes>();
    bytes->set_files(files_);
    std::string model(kSectors * kSectorSize, '\0');
    for (int step = 0; step < 300; ++step) {
      const uint64_t at = random() % kSectors;
      const uint64_t most = random() % 8 == 0 ? 700 : 12;
      const uint64_t n = 1 + random() % std::min(most, kSectors - at);
      switch (random() % 6) {
        case 0:
        case 1: {
          const std::string in(n * kSectorSize,
                               static_cast<char>(random() % 3 * 40));
          Write(*bytes, at, in);
          model.replace(at * kSectorSize, in.size(), in);
          break;
        }
        case 2:
          ASSERT_THAT(bytes->Zero(sector_t(at), n), IsOk());
          model.replace(at * kSectorSize, n * kSectorSize,
                        std::string(n * kSectorSize, '\0'));
          break;
        case 3:
          ASSERT_TRUE(Read(*bytes, at, n) ==
                      model.substr(at * kSectorSize, n * kSectorSize))
              << step;
          break;
        case 4: {
          ASSERT_THAT(bytes->Keep(files_, KeepHow::kWritten), IsOk());
          files_->set_writes(random() % 2 == 0 ? Writes::kToFile
                                               : Writes::kToMemory);
          break;
        }
        default: {
          // The next process.
          if (random() % 4 != 0) break;
          ASSERT_THAT(bytes->Keep(files_, KeepHow::kSynced), IsOk());
          files_->set_writes(Writes::kToMemory);
          auto next = std::make_unique<DiskBytes>();
          next->set_files(files_);
          const std::string name = bytes->kept_name();
          if (!name.empty()) next->UseKept(name);
          for (const auto& [page, in] : bytes->Pages()) {
            if (name.empty()) {
              Write(*next, page * kPageSectors,
                    std::string(in.begin(), in.end()));
            }
          }
          bytes = std::move(next);
        }
      }
    }
    ASSERT_TRUE(Read(*bytes, 0, kSectors) == model);
  }
}

}  // namespace
}  // namespace dmdax
