// SPDX-License-Identifier: Apache-2.0
#include "block/disk_bytes.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "absl/strings/str_cat.h"
#include "base/errno_status.h"

namespace dmdax {
namespace {

bool AllZeros(absl::Span<const char> bytes) {
  return bytes.empty() ||
         (bytes[0] == 0 &&
          memcmp(bytes.data(), bytes.data() + 1, bytes.size() - 1) == 0);
}

absl::Status FileError(const char* what) {
  return ErrnoError(
      EIO, absl::StrCat(what, " of a disk's file: ", ErrnoText(errno)));
}

// Cuts `count` bytes from byte `at` on at the ends of pages.
template <typename Fn>
void ForEachPage(uint64_t at, uint64_t count, const Fn& fn) {
  for (uint64_t done = 0; done < count;) {
    const uint64_t byte = at + done;
    const uint64_t in_page = byte % kPageSize;
    const uint64_t n = std::min(kPageSize - in_page, count - done);
    fn(byte / kPageSize, in_page, done, n);
    done += n;
  }
}

}  // namespace

void DiskBytes::ReadPages(sector_t sector, absl::Span<char> out) const {
  ForEachPage(ByteOf(sector), out.size(),
              [&](uint64_t page, size_t in_page, size_t done,
                  size_t n) ABSL_NO_THREAD_SAFETY_ANALYSIS {
                auto found = pages_.find(page);
                if (found == pages_.end()) {
                  memset(out.data() + done, 0, n);
                } else {
                  memcpy(out.data() + done, found->second.data() + in_page, n);
                }
              });
}

void DiskBytes::WritePages(sector_t sector, absl::Span<const char> in) {
  ForEachPage(ByteOf(sector), in.size(),
              [&](uint64_t page, size_t in_page, size_t done, size_t n)
                  ABSL_NO_THREAD_SAFETY_ANALYSIS {
                    auto found = pages_.find(page);
                    if (found == pages_.end()) {
                      // Zeros are there already.
                      if (AllZeros(in.subspan(done, n))) return;
                      found = pages_.emplace(page, Page{}).first;
                    }
                    memcpy(found->second.data() + in_page, in.data() + done, n);
                  });
}

absl::Status DiskBytes::ReadFile(uint64_t at, absl::Span<char> out) const {
  while (!out.empty()) {
    const ssize_t n =
        pread(file_.get(), out.data(), out.size(), static_cast<off_t>(at));
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return FileError("read");
    if (n == 0) break;
    at += static_cast<uint64_t>(n);
    out.remove_prefix(static_cast<size_t>(n));
  }
  // Behind the end of the file.
  if (!out.empty()) memset(out.data(), 0, out.size());
  return absl::OkStatus();
}

absl::Status DiskBytes::WriteFile(uint64_t at, absl::Span<const char> in) {
  absl::Status s = absl::OkStatus();
  while (!in.empty()) {
    const ssize_t n =
        pwrite(file_.get(), in.data(), in.size(), static_cast<off_t>(at));
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) {
      s = FileError("write");
      break;
    }
    at += static_cast<uint64_t>(n);
    in.remove_prefix(static_cast<size_t>(n));
  }
  // Not before: a sync in another thread may have come in between.
  dirty_ = true;
  return s;
}

absl::Status DiskBytes::Read(sector_t sector, absl::Span<char> out) const {
  if (absl::Status s = Reach(); !s.ok()) return s;
  absl::ReaderMutexLock lock(&mu_);
  if (overlaid()) return ReadOverlaid(ByteOf(sector), out);
  if (file_.ok()) return ReadFile(ByteOf(sector), out);
  ReadPages(sector, out);
  return absl::OkStatus();
}

absl::Status DiskBytes::Write(sector_t sector, absl::Span<const char> in) {
  absl::Status s = WriteBytes(sector, in);
  Note();
  return s;
}

absl::Status DiskBytes::Zero(sector_t sector, uint64_t sectors) {
  absl::Status s = ZeroBytes(sector, sectors);
  Note();
  return s;
}

absl::Status DiskBytes::WriteBytes(sector_t sector, absl::Span<const char> in) {
  if (absl::Status s = Reach(); !s.ok()) return s;
  {
    absl::ReaderMutexLock lock(&mu_);
    if (file_.ok() && !overlaid()) {
      // Who zeroes a disk does not want its memory.
      constexpr size_t kMany = 16 * kPageSize;
      const bool punch =
          kind_ != Kind::kSomebodys && in.size() >= kMany && AllZeros(in);
      return punch ? Punch(ByteOf(sector), in.size())
                   : WriteFile(ByteOf(sector), in);
    }
  }
  absl::MutexLock lock(&mu_);
  if (overlaid()) return WriteOverlaid(ByteOf(sector), in);
  const bool many = pages_.size() + in.size() / kPageSize > kMostPages;
  if (file_.ok() || (many && BecomeFile())) {
    return WriteFile(ByteOf(sector), in);
  }
  WritePages(sector, in);
  return absl::OkStatus();
}

absl::Status DiskBytes::ZeroBytes(sector_t sector, uint64_t sectors) {
  if (absl::Status s = Reach(); !s.ok()) return s;
  absl::MutexLock lock(&mu_);
  const uint64_t at = ByteOf(sector);
  const uint64_t count = sectors << kSectorShift;
  if (overlaid()) return ZeroOverlaid(at, count);
  if (file_.ok()) return Punch(at, count);
  const uint64_t end = at + count;
  for (auto it = pages_.lower_bound(at / kPageSize);
       it != pages_.end() && it->first * kPageSize < end;) {
    const uint64_t first = it->first * kPageSize;
    const uint64_t from = std::max(first, at) - first;
    const uint64_t to = std::min(first + kPageSize, end) - first;
    memset(it->second.data() + from, 0, to - from);
    it = AllZeros(it->second) ? pages_.erase(it) : std::next(it);
  }
  return absl::OkStatus();
}

absl::Status DiskBytes::Punch(uint64_t at, uint64_t count) {
  if (fallocate(file_.get(), FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
                static_cast<off_t>(at), static_cast<off_t>(count)) == 0) {
    dirty_ = true;
    return absl::OkStatus();
  }
  if (errno != EOPNOTSUPP) return FileError("punch");
  // A file system without holes.
  const std::vector<char> zeros(std::min<uint64_t>(count, 1 << 20));
  for (uint64_t done = 0; done < count;) {
    const uint64_t n = std::min<uint64_t>(count - done, zeros.size());
    absl::Status s = WriteFile(at + done, absl::MakeSpan(zeros).subspan(0, n));
    if (!s.ok()) return s;
    done += n;
  }
  return absl::OkStatus();
}

absl::Status DiskBytes::Sync() {
  // Another process may have written to it.
  if (absl::Status s = Reach(); !s.ok()) return s;
  absl::ReaderMutexLock lock(&mu_);
  if (kind_ == Kind::kMemory || !file_.ok()) return absl::OkStatus();
  dirty_ = false;
  if (fdatasync(file_.get()) == 0) return absl::OkStatus();
  dirty_ = true;
  return FileError("sync");
}

absl::Status DiskBytes::CopyPagesTo(int fd) const {
  for (const auto& [number, page] : pages_) {
    if (pwrite(fd, page.data(), page.size(),
               static_cast<off_t>(number * kPageSize)) !=
        static_cast<ssize_t>(page.size())) {
      return FileError("write");
    }
  }
  return absl::OkStatus();
}

bool DiskBytes::BecomeFile() {
  if (files_ != nullptr && files_->writes() == DiskFiles::Writes::kToFile) {
    // Keep() says what is wrong.
    if (MoveToNewFile().ok()) return true;
  }
  Fd fd(memfd_create("dmdax-disk", MFD_CLOEXEC));
  if (!fd.ok() || !CopyPagesTo(fd.get()).ok()) return false;
  file_ = std::move(fd);
  pages_.clear();
  return true;
}

void DiskBytes::UseFile(Fd fd, uint64_t offset, FileSize size) {
  absl::MutexLock lock(&mu_);
  kind_ = fd.ok() ? Kind::kSomebodys : Kind::kMemory;
  fixed_size_ = size == FileSize::kFixed;
  file_ = std::move(fd);
  file_offset_ = offset;
  pages_.clear();
  name_.clear();
  least_ = 0;
  Note();
}

std::optional<DiskBytes::FileRange> DiskBytes::File(sector_t sector,
                                                    uint64_t sectors,
                                                    IfMemory if_memory) {
  if (!Reach().ok()) return std::nullopt;
  absl::MutexLock lock(&mu_);
  if (overlaid()) return std::nullopt;
  if (!file_.ok() && (if_memory == IfMemory::kHasNone || !BecomeFile())) {
    return std::nullopt;
  }
  const uint64_t at = ByteOf(sector);
  struct stat st;
  if (fstat(file_.get(), &st) != 0) return std::nullopt;
  const uint64_t end = at + (sectors << kSectorShift);
  if (static_cast<uint64_t>(st.st_size) < end) {
    // Whoever reads the file itself finds all of the disk there.
    if (fixed_size_ || ftruncate(file_.get(), static_cast<off_t>(end)) != 0) {
      return std::nullopt;
    }
  }
  // Whoever asks may write there.
  dirty_ = true;
  Note();
  return FileRange{file_.get(), at};
}

std::vector<std::pair<uint64_t, std::vector<char>>> DiskBytes::Pages() const {
  std::vector<std::pair<uint64_t, std::vector<char>>> pages;
  if (!Reach().ok()) return pages;
  absl::ReaderMutexLock lock(&mu_);
  auto add = [&](uint64_t number, absl::Span<const char> page) {
    if (!AllZeros(page)) {
      pages.emplace_back(number, std::vector<char>(page.begin(), page.end()));
    }
  };
  for (const auto& [number, page] : pages_) add(number, page);
  if (kind_ == Kind::kSomebodys || !file_.ok()) return pages;
  off_t data = 0;
  std::vector<char> page(kPageSize);
  while ((data = lseek(file_.get(), data, SEEK_DATA)) >= 0) {
    const off_t hole = lseek(file_.get(), data, SEEK_HOLE);
    data -= data % static_cast<off_t>(kPageSize);
    for (; data < hole; data += kPageSize) {
      const uint64_t number = static_cast<uint64_t>(data) / kPageSize;
      if (pages_.contains(number)) continue;
      if (!ReadFile(static_cast<uint64_t>(data), absl::MakeSpan(page)).ok()) {
        return pages;
      }
      add(number, page);
    }
  }
  return pages;
}

}  // namespace dmdax
