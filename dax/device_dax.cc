// SPDX-License-Identifier: Apache-2.0
#include "dax/device_dax.h"

#include <algorithm>
#include <cerrno>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "base/errno_status.h"
#include "mm/insert.h"

namespace dmdax {
namespace {

// Folios whose indexes are in one block: 4 KiB, as a page table.
constexpr uint64_t kIndexBlock = 512;

absl::Status CheckRanges(const DevDaxOptions& options, const MemMap& mem,
                         int page_shift) {
  if (options.ranges.empty()) {
    return ErrnoError(EINVAL, absl::StrCat(options.name, " has no range"));
  }
  if (options.static_region && options.ranges.size() > 1) {
    return ErrnoError(EINVAL, "static pgmap / multi-range device conflict");
  }
  for (size_t i = 0; i < options.ranges.size(); ++i) {
    const DevDaxRange& range = options.ranges[i];
    if (range.size == 0 || range.start % options.align != 0 ||
        range.size % options.align != 0) {
      return ErrnoError(
          ENOMEM, absl::StrFormat("range 0x%x of 0x%x bytes is not a multiple "
                                  "of the alignment 0x%x",
                                  range.start, range.size, options.align));
    }
    if (mem.FindPagemap(pfn_t(range.start >> page_shift)) != nullptr) {
      return ErrnoError(
          EBUSY, absl::StrFormat("mapping%d: %#x-%#x could not reserve range",
                                 i, range.start, range.start + range.size - 1));
    }
  }
  return absl::OkStatus();
}

}  // namespace

bool DaxAlignValid(const FaultProfile& profile, uint64_t align) {
  return align == profile.page_size() || align == profile.pmd_size() ||
         (align == profile.pud_size() && profile.has_pud_thp);
}

class DevDax::VmOps final : public VmOperations {
 public:
  explicit VmOps(DevDax& dax) : dax_(dax) {}
  std::string name() const override { return "dax_vm_ops"; }
  unsigned hooks() const override {
    return kFault | kHugeFault | kMaySplit |
           (dax_.profile_.devdax_has_pagesize_op ? unsigned{kPagesize} : 0);
  }
  vm_fault_t Fault(VmFault& vmf) override {
    FaultScope scope(vmf.mm->recorder(), FaultFunction::kDevDaxFault);
    return dax_.HugeFault(vmf, 0);
  }
  vm_fault_t HugeFault(VmFault& vmf, int order) override {
    return dax_.HugeFault(vmf, order);
  }
  int MaySplit(VmAreaStruct&, uint64_t addr) override {
    // A device maps whole units of its alignment only, so a VMA that ended
    // inside one could not be mapped to its end.
    return addr % dax_.options_.align == 0 ? 0 : -EINVAL;
  }
  uint64_t Pagesize(const VmAreaStruct&) override {
    return dax_.options_.align;
  }

 private:
  DevDax& dax_;
};

absl::StatusOr<std::unique_ptr<DevDax>> DevDax::Create(
    const FaultProfile& profile, MemMap& mem, const DevDaxOptions& options,
    const KernelProfile& kernel) {
  if (!DaxAlignValid(profile, options.align)) {
    return ErrnoError(
        EINVAL,
        absl::StrFormat("alignment 0x%x is not one of "
                        "0x%x, 0x%x%s",
                        options.align, profile.page_size(), profile.pmd_size(),
                        profile.has_pud_thp ? ", 0x40000000" : ""));
  }
  absl::Status status = CheckRanges(options, mem, profile.page_shift);
  if (!status.ok()) return status;
  return std::unique_ptr<DevDax>(new DevDax(profile, mem, options, kernel));
}

DevDax::DevDax(const FaultProfile& profile, MemMap& mem,
               const DevDaxOptions& options, const KernelProfile& kernel)
    : profile_(profile),
      mem_(mem),
      options_(options),
      dax_dev_(kernel, options.name, nullptr),
      vm_ops_(std::make_unique<VmOps>(*this)) {
  if (options.synchronous) dax_dev_.SetSynchronous();
  inode_.type = InodeType::kCharDevice;
  inode_.s_dax = true;
  inode_.i_mapping = &mapping_;
  mapping_.host = &inode_;
  if (profile.devdax_has_vmemmap_shift && options.compound_pages) {
    while ((profile.page_size() << folio_order_) < options.align) {
      ++folio_order_;
    }
  }
  for (const DevDaxRange& range : options.ranges) {
    pagemaps_.push_back(
        mem.AddPagemap({.start = pfn_t(range.start >> profile.page_shift),
                        .nr = range.size >> profile.page_shift,
                        .type = MemoryType::kGeneric,
                        .vmemmap_shift = folio_order_}));
    first_pages_.push_back(pages_);
    pages_ += range.size >> profile.page_shift;
  }
}

DevDax::~DevDax() {
  KillDevDax();
  for (DevPagemap* pgmap : pagemaps_) mem_.RemovePagemap(pgmap);
}

uint64_t DevDax::size() const { return pages_ << profile_.page_shift; }

std::shared_ptr<File> DevDax::Open(bool writable) {
  auto file = std::make_shared<File>();
  file->path = absl::StrCat("/dev/", options_.name);
  file->f_inode = &inode_;
  file->f_mapping = &mapping_;
  file->f_op = this;
  file->writable = writable;
  file->private_data = this;
  return file;
}

void DevDax::KillDevDax() {
  // Killed before it is unmapped: no fault can map a page again in between.
  dax_dev_.Kill();
  mapping_.UnmapMappingPages(0, 0, EvenCows::kYes);
}

absl::Status DevDax::StoreAlign(uint64_t align) const {
  if (!DaxAlignValid(profile_, align)) {
    return ErrnoError(EINVAL, absl::StrCat("alignment ", align));
  }
  return ErrnoError(EBUSY,
                    absl::StrCat(options_.name, " is bound to its driver"));
}

std::optional<uint64_t> DevDax::PgoffToPhys(uint64_t pgoff,
                                            uint64_t size) const {
  const uint64_t phys = PhysOf(pgoff, size);
  if (phys == kNoPhys) return std::nullopt;
  return phys;
}

inline uint64_t DevDax::PhysOf(uint64_t pgoff, uint64_t size) const {
  if (pgoff >= pages_) return kNoPhys;
  const auto after =
      std::upper_bound(first_pages_.begin(), first_pages_.end(), pgoff);
  const auto i = static_cast<size_t>(after - first_pages_.begin()) - 1;
  const DevDaxRange& range = options_.ranges[i];
  const uint64_t offset = (pgoff - first_pages_[i]) << profile_.page_shift;
  // A huge page that reaches out of its range is not looked for in the next.
  if (offset + size > range.size) return kNoPhys;
  return range.start + offset;
}

std::optional<uint64_t> DevDax::PageIndex(pfn_t pfn) const {
  for (size_t i = 0; i < pagemaps_.size(); ++i) {
    if (pfn - pagemaps_[i]->start >= pagemaps_[i]->nr) continue;
    const uint64_t page = first_pages_[i] + (pfn - pagemaps_[i]->start);
    const uint64_t folio = page >> folio_order_;
    const uint64_t block = folio / kIndexBlock;
    if (block >= page_indexes_.size() || page_indexes_[block] == nullptr) {
      return std::nullopt;
    }
    const uint64_t index = page_indexes_[block][folio % kIndexBlock];
    if (index != 0) return index - 1;
  }
  return std::nullopt;
}

inline int DevDax::CheckVma(const VmAreaStruct& vma, absl::string_view func,
                            FaultReason* reason) {
  FaultScope scope(vma.vm_mm->recorder(), FaultFunction::kCheckVma);
  const uint64_t mask = options_.align - 1;
  const bool unaligned = ((vma.vm_start | vma.vm_end) & mask) != 0;
  if (dax_dev_.alive() && (vma.vm_flags & VM_MAYSHARE) && !unaligned) return 0;
  return RefuseVma(vma, func, reason);
}

int DevDax::RefuseVma(const VmAreaStruct& vma, absl::string_view func,
                      FaultReason* reason) const {
  const auto fail = [&](FaultReasonCode code, const std::string& message) {
    if (reason != nullptr) {
      reason->code = code;
      reason->want = options_.align;
      reason->where = options_.name;
    }
    if (!message.empty()) {
      vma.vm_mm->log().Printk(
          KernLevel::kInfo,
          absl::StrFormat("device_dax %s: %s: %s: fail, %s", options_.name,
                          vma.vm_mm->comm, func, message));
    }
    return code == FaultReasonCode::kDevDaxDead ? -ENXIO : -EINVAL;
  };
  if (!dax_dev_.alive()) return fail(FaultReasonCode::kDevDaxDead, "");
  if (!(vma.vm_flags & VM_MAYSHARE)) {
    return fail(FaultReasonCode::kDevDaxPrivate, "attempted private mapping");
  }
  return fail(FaultReasonCode::kDevDaxVmaAlign,
              absl::StrFormat("unaligned vma (0x%x - 0x%x, 0x%x)", vma.vm_start,
                              vma.vm_end, options_.align - 1));
}

int DevDax::Mmap(File&, VmAreaStruct& vma) {
  const int err = CheckVma(vma, profile_.devdax_mmap_function, nullptr);
  if (err < 0) return err;
  vma.vm_ops = vm_ops_.get();
  vma.vm_flags |= VM_HUGEPAGE;
  if (profile_.dax_vma_is_mixedmap) vma.vm_flags |= VM_MIXEDMAP;
  return 0;
}

vm_fault_t DevDax::HugeFault(VmFault& vmf, int order) {
  FaultRecorder* recorder = vmf.mm->recorder();
  FaultScope scope(recorder, FaultFunction::kDevDaxHugeFault);
  if (recorder != nullptr) {
    Record(*recorder, FaultEventKind::kDevDaxFault, order, 0);
  }
  vmf.ClearReason();
  DaxReadLock lock;
  const vm_fault_t ret = FaultOfSize(vmf, order);
  if (recorder != nullptr) {
    Record(*recorder, FaultEventKind::kDevDaxFaultRet, order, ret);
  }
  return ret;
}

void DevDax::Record(FaultRecorder& recorder, FaultEventKind kind, int order,
                    vm_fault_t ret) const {
  FaultEvent& event = recorder.Add(kind);
  event.pe_size = order == 0 ? 0 : order == profile_.pmd_order() ? 1 : 2;
  event.ret = ret;
}

// The mapping is exactly as large as the alignment: 0, SIGBUS or FALLBACK. A
// larger fault may be tried again with smaller pages, a smaller one can not
// grow.
vm_fault_t DevDax::CheckSize(VmFault& vmf, uint64_t size) {
  if (size == options_.align) return 0;
  const bool larger = options_.align > size;
  return FailFault(vmf, larger ? VM_FAULT_SIGBUS : VM_FAULT_FALLBACK,
                   larger ? FaultReasonCode::kDevDaxAlignLarger
                          : FaultReasonCode::kDevDaxAlignSmaller,
                   options_.align, size);
}

uint64_t& DevDax::IndexOf(uint64_t folio) {
  const uint64_t block = folio / kIndexBlock;
  if (block >= page_indexes_.size()) page_indexes_.resize(block + 1);
  auto& indexes = page_indexes_[block];
  if (indexes == nullptr) indexes = std::make_unique<uint64_t[]>(kIndexBlock);
  return indexes[folio % kIndexBlock];
}

inline void DevDax::SetMapping(const VmFault& vmf, uint64_t pgoff,
                               uint64_t size) {
  FaultScope scope(vmf.mm->recorder(), FaultFunction::kDaxSetMapping);
  // A compound page has its index in the head, which lies before `pgoff` in a
  // mapping whose offset is not aligned.
  const uint64_t first = pgoff >> folio_order_;
  const uint64_t nr = folio_order_ > 0 ? 1 : size >> profile_.page_shift;
  for (uint64_t i = 0; i < nr; ++i) {
    // The index stays set when the page is unmapped, and the first one stays.
    uint64_t& index = IndexOf(first + i);
    if (index == 0) index = pgoff + i + 1;
  }
}

inline vm_fault_t DevDax::Insert(VmFault& vmf, pfn_t pfn, int order) {
  const bool write = vmf.write();
  const bool pud = order == profile_.pud_order();
  if (profile_.insert == PageInsert::kFolio) {
    if (order == 0) return VmfInsertPageMkwrite(vmf, pfn, write);
    return pud ? VmfInsertFolioPud(vmf, pfn, write)
               : VmfInsertFolioPmd(vmf, pfn, write);
  }
  const FlaggedPfn flagged{.pfn = pfn, .dev = true, .map = true};
  if (order == 0) return VmfInsertMixed(vmf, vmf.address, flagged, false);
  return pud ? VmfInsertPfnPud(vmf, flagged, write)
             : VmfInsertPfnPmd(vmf, flagged, write);
}

vm_fault_t DevDax::FaultOfSize(VmFault& vmf, int order) {
  const VmAreaStruct& vma = *vmf.vma;
  const uint64_t size = profile_.page_size() << order;
  if (order == profile_.pud_order() && !profile_.has_pud_thp) {
    return FailFault(vmf, VM_FAULT_FALLBACK, FaultReasonCode::kNoPudThp);
  }
  if (CheckVma(vma, "dev_dax_huge_fault", &vmf.reason) < 0) {
    return VM_FAULT_SIGBUS;
  }
  const vm_fault_t bad = CheckSize(vmf, size);
  if (bad != 0) return bad;
  const uint64_t addr = vmf.address & ~(size - 1);
  if (order > 0 && (addr < vma.vm_start || addr + size > vma.vm_end)) {
    return FailFault(vmf, VM_FAULT_SIGBUS, FaultReasonCode::kDevDaxVmaRange,
                     size);
  }
  // linear_page_index() of the huge page's start.
  const uint64_t pgoff =
      order == 0
          ? vmf.pgoff
          : ((addr - vma.vm_start) >> profile_.page_shift) + vma.vm_pgoff;
  uint64_t phys = 0;
  {
    FaultScope scope(vmf.mm->recorder(), FaultFunction::kDaxPgoffToPhys);
    phys = PhysOf(pgoff, size);
  }
  if (phys == kNoPhys) {
    FailFault(vmf, VM_FAULT_SIGBUS, FaultReasonCode::kDevDaxPgoff, pgoff, size);
    vmf.reason.where = options_.name;
    return VM_FAULT_SIGBUS;
  }
  const pfn_t pfn(phys >> profile_.page_shift);
  // Kernels differ in whether a failed insertion leaves the index set.
  const bool first = profile_.devdax_sets_mapping_first;
  if (first) SetMapping(vmf, pgoff, size);
  const vm_fault_t ret = Insert(vmf, pfn, order);
  if (!first && profile_.devdax_sets_mapping && ret == VM_FAULT_NOPAGE) {
    SetMapping(vmf, pgoff, size);
  }
  return ret;
}

}  // namespace dmdax
