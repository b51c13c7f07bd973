// SPDX-License-Identifier: Apache-2.0
#include "run/notify/mapped_read.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <utility>

#include "absl/types/span.h"
#include "run/lease_page.h"
#include "server/protocol.h"

namespace dmdax::run {
namespace {

// For which a lease is given at once.
constexpr uint64_t kWorth = 256 << 10;
constexpr uint64_t kWindow = 64 << 20;
constexpr size_t kLeases = 8;
// Moved at once: a server that takes the lease back waits no longer.
constexpr size_t kAtOnce = DMDAX_MAX_IO;

}  // namespace

class MappedReads::Page {
 public:
  // Null: there is none, and no leases.
  static std::shared_ptr<Page> Of(Fd fd) {
    if (!fd.ok()) return nullptr;
    void* const at = mmap(nullptr, sizeof(dmdax_lease_page),
                          PROT_READ | PROT_WRITE, MAP_SHARED, fd.get(), 0);
    if (at == MAP_FAILED) return nullptr;
    return std::shared_ptr<Page>(
        new Page(std::move(fd), static_cast<dmdax_lease_page*>(at)));
  }
  ~Page() { munmap(shared_, sizeof(*shared_)); }
  Page(const Page&) = delete;
  Page& operator=(const Page&) = delete;

  dmdax_lease_page& shared() const { return *shared_; }
  bool ServerIsThere() const { return LeaseServerIsThere(fd_.get()); }

 private:
  Page(Fd fd, dmdax_lease_page* shared) : fd_(std::move(fd)), shared_(shared) {}

  const Fd fd_;
  dmdax_lease_page* const shared_;
};

class MappedReads::Window {
 public:
  // The bytes of the file from `offset` on, which is a multiple of kWindow.
  static std::shared_ptr<const Window> Of(const Fd& fd, uint64_t offset) {
    void* const at = mmap(nullptr, kWindow, PROT_READ, MAP_SHARED, fd.get(),
                          static_cast<off_t>(offset));
    if (at == MAP_FAILED) return nullptr;
    return std::shared_ptr<const Window>(
        new Window(static_cast<const char*>(at), offset));
  }
  ~Window() { munmap(const_cast<char*>(bytes_), kWindow); }
  Window(const Window&) = delete;
  Window& operator=(const Window&) = delete;

  bool Has(uint64_t at) const {
    return at >= offset_ && at - offset_ < kWindow;
  }
  // From `at` on, at most to the window's end.
  absl::Span<const char> From(uint64_t at, size_t size) const {
    const uint64_t skip = at - offset_;
    return absl::MakeConstSpan(bytes_ + skip,
                               std::min<uint64_t>(size, kWindow - skip));
  }

 private:
  Window(const char* bytes, uint64_t offset) : bytes_(bytes), offset_(offset) {}

  const char* const bytes_;
  const uint64_t offset_;
};

std::shared_ptr<MappedReads::Page> MappedReads::ThePage() {
  absl::MutexLock lock(&lock_);
  if (page_ != nullptr && epoch_ == machine_.epoch()) return page_;
  leases_.clear();
  epoch_ = machine_.epoch();
  Exchange e(DMDAX_OP_LEASE);
  page_ = machine_.Call(e) == 0 ? Page::Of(std::move(e.out_fd)) : nullptr;
  return page_;
}

// That there is no lease is remembered too, but not that there is none yet.
std::optional<MappedReads::Lease> MappedReads::Find(const OpenFile& file,
                                                    uint64_t offset,
                                                    uint64_t size,
                                                    const Page& page) {
  Lease lease = {.handle = file.handle,
                 .offset = offset,
                 .generation = LeaseGeneration(page.shared())};
  {
    absl::MutexLock lock(&lock_);
    leases_.remove_if([&](const Lease& known) {
      return known.generation != lease.generation;
    });
    for (const Lease& known : leases_) {
      if (known.handle != file.handle) continue;
      if (known.length == 0) return std::nullopt;
      if (offset >= known.offset && offset - known.offset < known.length) {
        return known;
      }
    }
  }
  Exchange e(DMDAX_OP_LEASE, file.handle);
  e.head.arg[0] = offset;
  e.head.arg[1] = size;
  const int error = machine_.Call(e);
  if (error == EAGAIN) return std::nullopt;
  if (error == 0 && e.out_fd.ok() && e.out.size() == sizeof(lease.generation)) {
    memcpy(&lease.generation, e.out.data(), sizeof(lease.generation));
    lease.file_offset = e.head.arg[0];
    lease.length = e.head.arg[1];
    lease.fd = std::make_shared<const Fd>(std::move(e.out_fd));
  }
  absl::MutexLock lock(&lock_);
  leases_.push_front(lease);
  if (leases_.size() > kLeases) leases_.pop_back();
  return lease.length > 0 ? std::optional(lease) : std::nullopt;
}

std::shared_ptr<const MappedReads::Window> MappedReads::WindowAt(
    const Lease& lease, uint64_t at) {
  if (lease.window != nullptr && lease.window->Has(at)) return lease.window;
  std::shared_ptr<const Window> window =
      Window::Of(*lease.fd, at / kWindow * kWindow);
  absl::MutexLock lock(&lock_);
  for (Lease& known : leases_) {
    if (known.fd == lease.fd) known.window = window;
  }
  return window;
}

bool MappedReads::IsWorth(const OpenFile& file, uint64_t size) {
  if (file.kind != DMDAX_KIND_BLOCK || size < kWorth) return false;
  const std::shared_ptr<Page> page = ThePage();
  if (page == nullptr) return false;
  const uint64_t generation = LeaseGeneration(page->shared());
  absl::MutexLock lock(&lock_);
  return std::none_of(leases_.begin(), leases_.end(), [&](const Lease& known) {
    return known.handle == file.handle && known.generation == generation &&
           known.length == 0;
  });
}

size_t MappedReads::Read(const OpenFile& file, uint64_t offset,
                         const TargetMemory& memory, uint64_t address,
                         size_t size) {
  const std::shared_ptr<Page> page = ThePage();
  if (page == nullptr) return 0;
  size_t done = 0;
  while (size - done >= kWorth) {
    const std::optional<Lease> lease =
        Find(file, offset + done, size - done, *page);
    if (!lease) break;
    const uint64_t skip = offset + done - lease->offset;
    const uint64_t at = lease->file_offset + skip;
    const std::shared_ptr<const Window> window = WindowAt(*lease, at);
    if (window == nullptr) break;
    const absl::Span<const char> bytes =
        window->From(at, std::min({size - done, kAtOnce,
                                   static_cast<size_t>(lease->length - skip)}));
    const BusyWithLease busy(page->shared());
    if (!busy) break;
    // What was revoked before we were seen to be busy is not ours.
    if (LeaseGeneration(page->shared()) != lease->generation) continue;
    if (!page->ServerIsThere()) break;
    const off_t hole =
        lseek(lease->fd->get(), static_cast<off_t>(at), SEEK_HOLE);
    if (hole < static_cast<off_t>(at + bytes.size())) break;
    const size_t n = memory.WriteSome(address + done, bytes);
    done += n;
    if (n < bytes.size()) break;
  }
  return done;
}

}  // namespace dmdax::run
