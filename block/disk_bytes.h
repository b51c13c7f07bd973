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
// somebody else has, a loop device's; or of one that outlives the process
// (disk_files.h), which Keep() makes when there is much to keep.
//
// Whole sectors; the disk's size is its owner's business.  EIO: the file can
// not be opened, read or written; of memory nothing fails.
// Threading: thread-safe.  A process that is killed leaves each sector of a
// file as it was before a write or as it is after.
#ifndef DMDAX_BLOCK_DISK_BYTES_H_
#define DMDAX_BLOCK_DISK_BYTES_H_

#include <array>
#include <atomic>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "absl/types/span.h"
#include "base/dev_t.h"
#include "base/fd.h"
#include "base/units.h"
#include "block/changed_devices.h"
#include "block/disk_files.h"

namespace dmdax {

class DiskBytes {
 public:
  absl::Status Read(sector_t sector, absl::Span<char> out) const;
  absl::Status Write(sector_t sector, absl::Span<const char> in);
  // Zeros that take no memory: a discard, or write-zeroes.
  absl::Status Zero(sector_t sector, uint64_t sectors);
  // Of a file: fdatasync(2).
  absl::Status Sync();

  // The pages that are not all zeros, by number.  None of a file that somebody
  // else has.
  std::vector<std::pair<uint64_t, std::vector<char>>> Pages() const;

  // --- bytes that outlive the process ---

  // Where it notes that they are others; null, as at first: nowhere.  Once,
  // until they are kept.
  void set_changed(ChangedDevices* changed, DevT dev) {
    notes_.set(changed, dev);
    noted_ = false;
  }
  // Where there are files for them; null, as at first: nowhere.
  void set_files(std::shared_ptr<DiskFiles> files);
  // From now on the bytes are those of the file that set_files() has under this
  // name.  It is opened when a byte is asked for; one that is shorter than
  // `least` bytes has lost some, and all of it is EIO.
  void UseKept(std::string name, uint64_t least = 0);
  // That name; "": Pages() has all there is.
  std::string kept_name() const;
  // How long that file was when Keep() was done with it.
  uint64_t kept_length() const;
  // Sees to it that Pages() are few: more are written to a file, a new one of
  // `files` if there is none yet, as is what went to memory meanwhile.  `files`
  // are those of set_files(), or become so.
  // kSynced: and that the file survives a power cut, which a new one always
  // does before anybody remembers its name.
  enum class KeepHow { kWritten, kSynced };
  absl::Status Keep(const std::shared_ptr<DiskFiles>& files, KeepHow how);

  // From now on the bytes are those of `fd` from byte `offset` on, whatever
  // they were before; behind the end of the file there are zeros, and nothing
  // is written there if `fixed_size`.  Without a descriptor: zeros in memory
  // again.
  enum class FileSize { kGrows, kFixed };
  void UseFile(Fd fd, uint64_t offset, FileSize size);

  // The file that has sectors [sector, sector + sectors), and where; memory
  // becomes a file for it, or, for who only reads, has none.  Nothing: there is
  // none.
  enum class IfMemory { kBecomesFile, kHasNone };
  struct FileRange {
    int fd;  // as long as no other file is used
    uint64_t offset;
  };
  std::optional<FileRange> File(sector_t sector, uint64_t sectors,
                                IfMemory if_memory = IfMemory::kBecomesFile);

 private:
  using Page = std::array<char, kPageSize>;
  // A file takes a descriptor, which a process has few of.
  static constexpr size_t kMostPages = 64;
  // What is kept without a file is written anew whenever a byte of it changes.
  static constexpr size_t kMostKeptPages = 16;

  enum class Kind { kMemory, kSomebodys, kKept };

  // To be called after a byte has become another, or may from now on.
  void Note() {
    if (noted_.load(std::memory_order_relaxed)) return;
    noted_.store(true);
    notes_.Inside();
  }
  absl::Status WriteBytes(sector_t sector, absl::Span<const char> in);
  absl::Status ZeroBytes(sector_t sector, uint64_t sectors);
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

  // --- disk_bytes_kept.cc ---
  // Opens the file if that has not been done.
  absl::Status Reach() const ABSL_LOCKS_EXCLUDED(mu_);
  absl::Status ReachLocked() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  // Whether pages_ lie in front of the file.
  bool overlaid() const ABSL_SHARED_LOCKS_REQUIRED(mu_) {
    return kind_ == Kind::kKept &&
           files_->writes() == DiskFiles::Writes::kToMemory;
  }
  absl::Status ReadOverlaid(uint64_t at, absl::Span<char> out) const
      ABSL_SHARED_LOCKS_REQUIRED(mu_);
  absl::Status WriteOverlaid(uint64_t at, absl::Span<const char> in)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  absl::Status ZeroOverlaid(uint64_t at, uint64_t count)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  // The page in front of the file, as the file has it if it was not there.
  absl::StatusOr<Page*> OverlayPage(uint64_t number)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  // That the file has the bytes that it had; EIO.
  absl::Status CheckLength(const Fd& file) const
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  // Makes all that there is in memory a new file's.
  absl::Status MoveToNewFile() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  absl::Status CopyTo(int fd) const ABSL_SHARED_LOCKS_REQUIRED(mu_);

  DeviceNotes notes_;
  std::atomic<bool> noted_{false};
  mutable absl::Mutex mu_;
  std::map<uint64_t, Page> pages_ ABSL_GUARDED_BY(mu_);
  Kind kind_ ABSL_GUARDED_BY(mu_) = Kind::kMemory;
  mutable Fd file_ ABSL_GUARDED_BY(mu_);
  uint64_t file_offset_ ABSL_GUARDED_BY(mu_) = 0;
  bool fixed_size_ ABSL_GUARDED_BY(mu_) = false;
  std::shared_ptr<DiskFiles> files_ ABSL_GUARDED_BY(mu_);
  std::string name_ ABSL_GUARDED_BY(mu_);
  uint64_t least_ ABSL_GUARDED_BY(mu_) = 0;  // bytes that the file has
  // Nobody remembers its name yet.
  bool is_new_ ABSL_GUARDED_BY(mu_) = false;
  // Written since it was last synced, by this process.
  std::atomic<bool> dirty_{false};
};

}  // namespace dmdax

#endif  // DMDAX_BLOCK_DISK_BYTES_H_
