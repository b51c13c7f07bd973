// SPDX-License-Identifier: Apache-2.0
//
// DevDax: a /dev/daxX.Y character device, whose memory can only be mapped.
//
//   absl::StatusOr<std::unique_ptr<DevDax>> dax = DevDax::Create(
//       faults, mem, {.name = "dax3.0", .align = 2 << 20,
//                     .ranges = {{.start = 0x178200000, .size = 510 << 20}}});
//   mm.Mmap({.len = 4 << 20, .prot = PROT_READ | PROT_WRITE,
//            .flags = MAP_SHARED, .file = (*dax)->Open()});
//
// Every fault maps exactly `align` bytes: a smaller handler falls back or
// ends in SIGBUS, never the other way round.  Offsets are not checked at
// mmap; a fault beyond the device is SIGBUS.  A device may have several
// physical ranges; a huge page never straddles two.
//
// Mirrors: drivers/dax/device.c, drivers/dax/bus.c, struct dev_dax of
// drivers/dax/dax-private.h (4.14 to 7.2).
// Threading: thread-compatible.
#ifndef DMDAX_DAX_DEVICE_DAX_H_
#define DMDAX_DAX_DEVICE_DAX_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "base/fault_profile.h"
#include "base/kernel_profile.h"
#include "dax/dax_device.h"
#include "mm/mm_struct.h"

namespace dmdax {

struct DevDaxRange {
  uint64_t start = 0;  // physical byte address; multiple of align
  uint64_t size = 0;   // bytes; multiple of align
};

struct DevDaxOptions {
  std::string name;                    // "dax3.0"
  uint64_t align = uint64_t{2} << 20;  // bytes: 4 KiB, 2 MiB or 1 GiB
  std::vector<DevDaxRange> ranges;
  // pmem's regions are static: one range, reserved by the region.
  bool static_region = true;
  bool synchronous = true;
  // pgmap.vmemmap_shift as the probe sets it; false shows a kernel that
  // leaves the pages single (before 5.17).
  bool compound_pages = true;
};

class DevDax final : public FileOperations {
 public:
  // alloc_dax_region(), devm_create_dev_dax(), dev_dax_probe().  EINVAL:
  // align is not one the architecture has, or a static region with several
  // ranges; ENOMEM: a range is not a multiple of align (the kernel's own
  // answer); EBUSY: a range is in use.
  static absl::StatusOr<std::unique_ptr<DevDax>> Create(
      const FaultProfile& profile, MemMap& mem, const DevDaxOptions& options,
      const KernelProfile& kernel = DefaultKernelProfile());
  ~DevDax() override;

  const DevDaxOptions& options() const { return options_; }
  // Alive while it is mapped; Kill() through KillDevDax() below.
  DaxDevice& dax_dev() { return dax_dev_; }
  DevPagemap* pagemap(size_t range) { return pagemaps_[range]; }
  uint64_t size() const;  // bytes

  // open(2); read(2) and write(2) are EINVAL, lseek(2) does nothing.
  std::shared_ptr<File> Open(bool writable = true);
  // unregister: kill_dev_dax() = kill_dax() and unmap everything.
  void KillDevDax();
  // sysfs align_store: always EBUSY while the driver is bound, which it is;
  // EINVAL for an alignment that is not legal.
  absl::Status StoreAlign(uint64_t align) const;

  // dax_pgoff_to_phys(): the address of `size` bytes at page `pgoff`, or
  // nothing.
  std::optional<uint64_t> PgoffToPhys(uint64_t pgoff, uint64_t size) const;

  // page->mapping, page->index as dax_set_mapping() leaves them: the index,
  // or nothing while no fault has touched the page.
  std::optional<uint64_t> PageIndex(pfn_t pfn) const;

  // --- FileOperations ---
  std::string name() const override { return "dax_fops"; }
  int Mmap(File& file, VmAreaStruct& vma) override;
  UnmappedArea unmapped_area() const override { return UnmappedArea::kDax; }
  uint64_t unmapped_align(File&) const override { return options_.align; }
  bool supports_map_sync() const override { return profile_.has_map_sync; }

 private:
  class VmOps;

  DevDax(const FaultProfile& profile, MemMap& mem, const DevDaxOptions& options,
         const KernelProfile& kernel);

  // check_vma(): 0 or -errno; at mmap `func` names the caller for the log.
  int CheckVma(const VmAreaStruct& vma, absl::string_view func,
               FaultReason* reason);
  int RefuseVma(const VmAreaStruct& vma, absl::string_view func,
                FaultReason* reason) const;
  vm_fault_t HugeFault(VmFault& vmf, int order);
  void Record(FaultRecorder& recorder, FaultEventKind kind, int order,
              vm_fault_t ret) const;
  vm_fault_t FaultOfSize(VmFault& vmf, int order);
  // PgoffToPhys() for the fault: kNoPhys for nothing.
  static constexpr uint64_t kNoPhys = ~uint64_t{0};
  uint64_t PhysOf(uint64_t pgoff, uint64_t size) const;
  vm_fault_t CheckSize(VmFault& vmf, uint64_t size);
  uint64_t& IndexOf(uint64_t folio);
  void SetMapping(const VmFault& vmf, uint64_t pgoff, uint64_t size);
  vm_fault_t Insert(VmFault& vmf, pfn_t pfn, int order);

  const FaultProfile& profile_;
  MemMap& mem_;
  const DevDaxOptions options_;
  DaxDevice dax_dev_;
  Inode inode_;
  AddressSpace mapping_;
  std::unique_ptr<VmOps> vm_ops_;
  std::vector<DevPagemap*> pagemaps_;
  std::vector<uint64_t> first_pages_;  // of each range, in the device
  uint64_t pages_ = 0;
  int folio_order_ = 0;  // of the pages of all ranges
  // page->index + 1 of each folio of the device, or 0, in blocks that are made
  // when a page of them is touched.
  std::vector<std::unique_ptr<uint64_t[]>> page_indexes_;
};

// dax_align_valid(): an alignment a mapping of this kernel can have.
bool DaxAlignValid(const FaultProfile& profile, uint64_t align);

}  // namespace dmdax

#endif  // DMDAX_DAX_DEVICE_DAX_H_
