// SPDX-License-Identifier: Apache-2.0
//
// DaxDevice: the joint of every chain.
//
// Whatever can be accessed with loads and stores has a DaxDevice: a pmem
// range, and every mapped device.  Its operations translate a page offset to
// a page frame; a mapped device's do so by asking the DaxDevice of the device
// below.  DaxDirectAccess() is called at every level and does the checks of
// drivers/dax/super.c once, in the kernel's order:
//
//   no device            -EOPNOTSUPP
//   not alive            -ENXIO
//   nr_pages < 0         -EINVAL   (4.14, 5.10: nr_pages itself)
//   nothing available    -ERANGE
//   else                 min(available, nr_pages)
//
//   absl::StatusOr<DaxRun> run = DaxTranslate(*dev, pgoff_t{256}, 512);
//   if (run.ok()) Print(run->pfn, run->nr_pages);
//
// The inner functions speak plain numbers like the kernel's `long` (a count
// or -errno), so that an error costs what a hit costs; DaxTranslate() is the
// edge, where the number becomes an absl::Status.
//
// Mirrors: struct dax_device, dax_direct_access, kill_dax, dax_alive,
// dax_read_lock of drivers/dax/super.c; struct dax_operations of
// include/linux/dax.h (6.1).
// Threading: all functions may be called from any thread.
#ifndef DMDAX_DAX_DAX_DEVICE_H_
#define DMDAX_DAX_DAX_DEVICE_H_

#include <atomic>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "base/kernel_profile.h"
#include "base/srcu.h"
#include "base/trace.h"
#include "base/units.h"
#include "dax/dax_access.h"
#include "dax/dax_fast_path.h"
#include "dax/dax_piece.h"

namespace dmdax {

// struct dax_operations.  Implemented by PmemDevice and MappedDevice.
class DaxOperations {
 public:
  virtual ~DaxOperations() = default;

  // ->direct_access.  May return fewer or more pages than asked: the wrapper
  // clamps.  `trace` may be null.
  virtual DaxAccess DirectAccess(pgoff_t pgoff, int64_t nr_pages,
                                 DaxAccessMode mode, Trace* trace) = 0;

  // ->zero_page_range: 0 or -errno.  `trace` may be null.
  virtual int ZeroPageRange(pgoff_t pgoff, uint64_t nr_pages, Trace* trace) = 0;

  // ->recovery_write: writes `bytes` at `offset` bytes into page `pgoff`,
  // clearing poison; returns the bytes written, 0 when it can not.
  virtual size_t RecoveryWrite(pgoff_t pgoff, uint64_t offset,
                               absl::Span<const char> bytes) = 0;

  // The device as one window, for compiled maps.  Nothing if one window can not
  // describe it: it has poison, or devices below.  Valid until the next
  // DaxStackChange.
  virtual std::optional<DaxWindow> Window() { return std::nullopt; }

  // DaxForEachPiece() of a device that is alive, for pages >= 1.
  virtual void ForEachPiece(pgoff_t, uint64_t pages, uint64_t, DaxPieceFn fn) {
    fn(OpaquePiece(pages));
  }

  // ->dax_supported (5.3 to 5.16): the provider's own decision, or nothing
  // when it leaves it to generic_fsdax_supported() as pmem does.  `blocksize`
  // in bytes, of the file system that asks.
  virtual std::optional<bool> DaxSupported(uint64_t blocksize) {
    (void)blocksize;
    return std::nullopt;
  }
};

class DaxDevice {
 public:
  // alloc_dax().  `ops` may be null (device-dax: mmap only) and must outlive
  // the device.  `host` is the disk's name, for messages.
  DaxDevice(const KernelProfile& profile, std::string host, DaxOperations* ops);
  DaxDevice(const DaxDevice&) = delete;
  DaxDevice& operator=(const DaxDevice&) = delete;

  const KernelProfile& profile() const { return profile_; }
  const std::string& host() const { return host_; }
  DaxOperations* ops() const { return ops_; }

  // DAXDEV_ALIVE.  Set from the start.
  bool alive() const { return alive_.load(std::memory_order_acquire); }
  // kill_dax(): after it returns, no operation that saw the device alive is
  // still running.  Must not be called inside a DaxReadLock.
  void Kill();
  // Kill() of many, with one wait for the readers of all.
  static void KillAll(absl::Span<DaxDevice* const> devices);
  // run_dax(): makes a killed device alive again (device-dax probe).
  void Run();

  // What answers instead of the operations, if it can. kNoDaxFastPath: there is
  // none, or the device is not alive.  Load and use it within a read section
  // (see SetFastPath()).
  const DaxFastPath& fast_path() const {
    return *fast_path_.load(std::memory_order_acquire);
  }
  // Offers another fast path, or none (null).  Call it within a DaxStackChange.
  // Readers may use the old one until Srcu::Synchronize().
  void SetFastPath(const DaxFastPath* fast_path);

  // DAXDEV_SYNC: MAP_SYNC is possible.  Once set it stays, as in the kernel.
  bool synchronous() const { return synchronous_.load(); }
  void SetSynchronous() { synchronous_.store(true); }

  // DAXDEV_WRITE_CACHE: dax_flush() has work to do.
  bool write_cache() const { return write_cache_.load(); }
  void SetWriteCache(bool on) { write_cache_.store(on); }

 private:
  const KernelProfile& profile_;
  const std::string host_;
  DaxOperations* const ops_;
  const DaxFastPath* offered_ = &kNoDaxFastPath;
  // offered_ while the device is alive.
  std::atomic<const DaxFastPath*> fast_path_{&kNoDaxFastPath};
  std::atomic<bool> alive_{true};
  std::atomic<bool> synchronous_{false};
  std::atomic<bool> write_cache_{false};
};

// dax_srcu: the read side that kill_dax() waits for.
inline constinit Srcu dax_srcu;

// dax_read_lock() as a scope.
class DaxReadLock : public SrcuReadLock {
 public:
  DaxReadLock() : SrcuReadLock(dax_srcu) {}
};

// DaxDirectAccess() without the fast path.  `dev` is not null.
DaxAccess DaxDirectAccessChecked(DaxDevice* dev, pgoff_t pgoff,
                                 int64_t nr_pages, DaxAccessMode mode,
                                 Trace* trace);

// dax_direct_access(): the checks above, then the operation, then the clamp.
// nr_pages == 0 on a live leaf gives ret 0 or -ERANGE as the kernel does.
inline DaxAccess DaxDirectAccess(DaxDevice* dev, pgoff_t pgoff,
                                 int64_t nr_pages, DaxAccessMode mode,
                                 Trace* trace) {
  if (dev == nullptr) [[unlikely]]
    return DaxAccess::Error(EOPNOTSUPP);
  if (trace == nullptr && nr_pages >= 1) [[likely]] {
    SrcuFastReadLock live(dax_srcu);
    if (live.entered()) [[likely]] {
      const DaxFastPath& fast_path = dev->fast_path();
      if (pgoff.value() < fast_path.window.pages) {
        return fast_path.window.At(pgoff.value(), nr_pages);
      }
      if (pgoff.value() < fast_path.runs.pages) {
        const DaxRuns::Run* const run = fast_path.runs.Find(pgoff.value());
        if (run->value < DaxRuns::kSpecial) [[likely]] {
          return fast_path.At(DaxRuns::FramesAt(run, pgoff.value(), nr_pages));
        }
      }
      if (pgoff.value() < fast_path.stripes.pages) {
        return fast_path.At(fast_path.stripes.At(pgoff.value(), nr_pages));
      }
      const DaxFrames frames = fast_path.shortcut(fast_path, pgoff, nr_pages);
      if (frames.ret > 0) [[likely]]
        return fast_path.At(frames);
      if (frames.ret != DaxFastPath::kAskOperations) {
        return DaxAccess{.ret = frames.ret};
      }
    }
  }
  // Returned field by field: if the struct were handed on, the compiler would
  // keep it and every other answer in memory.
  const DaxAccess asked =
      DaxDirectAccessChecked(dev, pgoff, nr_pages, mode, trace);
  return {asked.ret, asked.pfn, asked.pfn_flags, asked.kaddr};
}

// dax_zero_page_range(): 0 or -errno; -ENXIO dead, -EIO for nr_pages != 1.
// `trace`, if not null, gets the mapped devices that were asked.
int DaxZeroPageRange(DaxDevice* dev, pgoff_t pgoff, uint64_t nr_pages,
                     Trace* trace = nullptr);

// dax_recovery_write(): bytes written; 0 when the device has no such op.
size_t DaxRecoveryWrite(DaxDevice* dev, pgoff_t pgoff, uint64_t offset,
                        absl::Span<const char> bytes);

// A translation that succeeded: nr_pages >= 1 pages, physically contiguous.
struct DaxRun {
  pfn_t pfn{};
  int64_t nr_pages = 0;
  void* kaddr = nullptr;

  uint64_t phys() const { return PfnPhys(pfn); }
};

// DaxDirectAccess under a DaxReadLock, with the errno as a status that says
// which page of which device.  nr_pages must be at least 1 (EINVAL).
absl::StatusOr<DaxRun> DaxTranslate(DaxDevice& dev, pgoff_t pgoff,
                                    int64_t nr_pages, Trace* trace = nullptr);

}  // namespace dmdax

#endif  // DMDAX_DAX_DAX_DEVICE_H_
