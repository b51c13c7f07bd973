// SPDX-License-Identifier: Apache-2.0
//
// PmemDevice: a persistent-memory range, the leaf of every chain.
//
//   PmemOptions options;
//   options.name = "pmem0";
//   options.base = 0x100000000;        // physical address, bytes
//   options.size = 512ull << 20;       // bytes
//   absl::StatusOr<std::unique_ptr<PmemDevice>> pmem =
//       PmemDevice::Create(DefaultKernelProfile(), options);
//   DaxTranslate((*pmem)->dax_dev(), pgoff_t{0}, 1)->pfn;  // 0x100000
//
// A page maps to (base + data_offset + pgoff * 4096) >> 12, and everything up
// to the end of the device is one contiguous run.  As in the kernel, nothing
// checks that pgoff lies inside the device.  Callers bound it: a mapped device
// by its table, a command by the size of the device.  Exactly at the end the
// answer is -ERANGE; beyond it the subtraction wraps and the address is
// garbage.
//
// Bytes are optional: none (addresses only), anonymous memory, or a file
// mapped in.  Anonymous memory and holes cost nothing until touched.
//
// Mirrors: drivers/nvdimm/pmem.c __pmem_direct_access, pmem_recovery_write,
// pmem_dax_zero_page_range, pmem_attach_disk (6.1).
// Threading: thread-safe.
#ifndef DMDAX_DAX_PMEM_H_
#define DMDAX_DAX_PMEM_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <utility>

#include "absl/base/thread_annotations.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "dax/badblocks.h"
#include "dax/dax_device.h"

namespace dmdax {

// Where the bytes of a PmemDevice live.
enum class PmemBacking { kNone, kAnonymous, kFile };

struct PmemOptions {
  std::string name;          // disk name: "pmem0"
  uint64_t base = 0;         // physical byte address; multiple of 4096
  uint64_t size = 0;         // bytes; multiple of 4096, at least data_offset
                             // + 4096; base + size at most 2^52
  uint64_t data_offset = 0;  // bytes before the data: info block and memmap
                             // of a "fsdax" namespace; multiple of 4096
  bool has_pages = true;     // struct pages exist (false: raw namespace)
  bool synchronous = true;   // not an asynchronous region (virtio-pmem)
  bool write_cache = true;   // nvdimm_has_cache()
  PmemBacking backing = PmemBacking::kNone;
  std::string file;  // for kFile; at least `size` bytes
  // The file may be gone: then there are no bytes, as with kNone.
  bool file_may_be_gone = false;
};

class PmemDevice final : public DaxOperations {
 public:
  // InvalidArgument (EINVAL) names the field, its value and the nearest one
  // that would do; a file that can not be opened or mapped gives its errno.
  static absl::StatusOr<std::unique_ptr<PmemDevice>> Create(
      const KernelProfile& profile, const PmemOptions& options);
  ~PmemDevice() override;

  const PmemOptions& options() const { return options_; }
  DaxDevice& dax_dev() { return dax_dev_; }

  // Sectors the block device offers: (size - data_offset) / 512.
  uint64_t nr_sectors() const;

  // Sectors count from the start of the data.
  void SetBadblocks(sector_t first, uint64_t sectors);
  Badblocks badblocks() const;
  // Called, with its lock held, when they may have become others.  Set before
  // the device is used.
  void set_on_badblocks(std::function<void()> fn) {
    on_badblocks_ = std::move(fn);
  }

  DaxAccess DirectAccess(pgoff_t pgoff, int64_t nr_pages, DaxAccessMode mode,
                         Trace* trace) override;
  int ZeroPageRange(pgoff_t pgoff, uint64_t nr_pages, Trace* trace) override;
  size_t RecoveryWrite(pgoff_t pgoff, uint64_t offset,
                       absl::Span<const char> bytes) override;
  // Nothing while there are bad blocks: the length of a run then depends on how
  // much is asked for.
  std::optional<DaxWindow> Window() override;
  void ForEachPiece(pgoff_t first, uint64_t pages, uint64_t unit,
                    DaxPieceFn fn) override;

 private:
  PmemDevice(const KernelProfile& profile, const PmemOptions& options,
             char* virt);
  uint32_t PfnFlagsOfPages() const {
    return options_.has_pages ? uint32_t{PFN_DEV | PFN_MAP} : uint32_t{PFN_DEV};
  }
  // Pages from `pgoff` on, or -errno; *clip says what ended the run.
  int64_t AvailablePages(pgoff_t pgoff, int64_t nr_pages, DaxAccessMode mode,
                         RunClip* clip) const;

  // To be called after each change of bb_.
  void NoteBadblocks() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);

  const PmemOptions options_;
  char* const virt_;  // null when there are no bytes
  mutable absl::Mutex mu_;
  Badblocks bb_ ABSL_GUARDED_BY(mu_);
  std::function<void()> on_badblocks_;
  // Lets the usual query, on a healthy device, skip the lock.
  std::atomic<bool> has_bb_{false};
  DaxDevice dax_dev_;
};

}  // namespace dmdax

#endif  // DMDAX_DAX_PMEM_H_
