// SPDX-License-Identifier: Apache-2.0
//
// The inner half of a DAX fault: for one piece of the file it looks up the
// frames, updates the entry and fills the page tables.
// Mirrors: dax_fault_iter, dax_iomap_direct_access, dax_insert_entry,
// dax_load_hole, dax_pmd_load_hole, dax_insert_pfn_mkwrite (6.1, 6.12, 6.15).
#include <cerrno>

#include "iomap/dax_fault.h"
#include "mm/insert.h"
#include "mm/memory.h"

namespace dmdax {
namespace {

using K = FaultEventKind;

bool IsSynchronous(const IomapIter& iter, const VmAreaStruct& vma) {
  return (iter.flags & IOMAP_WRITE) && (vma.vm_flags & VM_SYNC) &&
         (iter.iomap.flags & IOMAP_F_DIRTY);
}

// Whether dax_insert_entry() marks the entry dirty, which differs between
// kernels.
bool MakesDirty(const IomapIter& iter, const VmFault& vmf) {
  const bool write = (iter.flags & IOMAP_WRITE) != 0;
  const bool sync = IsSynchronous(iter, *vmf.vma);
  switch (vmf.mm->profile().dax_dirty) {
    case DaxEntryDirty::kWrite:
      return write;
    case DaxEntryDirty::kWriteNotSync:
      return write && !sync;
    case DaxEntryDirty::kNotSync:
      break;
  }
  return !sync;
}

// A shared extent is replaced by its copy.
bool IsCow(const IomapIter& iter, const FaultProfile& profile) {
  if (!profile.dax_reflink || !(iter.iomap.flags & IOMAP_F_SHARED)) {
    return false;
  }
  return profile.dax_cow_by_shared_flag || (iter.flags & IOMAP_WRITE);
}

void InsertEntry(VmFault& vmf, const IomapIter& iter, DaxEntry& entry,
                 pfn_t pfn, unsigned flags) {
  FaultScope scope(vmf.mm->recorder(), FaultFunction::kDaxInsertEntry);
  DaxInode& inode = *iter.inode;
  const FaultProfile& profile = *inode.profile;
  const bool dirty = MakesDirty(iter, vmf);
  const bool cow = IsCow(iter, profile);
  if (cow || (entry.is_zero() && !(flags & DAX_ZERO_PAGE))) {
    // Others may have mapped the zero page, or the extent before its copy; they
    // must fault again to see the new page.
    inode.mapping.UnmapMappingPages(entry.index, uint64_t{1} << entry.order,
                                    EvenCows::kNo);
  }
  if (cow || entry.is_zero() || entry.is_empty()) {
    DaxDisassociate(*inode.mem, profile, entry);
    entry.pfn = pfn;
    entry.flags = flags | DAX_LOCKED;
    const bool folio = profile.insert == PageInsert::kFolio;
    if (folio && entry.is_pmd() && !entry.is_zero()) {
      inode.mem->MakeFolio(pfn, entry.order);
    }
  }
  if (dirty) entry.dirty = true;
  if (cow && (iter.flags & IOMAP_WRITE)) entry.towrite = true;
}

[[gnu::noinline]] void AddEntryEvent(VmFault& vmf, const DaxInode& inode,
                                     K kind, const DaxEntry& entry,
                                     FlaggedPfn pfn) {
  FaultEvent& event = vmf.mm->recorder()->Add(kind);
  event.dev = inode.s_dev;
  event.ino = inode.i_ino;
  event.vm_flags = vmf.vma->vm_flags;
  event.address = vmf.address;
  event.length = inode.profile->pmd_size();
  event.pfn = pfn.raw();
  event.write = vmf.write();
  event.radix_entry = entry.raw();
}

inline void RecordEntry(VmFault& vmf, const DaxInode& inode, K kind,
                        const DaxEntry& entry, FlaggedPfn pfn) {
  if (vmf.mm->recorder() == nullptr) return;
  AddEntryEvent(vmf, inode, kind, entry, pfn);
}

vm_fault_t LoadHole(VmFault& vmf, const IomapIter& iter, DaxEntry& entry) {
  const pfn_t zero = vmf.mm->mem().zero_pfn();
  InsertEntry(vmf, iter, entry, zero, DAX_ZERO_PAGE);
  const vm_fault_t ret =
      vmf.mm->profile().insert == PageInsert::kFolio
          ? VmfInsertPageMkwrite(vmf, zero, false)
          : VmfInsertMixed(vmf, vmf.address, FlaggedPfn{.pfn = zero}, false);
  RecordDax(vmf, *iter.inode, K::kDaxLoadHole, ret);
  return ret;
}

vm_fault_t PmdLoadHole(VmFault& vmf, const IomapIter& iter, DaxEntry& entry) {
  MmStruct& mm = *vmf.mm;
  const pfn_t zero = mm.mem().huge_zero_pfn();
  InsertEntry(vmf, iter, entry, zero, DAX_PMD | DAX_ZERO_PAGE);
  if (mm.profile().dax_huge_zero_by_folio) {
    const vm_fault_t ret = VmfInsertFolioPmd(vmf, zero, false);
    RecordEntry(vmf, *iter.inode, K::kDaxPmdLoadHole, entry, FlaggedPfn{});
    return ret;
  }
  if (!vmf.pmd.none()) {
    RecordEntry(vmf, *iter.inode, K::kDaxPmdLoadHoleFallback, entry,
                FlaggedPfn{});
    return FailFault(vmf, VM_FAULT_FALLBACK, FaultReasonCode::kNoHugeZeroPage);
  }
  const PteOps& ops = mm.pte_ops();
  vmf.pmd.Set(ops.MkHuge(ops.MkPte(zero, vmf.vma->vm_page_prot)));
  RecordEntry(vmf, *iter.inode, K::kDaxPmdLoadHole, entry, FlaggedPfn{});
  return VM_FAULT_NOPAGE;
}

// dax_fault_cow_page(): fills the private copy.
vm_fault_t FaultCowPage(VmFault& vmf, const IomapIter& iter) {
  int error = 0;
  if (iter.iomap.type == IOMAP_MAPPED) {
    FlaggedPfn pfn;
    error = DaxIomapDirectAccess(vmf, *iter.inode, iter.iomap, iter.pos,
                                 vmf.mm->profile().page_size(), &pfn);
  } else if (iter.iomap.type != IOMAP_HOLE &&
             iter.iomap.type != IOMAP_UNWRITTEN) {
    vmf.mm->Warn("unexpected iomap type for a COW page");
    error = -EIO;
  }
  if (error != 0) return DaxFaultReturn(vmf.mm->profile(), error);
  const vm_fault_t ret = FinishFault(vmf);
  return ret == 0 ? VM_FAULT_DONE_COW : ret;
}

// `held`: the page of the DAX entry.
vm_fault_t InsertMapped(VmFault& vmf, FlaggedPfn pfn, pfn_t held, bool pmd,
                        bool write) {
  MmStruct& mm = *vmf.mm;
  if (mm.profile().insert == PageInsert::kPfn) {
    return pmd ? VmfInsertPfnPmd(vmf, pfn, write)
               : VmfInsertMixed(vmf, vmf.address, pfn, write);
  }
  // An idle page has no reference, and insertion refuses such a page; that of
  // the entry borrows one.  If the table below has changed since the entry was
  // made, another page is to be inserted, which is idle still.
  mm.mem().Get(held);
  const vm_fault_t ret = pmd ? VmfInsertFolioPmd(vmf, pfn.pfn, write)
                             : VmfInsertPageMkwrite(vmf, pfn.pfn, write);
  mm.mem().Put(held);
  return ret;
}

// Whether the huge page that begins on the boundary before `pgoff` is whole:
// then no chunk and no row is too short, and what was asked for only reaches
// over the end of one because it begins off a boundary.
bool FitsOnBoundary(DaxDevice* dev, pgoff_t pgoff, uint64_t nr,
                    FaultReasonCode short_by) {
  const bool by_place = short_by == FaultReasonCode::kRunChunk ||
                        short_by == FaultReasonCode::kRunTargetEnd ||
                        short_by == FaultReasonCode::kRunDeviceEnd;
  const pgoff_t boundary(pgoff.value() & ~(nr - 1));
  if (!by_place || boundary.value() == pgoff.value()) return false;
  const DaxAccess there = DaxDirectAccess(
      dev, boundary, static_cast<int64_t>(nr), DaxAccessMode::kAccess, nullptr);
  return there.ret >= static_cast<int64_t>(nr);
}

FlaggedPfn FlaggedPfnOf(const FaultProfile& profile, const DaxAccess& access) {
  return {.pfn = pfn_t(PfnPhys(access.pfn) >> profile.page_shift),
          .dev = (access.pfn_flags & PFN_DEV) != 0,
          .map = (access.pfn_flags & PFN_MAP) != 0};
}

// More than one of the kernel's pages, which may be of 64 KiB, must have struct
// pages.
bool LacksDevmap(const FaultProfile& profile, const DaxAccess& access) {
  const auto page = static_cast<int64_t>(profile.page_size() >> kPageShift);
  return access.ret > page && !profile.no_pfn_t &&
         !PfnDevmap(profile, FlaggedPfnOf(profile, access));
}

}  // namespace

void DaxDisassociate(MemMap& mem, const FaultProfile& profile,
                     const DaxEntry& entry) {
  if (profile.insert != PageInsert::kFolio) return;
  if (entry.is_pmd() && !entry.is_zero() && !entry.is_empty()) {
    mem.SplitFolio(entry.pfn);
  }
}

bool DaxAccessMaps(const FaultProfile& profile, const DaxAccess& access,
                   uint64_t nr) {
  if (access.ret < static_cast<int64_t>(nr)) return false;
  if ((access.pfn.value() & (nr - 1)) != 0) return false;
  return !LacksDevmap(profile, access);
}

FaultReason DaxAccessReason(const DaxInode& inode, DaxDevice* dev,
                            pgoff_t pgoff, uint64_t nr, const DaxAccess& access,
                            absl::Span<const TraceStep> steps) {
  FaultReason reason;
  if (access.ret < 0) {
    // The memory itself has no other error than poison.
    const bool poison =
        !steps.empty() &&
        steps.back().function == TraceFunction::kPmemDaxDirectAccess &&
        (access.ret == -EIO || access.ret == -EHWPOISON);
    reason.code =
        poison ? FaultReasonCode::kPoison : FaultReasonCode::kDirectAccess;
    reason.err = static_cast<int>(-access.ret);
    if (!steps.empty()) reason.level = steps.back();
    if (dev != nullptr) reason.where = dev->host();
  } else if (static_cast<uint64_t>(access.ret) < nr) {
    reason = ShortRunReason(steps, nr, access.ret);
    if (FitsOnBoundary(dev, pgoff, nr, reason.code)) {
      reason = MisalignedReason({}, pgoff, inode.dax_part_off >> kPageShift,
                                pfn_t{}, nr);
    }
  } else if (access.pfn.value() & (nr - 1)) {
    reason = MisalignedReason(steps, pgoff, inode.dax_part_off >> kPageShift,
                              access.pfn, nr);
  } else if (LacksDevmap(*inode.profile, access)) {
    reason.code = FaultReasonCode::kPfnNoDevmap;
    if (!steps.empty()) reason.level = steps.back();
  }
  return reason;
}

int DaxIomapDirectAccess(VmFault& vmf, DaxInode& inode, const Iomap& iomap,
                         uint64_t pos, uint64_t size, FlaggedPfn* pfn) {
  const FaultProfile& profile = *inode.profile;
  const uint64_t page = profile.page_size();
  const uint64_t at = iomap.addr + (pos & ~(page - 1)) - iomap.offset;
  const pgoff_t pgoff(at >> kPageShift);
  const uint64_t nr = size >> kPageShift;
  Trace trace;
  FaultRecorder* recorder = vmf.mm->recorder();
  DaxReadLock lock;
  const DaxAccess access = DaxDirectAccess(
      iomap.dax_dev, pgoff, static_cast<int64_t>(nr), DaxAccessMode::kAccess,
      recorder != nullptr ? &trace : nullptr);
  vmf.ClearReason();
  absl::Span<const TraceStep> steps;
  if (recorder != nullptr) steps = recorder->AddSteps(trace.TakeSteps());
  // Whoever wants no frame takes what there is.
  const bool good =
      pfn != nullptr ? DaxAccessMaps(profile, access, nr) : access.ret >= 0;
  if (pfn != nullptr) *pfn = FlaggedPfnOf(profile, access);
  if (good) return 0;
  if (recorder == nullptr && vmf.mm->reasons == FaultReasons::kAll) {
    // The answer is asked for again, now with a trace that shows which level is
    // to blame.
    DaxDirectAccess(iomap.dax_dev, pgoff, static_cast<int64_t>(nr),
                    DaxAccessMode::kAccess, &trace);
    steps = trace.steps();
  }
  vmf.reason = DaxAccessReason(inode, iomap.dax_dev, pgoff, nr, access, steps);
  return access.ret < 0 ? static_cast<int>(access.ret) : -EINVAL;
}

namespace {

// dax_fault_cow_page() asks the device without this function, which the call
// graph shows.
int DirectAccessStep(VmFault& vmf, DaxInode& inode, const Iomap& iomap,
                     uint64_t pos, uint64_t size, FlaggedPfn* pfn) {
  FaultScope scope(vmf.mm->recorder(), FaultFunction::kDaxIomapDirectAccess);
  return DaxIomapDirectAccess(vmf, inode, iomap, pos, size, pfn);
}

}  // namespace

vm_fault_t DaxFaultIter(VmFault& vmf, const IomapIter& iter, DaxEntry& entry,
                        uint64_t index, bool pmd, FlaggedPfn* pfnp) {
  FaultScope scope(vmf.mm->recorder(), FaultFunction::kDaxFaultIter);
  DaxInode& inode = *iter.inode;
  const FaultProfile& profile = *inode.profile;
  const Iomap& iomap = iter.iomap;
  const bool write = (iter.flags & IOMAP_WRITE) != 0;
  const uint64_t pos = index << profile.page_shift;
  if (!pmd && vmf.has_cow_page) return FaultCowPage(vmf, iter);
  if (!write && (iomap.type == IOMAP_UNWRITTEN || iomap.type == IOMAP_HOLE)) {
    return pmd ? PmdLoadHole(vmf, iter, entry) : LoadHole(vmf, iter, entry);
  }
  if (iomap.type != IOMAP_MAPPED && !(iomap.flags & IOMAP_F_SHARED)) {
    vmf.mm->Warn("iomap->type != IOMAP_MAPPED on a DAX write");
    return FailFault(vmf, pmd ? VM_FAULT_FALLBACK : VM_FAULT_SIGBUS,
                     FaultReasonCode::kExtentType, IomapTypeName(iomap.type));
  }
  FlaggedPfn pfn;
  const uint64_t size = pmd ? profile.pmd_size() : profile.page_size();
  const int err = DirectAccessStep(vmf, inode, iomap, pos, size, &pfn);
  if (err < 0) {
    return pmd ? VM_FAULT_FALLBACK : DaxFaultReturn(profile, err);
  }
  // The entry comes before the check for sync: a deferred fault looks for it.
  InsertEntry(vmf, iter, entry, pfn.pfn, pmd ? unsigned{DAX_PMD} : 0);
  const bool copy = write && profile.dax_reflink &&
                    iter.srcmap.type != IOMAP_HOLE &&
                    iter.srcmap.addr != iomap.addr;
  // dax_iomap_copy_around() reads the source through its device.  How long and
  // where its run is does not matter: no page table will have it.
  if (copy) {
    const int copied =
        DirectAccessStep(vmf, inode, iter.srcmap, pos, size, nullptr);
    if (copied < 0) return DaxFaultReturn(profile, copied);
  }
  if (IsSynchronous(iter, *vmf.vma)) {
    if (pfnp == nullptr) {
      vmf.mm->Warn("!pfnp");
      return FailFault(vmf, VM_FAULT_SIGBUS, FaultReasonCode::kNoSyncSupport,
                       vmf.vma->vm_ops->name());
    }
    *pfnp = pfn;
    return VM_FAULT_NEEDDSYNC;
  }
  if (profile.trace_insert_mapping) {
    RecordEntry(vmf, inode,
                pmd ? K::kDaxPmdInsertMapping : K::kDaxInsertMapping, entry,
                pfn);
  }
  return InsertMapped(vmf, pfn, entry.pfn, pmd, write);
}

vm_fault_t DaxFinishSyncFault(VmFault& vmf, int order, DaxInode& inode,
                              FlaggedPfn pfn) {
  const FaultProfile& profile = *inode.profile;
  const uint64_t start = vmf.pgoff << profile.page_shift;
  const uint64_t len = profile.page_size() << order;
  FileSync* sync = vmf.vma->vm_file->sync;
  const int err =
      sync != nullptr ? sync->FsyncRange(start, start + len - 1, true) : 0;
  if (err < 0) {
    vmf.reason = {.code = FaultReasonCode::kSyncFailed, .err = -err};
    return VM_FAULT_SIGBUS;
  }
  DaxEntry* entry = inode.entries.Find(vmf.pgoff);
  if (entry == nullptr || entry->order < order ||
      (order == 0 && entry->is_pmd())) {
    RecordDax(vmf, inode, K::kDaxInsertPfnMkwriteNoEntry, VM_FAULT_NOPAGE);
    return VM_FAULT_NOPAGE;
  }
  entry->dirty = true;
  const vm_fault_t ret = InsertMapped(vmf, pfn, pfn.pfn, order > 0, true);
  {
    // The entry was locked for it.
    FaultScope unlock(vmf.mm->recorder(), FaultFunction::kDaxUnlockEntry);
  }
  RecordDax(vmf, inode, K::kDaxInsertPfnMkwrite, ret);
  return ret;
}

}  // namespace dmdax
