// SPDX-License-Identifier: Apache-2.0
//
// Bytes that outlive the process: the file that has them, and the pages in
// front of it that are not to be seen by others yet.
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/errno_status.h"
#include "block/disk_bytes.h"

namespace dmdax {
namespace {

absl::Status FileError(absl::string_view what, absl::string_view name) {
  return ErrnoError(EIO, absl::StrCat(what, " of a disk's file '", name,
                                      "': ", ErrnoText(errno)));
}

}  // namespace

void DiskBytes::set_files(std::shared_ptr<DiskFiles> files) {
  absl::MutexLock lock(&mu_);
  files_ = std::move(files);
}

void DiskBytes::UseKept(std::string name, uint64_t least) {
  absl::MutexLock lock(&mu_);
  kind_ = Kind::kKept;
  name_ = std::move(name);
  least_ = least;
  is_new_ = fixed_size_ = false;
  file_ = Fd();
  file_offset_ = 0;
  pages_.clear();
}

std::string DiskBytes::kept_name() const {
  absl::ReaderMutexLock lock(&mu_);
  return name_;
}

uint64_t DiskBytes::kept_length() const {
  absl::ReaderMutexLock lock(&mu_);
  return least_;
}

absl::Status DiskBytes::CheckLength(const Fd& file) const {
  struct stat st;
  if (fstat(file.get(), &st) != 0) return FileError("stat", name_);
  const auto length = static_cast<uint64_t>(st.st_size);
  if (length >= least_) return absl::OkStatus();
  return ErrnoError(
      EIO, absl::StrCat("a disk's file '", name_, "' has been cut: it has ",
                        length, " of ", least_, " bytes"));
}

absl::Status DiskBytes::Reach() const {
  {
    absl::ReaderMutexLock lock(&mu_);
    if (kind_ != Kind::kKept || file_.ok()) return absl::OkStatus();
  }
  absl::MutexLock lock(&mu_);
  return ReachLocked();
}

absl::Status DiskBytes::ReachLocked() const {
  if (kind_ != Kind::kKept || file_.ok()) return absl::OkStatus();
  absl::StatusOr<Fd> fd = files_->Open(name_);
  // Whatever it is, a disk that can not be read has one word for it.
  if (!fd.ok()) return ErrnoError(EIO, fd.status().message());
  if (absl::Status s = CheckLength(*fd); !s.ok()) return s;
  file_ = *std::move(fd);
  return absl::OkStatus();
}

absl::Status DiskBytes::ReadOverlaid(uint64_t at, absl::Span<char> out) const {
  if (absl::Status s = ReadFile(at, out); !s.ok()) return s;
  const uint64_t end = at + out.size();
  for (auto it = pages_.lower_bound(at / kPageSize);
       it != pages_.end() && it->first * kPageSize < end; ++it) {
    const uint64_t first = it->first * kPageSize;
    const uint64_t from = std::max(first, at);
    const uint64_t to = std::min(first + kPageSize, end);
    memcpy(out.data() + (from - at), it->second.data() + (from - first),
           to - from);
  }
  return absl::OkStatus();
}

absl::StatusOr<DiskBytes::Page*> DiskBytes::OverlayPage(uint64_t number) {
  if (auto found = pages_.find(number); found != pages_.end()) {
    return &found->second;
  }
  Page page;
  absl::Status s = ReadFile(number * kPageSize, absl::MakeSpan(page));
  if (!s.ok()) return s;
  return &pages_.emplace(number, page).first->second;
}

absl::Status DiskBytes::WriteOverlaid(uint64_t at, absl::Span<const char> in) {
  while (!in.empty()) {
    const uint64_t in_page = at % kPageSize;
    const size_t n = std::min<uint64_t>(kPageSize - in_page, in.size());
    absl::StatusOr<Page*> page = OverlayPage(at / kPageSize);
    if (!page.ok()) return page.status();
    memcpy((*page)->data() + in_page, in.data(), n);
    at += n;
    in.remove_prefix(n);
  }
  return absl::OkStatus();
}

absl::Status DiskBytes::ZeroOverlaid(uint64_t at, uint64_t count) {
  const uint64_t end = at + count;
  for (auto it = pages_.lower_bound(at / kPageSize);
       it != pages_.end() && it->first * kPageSize < end; ++it) {
    const uint64_t first = it->first * kPageSize;
    const uint64_t from = std::max(first, at);
    memset(it->second.data() + (from - first), 0,
           std::min(first + kPageSize, end) - from);
  }
  // Of the others only those that the file has.
  while (at < end) {
    const off_t data = lseek(file_.get(), static_cast<off_t>(at), SEEK_DATA);
    if (data < 0 && errno != ENXIO) return FileError("seek", name_);
    if (data < 0 || static_cast<uint64_t>(data) >= end) break;
    const off_t hole = lseek(file_.get(), data, SEEK_HOLE);
    if (hole < 0) return FileError("seek", name_);
    const uint64_t to = std::min(end, static_cast<uint64_t>(hole));
    for (at = static_cast<uint64_t>(data); at < to;) {
      const uint64_t in_page = at % kPageSize;
      const uint64_t n = std::min(kPageSize - in_page, to - at);
      absl::StatusOr<Page*> page = OverlayPage(at / kPageSize);
      if (!page.ok()) return page.status();
      memset((*page)->data() + in_page, 0, n);
      at += n;
    }
  }
  return absl::OkStatus();
}

absl::Status DiskBytes::CopyTo(int fd) const {
  if (!file_.ok()) return CopyPagesTo(fd);
  std::vector<char> block(1 << 20);
  off_t data = 0;
  while ((data = lseek(file_.get(), data, SEEK_DATA)) >= 0) {
    const off_t hole = lseek(file_.get(), data, SEEK_HOLE);
    if (hole < 0) return FileError("seek", name_);
    while (data < hole) {
      const auto part = absl::MakeSpan(block).subspan(
          0,
          std::min<uint64_t>(block.size(), static_cast<uint64_t>(hole - data)));
      absl::Status s = ReadFile(static_cast<uint64_t>(data), part);
      if (!s.ok()) return s;
      const auto n = static_cast<ssize_t>(part.size());
      if (pwrite(fd, part.data(), part.size(), data) != n) {
        return FileError("write", name_);
      }
      data += n;
    }
  }
  return errno == ENXIO ? absl::OkStatus() : FileError("seek", name_);
}

absl::Status DiskBytes::MoveToNewFile() {
  absl::StatusOr<DiskFiles::NewFile> file = files_->Make();
  if (!file.ok()) return file.status();
  if (absl::Status s = CopyTo(file->fd.get()); !s.ok()) {
    files_->Remove(file->name);
    return s;
  }
  kind_ = Kind::kKept;
  least_ = 0;
  name_ = std::move(file->name);
  file_ = std::move(file->fd);
  file_offset_ = 0;
  fixed_size_ = false;
  is_new_ = true;
  pages_.clear();
  return absl::OkStatus();
}

absl::Status DiskBytes::Keep(const std::shared_ptr<DiskFiles>& files,
                             KeepHow how) {
  absl::MutexLock lock(&mu_);
  // What is written from now on is another change.
  noted_ = false;
  if (kind_ == Kind::kSomebodys) return absl::OkStatus();
  if (kind_ == Kind::kMemory) {
    if (!file_.ok() && pages_.size() <= kMostKeptPages) return absl::OkStatus();
    if (files_ == nullptr) files_ = files;
    if (absl::Status s = MoveToNewFile(); !s.ok()) return s;
  }
  if (!pages_.empty()) {
    if (absl::Status s = ReachLocked(); !s.ok()) return s;
    if (absl::Status s = CopyPagesTo(file_.get()); !s.ok()) return s;
    pages_.clear();
    dirty_ = true;
  }
  // Whoever remembers the name remembers this too.
  struct stat st;
  if (file_.ok() && fstat(file_.get(), &st) == 0) {
    least_ = std::max(least_, static_cast<uint64_t>(st.st_size));
  }
  if (!is_new_ && (how == KeepHow::kWritten || !dirty_)) {
    return absl::OkStatus();
  }
  dirty_ = false;
  if (fdatasync(file_.get()) != 0) {
    dirty_ = true;
    return FileError("sync", name_);
  }
  if (is_new_) {
    if (absl::Status s = files_->SyncNames(); !s.ok()) return s;
  }
  is_new_ = false;
  return absl::OkStatus();
}

}  // namespace dmdax
