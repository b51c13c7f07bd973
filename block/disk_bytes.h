// SPDX-License-Identifier: Apache-2.0
//
// DiskBytes: what a disk holds: zeros, until something is written.
//
//   DiskBytes bytes;
//   bytes.Write(sector_t{8}, std::vector<char>(512, 'x'));
//   std::vector<char> got(512);
//   bytes.Read(sector_t{8}, absl::MakeSpan(got));
//   got[0];  // 'x'
//
// Only what was written takes memory, so a blank disk of any size costs
// nothing.  A disk that holds little keeps it in pages; one that holds more, in
// a sparse file without a name.  The bytes may also be those of a file that
// somebody else has: a loop device's, or one that outlives the process.
//
// Whole sectors; the disk's size is its owner's business.  EIO: the file can
// not be read or written; of memory nothing fails.
// Threading: thread-safe.  A process that is killed leaves each sector of a
// file as it was before a write or as it is after.
#ifndef DMDAX_BLOCK_DISK_BYTES_H_
#define DMDAX_BLOCK_DISK_BYTES_H_

#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <utility>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/synchronization/mutex.h"
#include "absl/types/span.h"
#include "base/fd.h"
#include "base/units.h"

namespace dmdax {

class DiskBytes {
 public:
  absl::Status Read(sector_t sector, absl::Span<char> out) const;
  absl::Status Write(sector_t sector, absl::Span<const char> in);
  // Zeros that take no memory: a discard, or write-zeroes.
  absl::Status Zero(sector_t sector, uint64_t sectors);
  // Of a file: fdatasync(2).
  absl::Status Sync();

  // The pages that are not all zeros, by number, for a snapshot.  None of a
  // file that somebody else has.
  std::vector<std::pair<uint64_t, std::vector<char>>> Pages() const;

  // From now on the bytes are those of `fd` from byte `offset` on, whatever
  // they were before; behind the end of the file there are zeros, and nothing
  // is written there if `fixed_size`.  Without a descriptor: zeros in memory
  // again.
  enum class FileSize { kGrows, kFixed };
  void UseFile(Fd fd, uint64_t offset, FileSize size);
  // Copies what there is to `fd` first.
  absl::Status MoveTo(Fd fd);

  // The file that has sectors [sector, sector + sectors), and where; memory
  // becomes a file for it.  Nothing: there can be none.
  struct FileRange {
    int fd;  // as long as no other file is used
    uint64_t offset;
  };
  std::optional<FileRange> File(sector_t sector, uint64_t sectors);

 private:
  using Page = std::array<char, kPageSize>;
  // A file takes a descriptor, which a process has few of.
  static constexpr size_t kMostPages = 64;

  void ReadPages(sector_t sector, absl::Span<char> out) const
      ABSL_SHARED_LOCKS_REQUIRED(mu_);
  void WritePages(sector_t sector, absl::Span<const char> in)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  absl::Status ReadFile(uint64_t at, absl::Span<char> out) const
      ABSL_SHARED_LOCKS_REQUIRED(mu_);
  absl::Status WriteFile(uint64_t at, absl::Span<const char> in)
      ABSL_SHARED_LOCKS_REQUIRED(mu_);
  absl::Status Punch(uint64_t at, uint64_t count)
      ABSL_SHARED_LOCKS_REQUIRED(mu_);
  // False: there are no more descriptors.
  bool BecomeFile() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  absl::Status CopyPagesTo(int fd) const ABSL_SHARED_LOCKS_REQUIRED(mu_);
  uint64_t ByteOf(sector_t sector) const ABSL_SHARED_LOCKS_REQUIRED(mu_) {
    return file_offset_ + (sector.value() << kSectorShift);
  }

  mutable absl::Mutex mu_;
  std::map<uint64_t, Page> pages_ ABSL_GUARDED_BY(mu_);
  Fd file_ ABSL_GUARDED_BY(mu_);
  uint64_t file_offset_ ABSL_GUARDED_BY(mu_) = 0;
  bool fixed_size_ ABSL_GUARDED_BY(mu_) = false;
  bool is_memory_ ABSL_GUARDED_BY(mu_) = true;
};

}  // namespace dmdax

#endif  // DMDAX_BLOCK_DISK_BYTES_H_
