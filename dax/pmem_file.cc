// SPDX-License-Identifier: Apache-2.0
#include "dax/pmem_file.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/errno_status.h"
#include "base/fd.h"
#include "base/units.h"

namespace dmdax {
namespace {

absl::Status CannotDo(const PmemOptions& o, const char* what) {
  const int err = errno;
  return ErrnoError(err, absl::StrCat("pmem '", o.name, "': cannot ", what,
                                      " '", o.file, "': ", ErrnoText(err)));
}

uint64_t HostPage() { return static_cast<uint64_t>(sysconf(_SC_PAGESIZE)); }

bool WriteAll(int fd, const char* data, size_t size, uint64_t at) {
  while (size > 0) {
    const ssize_t n = pwrite(fd, data, size, static_cast<off_t>(at));
    if (n < 0 && errno == EINTR) continue;
    if (n == 0) errno = ENOSPC;
    if (n <= 0) return false;
    data += n;
    size -= static_cast<size_t>(n);
    at += static_cast<uint64_t>(n);
  }
  return true;
}

}  // namespace

absl::StatusOr<char*> PmemFile::Map(const PmemOptions& o) {
  const auto not_a_file = [&] {
    return ErrnoError(EINVAL, absl::StrCat("pmem '", o.name, "': '", o.file,
                                           "' is no regular file"));
  };
  // To open a device may do something.
  struct stat st;
  if (stat(o.file.c_str(), &st) != 0) return CannotDo(o, "open");
  if (!S_ISREG(st.st_mode)) return not_a_file();
  const Fd fd(
      open(o.file.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY));
  if (!fd.ok() || fstat(fd.get(), &st) != 0) return CannotDo(o, "open");
  if (!S_ISREG(st.st_mode)) return not_a_file();
  if (static_cast<uint64_t>(st.st_size) < o.size) {
    return ErrnoError(
        EINVAL, absl::StrCat("pmem '", o.name, "': size ", o.size, ": '",
                             o.file, "' has only ", st.st_size, " bytes"));
  }
  void* p = mmap(nullptr, o.size, PROT_READ | PROT_WRITE,
                 MAP_PRIVATE | MAP_NORESERVE, fd.get(), 0);
  if (p == MAP_FAILED) return CannotDo(o, "map");
  return static_cast<char*>(p);
}

std::optional<PmemFile> PmemFile::Of(PmemDevice& pmem) {
  const PmemOptions& options = pmem.options();
  if (options.backing != PmemBacking::kFile) return std::nullopt;
  void* const data =
      pmem.DirectAccess(pgoff_t{0}, 1, DaxAccessMode::kAccess, nullptr).kaddr;
  // One whose file is gone has no bytes.
  if (data == nullptr) return std::nullopt;
  return PmemFile(options, static_cast<char*>(data) - options.data_offset);
}

// The kernel says which pages are not the file's any more.
std::vector<uint64_t> PmemFile::Copied() const {
  constexpr uint64_t kPresentOrSwapped = uint64_t{3} << 62;
  constexpr uint64_t kOfFile = uint64_t{1} << 61;
  const uint64_t page = HostPage();
  const uint64_t pages = (options_->size + page - 1) / page;
  const uint64_t first = reinterpret_cast<uintptr_t>(bytes_) / page;
  const Fd map(open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC));
  std::vector<uint64_t> copied, entries(size_t{1} << 15);
  for (uint64_t i = 0; i < pages;) {
    const size_t many = std::min<uint64_t>(entries.size(), pages - i);
    const ssize_t n =
        map.ok() ? pread(map.get(), entries.data(), many * sizeof(uint64_t),
                         static_cast<off_t>((first + i) * sizeof(uint64_t)))
                 : 0;
    const size_t known = n > 0 ? static_cast<size_t>(n) / sizeof(uint64_t) : 0;
    // Where it does not say, any may be.
    const size_t taken = known > 0 ? known : many;
    for (size_t k = 0; k < taken; ++k) {
      if (k >= known || ((entries[k] & kPresentOrSwapped) != 0 &&
                         (entries[k] & kOfFile) == 0)) {
        copied.push_back((i + k) * page);
      }
    }
    i += taken;
  }
  return copied;
}

absl::StatusOr<std::vector<uint64_t>> PmemFile::Differing(int fd) const {
  const size_t page = HostPage();
  std::vector<uint64_t> differing;
  std::vector<char> has(page);
  for (const uint64_t at : Copied()) {
    const size_t size = std::min<uint64_t>(page, options_->size - at);
    size_t done = 0;
    while (done < size) {
      const ssize_t n = pread(fd, has.data() + done, size - done,
                              static_cast<off_t>(at + done));
      if (n < 0 && errno == EINTR) continue;
      if (n < 0) return CannotDo(*options_, "read");
      if (n == 0) break;  // cut short meanwhile
      done += static_cast<size_t>(n);
    }
    if (done < size || memcmp(has.data(), bytes_ + at, size) != 0) {
      differing.push_back(at);
    }
  }
  return differing;
}

absl::StatusOr<std::vector<uint64_t>> PmemFile::Written() const {
  if (Copied().empty()) return std::vector<uint64_t>();
  const Fd fd(
      open(path().c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY));
  if (!fd.ok()) return CannotDo(*options_, "open");
  return Differing(fd.get());
}

absl::Status PmemFile::Keep(int fd) const {
  absl::StatusOr<std::vector<uint64_t>> differing = Differing(fd);
  if (!differing.ok()) return differing.status();
  const uint64_t page = HostPage();
  for (const uint64_t at : *differing) {
    if (!WriteAll(fd, bytes_ + at, std::min(page, options_->size - at), at)) {
      return CannotDo(*options_, "write");
    }
  }
  return absl::OkStatus();
}

absl::Status PmemFile::Share(int fd) const {
  if (absl::Status s = Keep(fd); !s.ok()) return s;
  // At the same place: those who know an address keep it.
  if (mmap(bytes_, options_->size, PROT_READ | PROT_WRITE,
           MAP_SHARED | MAP_FIXED, fd, 0) == MAP_FAILED) {
    return CannotDo(*options_, "map");
  }
  return absl::OkStatus();
}

}  // namespace dmdax
