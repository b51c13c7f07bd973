// SPDX-License-Identifier: Apache-2.0
#include "tests/seeds/lab.h"

#include <signal.h>
#include <sys/mman.h>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_split.h"
#include "base/errno_status.h"
#include "base/kernel_profile.h"
#include "formats/table_text.h"

namespace dmdax::seeds {
namespace {

std::string SignalWords(const FaultOutcome& o) {
  const std::string code =
      o.sig == SIGSEGV ? (o.si_code == 1 ? "SEGV_MAPERR" : "SEGV_ACCERR")
      : o.si_code == 2 ? "BUS_ADRERR"
      : o.si_code == 4 ? absl::StrCat("BUS_MCEERR_AR lsb ", o.sig_addr_lsb)
                       : absl::StrCat("si_code ", o.si_code);
  return absl::StrCat(o.sig == SIGSEGV ? "SIGSEGV " : "SIGBUS ", code);
}

std::string EntryWords(const FaultProfile& profile, const MmStruct& mm,
                       const FaultOutcome& o) {
  return absl::StrFormat(
      "%s, pfn 0x%x, %s%s%s", OrderName(profile, o.order), o.pfn.value(),
      mm.pte_ops().Write(o.entry) ? "RW" : "RO", o.zero_page ? ", zero" : "",
      !o.faulted      ? ", no fault"
      : o.maj_flt > 0 ? ", major"
                      : ", minor");
}

}  // namespace

std::string OrderName(const FaultProfile& profile, int order) {
  if (order == 0) return "PTE";
  return order == profile.pmd_order() ? "PMD" : "PUD";
}

std::string EntryWords(MmStruct& mm, uint64_t addr) {
  Pte entry;
  int order = 0;
  if (!mm.Lookup(addr, &entry, &order)) return "nothing";
  return absl::StrCat(OrderName(mm.profile(), order), " ",
                      mm.pte_ops().Text(entry));
}

std::string Words(const absl::Status& status) {
  if (status.ok()) return "ok";
  return absl::StrCat(ErrnoName(ErrnoOf(status)), ": ", status.message());
}

std::string Words(const FaultProfile& profile, const MmStruct& mm,
                  const FaultOutcome& o) {
  std::string words;
  if (!o.bug.empty()) {
    words = absl::StrCat("kernel BUG: ", o.bug);
  } else if (o.sig != 0) {
    words = SignalWords(o);
  } else {
    words = EntryWords(profile, mm, o);
  }
  for (const std::string& warning : o.warnings) {
    absl::StrAppend(&words, "; WARN: ", warning);
  }
  if (o.reason) {
    absl::StrAppend(&words, "; ", FaultReasonName(o.reason.code), ": ",
                    FaultReasonText(o.reason));
  }
  return words;
}

std::string Words(const FaultProfile& profile, const FaultRecorder& recorder) {
  std::string words;
  for (const FaultEvent& event : recorder.events()) {
    absl::StrAppend(&words, "  ", FaultEventText(profile, event), "\n");
  }
  return words;
}

DevDaxLab::DevDaxLab(const std::string& kernel, uint64_t align, bool compound)
    : profile(&(*FindKernelProfile(kernel))->fault),
      mem(std::make_unique<MemMap>(*profile)) {
  dax = *DevDax::Create(*profile, *mem,
                        {.name = "dax0.0",
                         .align = align,
                         .ranges = {{.start = 4 * k1G, .size = 2 * k1G}},
                         .compound_pages = compound});
  mm = std::make_unique<MmStruct>(*profile, *mem);
}

absl::Status DevDaxLab::Map(uint64_t len, int flags, uint64_t pgoff,
                            uint64_t delta) {
  mm->set_recorder(&recorder);
  return mm
      ->Mmap({.addr = kAddr + delta,
              .len = len,
              .prot = PROT_READ | PROT_WRITE,
              .flags = flags | MAP_FIXED,
              .file = dax->Open(),
              .pgoff = pgoff})
      .status();
}

std::string DevDaxLab::CountWords(pfn_t pfn) const {
  return absl::StrFormat("count %d, mapcount %d, RssFile %d KiB",
                         mem->Refcount(pfn), mem->Mapcount(pfn),
                         mm->rss_file * 4);
}

DmLab::DmLab(const std::string& kernel)
    : profile(*FindKernelProfile(kernel)),
      machine(std::make_unique<Machine>(*profile)) {
  for (uint64_t i : {0, 1}) {
    (void)machine->AddPmem({.name = absl::StrCat("pmem", i),
                            .base = (i + 1) << 32,
                            .size = 64 << 20});
  }
  BlockOptions loop;
  loop.name = "loop0";
  loop.nr_sectors = (64 << 20) / kSectorSize;
  loop.dev = DevT{7, 0};
  (void)machine->AddBlock(loop);
  machine->log().TakeNew();
  ctl = std::make_unique<DmCtl>(*machine);
}

absl::Status DmLab::Load(const std::string& name, const std::string& table) {
  const TableText text = ParseTableText(table, "table");
  if (!text.ok()) return ErrnoError(EINVAL, text.error.cause);
  DmIoctl io{.name = name};
  return ctl->TableLoad(io, text.Specs());
}

absl::Status DmLab::Resume(const std::string& name) {
  DmIoctl io{.name = name};
  return ctl->DevSuspend(io);
}

absl::Status DmLab::Create(const std::string& name, const std::string& table) {
  DmIoctl io{.name = name};
  if (absl::Status s = ctl->DevCreate(io); !s.ok()) return s;
  machine->AddNode(absl::StrCat("/dev/mapper/", name), Md(name).dev());
  if (absl::Status s = Load(name, table); !s.ok()) return s;
  return Resume(name);
}

std::string DmLab::Access(const std::string& name, uint64_t pgoff, int64_t nr) {
  DaxReadLock lock;
  const DaxAccess access = DaxDirectAccess(&Md(name).dax_dev(), pgoff_t(pgoff),
                                           nr, DaxAccessMode::kAccess, nullptr);
  if (access.ret < 0) {
    return absl::StrCat("-", ErrnoName(static_cast<int>(-access.ret)));
  }
  return absl::StrFormat("%d pages at pfn 0x%x", access.ret,
                         access.pfn.value());
}

std::string DmLab::Type(const std::string& name) {
  MappedDevice& md = Md(name);
  const DmTable* table = md.live_table();
  if (table == nullptr) return "no table";
  const DaxVerdict verdict = table->SupportsDax();
  return absl::StrCat("type ", static_cast<int>(md.type()), ": ",
                      verdict.dax() ? "DAX" : verdict.reason);
}

FileLab::FileLab(const std::string& kernel, const std::string& fs_name,
                 DaxDevice* dax_dev)
    : profile(&(*FindKernelProfile(kernel))->fault),
      mem(std::make_unique<MemMap>(*profile)),
      allocator(16 << 20, 48 << 20, k2M) {
  if (dax_dev == nullptr) {
    own = std::make_unique<DmLab>(kernel);
    dax_dev = &own->machine->FindPmem("pmem0")->dax_dev();
  }
  for (uint64_t i : {0, 1}) {
    mem->AddPagemap({.start = PhysPfn((i + 1) << 32), .nr = 16384});
  }
  fs = *MakeFileSystem(fs_name, *profile);
  inode = std::make_unique<DaxInode>(*profile, *mem);
  inode->i_size = 8 << 20;
  inode->s_dax = true;
  inode->dax_dev = dax_dev;
  inode->allocator = &allocator;
  inode->recorder = &recorder;
  mm = std::make_unique<MmStruct>(*profile, *mem);
}

void FileLab::Extent(uint64_t logical, uint64_t physical, uint64_t length,
                     uint16_t type) {
  inode->extents.Insert({.logical = logical,
                         .physical = physical,
                         .length = length,
                         .type = type});
}

absl::Status FileLab::Map(int flags) {
  mm->set_recorder(&recorder);
  return mm
      ->Mmap({.addr = kAddr,
              .len = 8 << 20,
              .prot = PROT_READ | PROT_WRITE,
              .flags = flags | MAP_FIXED,
              .file = fs->Open(*inode, "f")})
      .status();
}

}  // namespace dmdax::seeds
