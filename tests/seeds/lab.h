// SPDX-License-Identifier: Apache-2.0
//
// What the rows' scenarios are made of: a machine with persistent memory and
// its mapped devices, a device-dax, a DAX file, a process; and how what they
// did is put into words.
#ifndef DMDAX_TESTS_SEEDS_LAB_H_
#define DMDAX_TESTS_SEEDS_LAB_H_

#include <memory>
#include <string>
#include <vector>

#include "base/fault_profile.h"
#include "dax/device_dax.h"
#include "dm/dm_ioctl.h"
#include "fs/file_system_type.h"
#include "mm/mm_struct.h"

namespace dmdax::seeds {

inline constexpr uint64_t k4K = 4096;
inline constexpr uint64_t k2M = 2 << 20;
inline constexpr uint64_t k1G = 1 << 30;
// Where the labs map: 1 GiB aligned.
inline constexpr uint64_t kAddr = 0x7f0000000000;

// One line about a touch: "PMD, pfn 0x100200, RW, 1 minor", "SIGBUS
// BUS_ADRERR", "BUG ..."; then the reason if the entry is no larger.
std::string Words(const FaultProfile& profile, const MmStruct& mm,
                  const FaultOutcome& outcome);
// What maps `addr` now: "PMD pfn 0x100000 PRESENT|...", or "nothing".
std::string EntryWords(MmStruct& mm, uint64_t addr);
// "PTE", "PMD", "PUD".
std::string OrderName(const FaultProfile& profile, int order);
// An mmap's, a load's ...: "ok" or "EINVAL: words".
std::string Words(const absl::Status& status);
// Events of `recorder`, one a line.
std::string Words(const FaultProfile& profile, const FaultRecorder& recorder);

// A process that maps a device-dax of 2 GiB at 4 GiB.
class DevDaxLab {
 public:
  explicit DevDaxLab(const std::string& kernel, uint64_t align = k4K,
                     bool compound = true);

  // mmap at kAddr (+ delta); flags default to MAP_SHARED.
  absl::Status Map(uint64_t len, int flags = 1, uint64_t pgoff = 0,
                   uint64_t delta = 0);
  FaultOutcome Touch(uint64_t offset, bool write) {
    return mm->Touch(kAddr + offset, write);
  }
  std::string TouchWords(uint64_t offset, bool write) {
    return Words(*profile, *mm, Touch(offset, write));
  }

  // "count 1, mapcount 0, RssFile 0 KiB": a page's, and the process's.
  std::string CountWords(pfn_t pfn = kFirst) const;

  // The device's first frame.
  static constexpr pfn_t kFirst{4 * k1G / k4K};
  const FaultProfile* profile;
  std::unique_ptr<MemMap> mem;
  std::unique_ptr<DevDax> dax;
  std::unique_ptr<MmStruct> mm;
  FaultRecorder recorder;
};

// A machine: pmem0 and pmem1, 64 MiB each at 4 and 8 GiB, synchronous, and
// loop0 (7:0), no DAX.
class DmLab {
 public:
  explicit DmLab(const std::string& kernel);

  // dmsetup create: one row a line, "START LENGTH TYPE PARAMS".
  absl::Status Create(const std::string& name, const std::string& table);
  absl::Status Load(const std::string& name, const std::string& table);
  absl::Status Resume(const std::string& name);
  MappedDevice& Md(const std::string& name) { return *ctl->FindDevice(name); }
  // dm_dax_direct_access of `name`: "4 pages at pfn 0x100000" or the errno.
  std::string Access(const std::string& name, uint64_t pgoff, int64_t nr);
  // "type 3: DAX" or "type 1: why not".
  std::string Type(const std::string& name);
  std::vector<std::string> Log() { return machine->log().TakeNew(); }

  const KernelProfile* profile;
  std::unique_ptr<Machine> machine;
  std::unique_ptr<DmCtl> ctl;
};

// A DAX file of 8 MiB on a device of a DmLab (or, without one, on a pmem0 of
// its own), mapped whole by a process.
class FileLab {
 public:
  // `dax_dev` null: pmem0 of a machine of its own.
  explicit FileLab(const std::string& kernel, const std::string& fs = "ext4",
                   DaxDevice* dax_dev = nullptr);

  void Extent(uint64_t logical, uint64_t physical, uint64_t length,
              uint16_t type = IOMAP_MAPPED);
  absl::Status Map(int flags = 1);
  FaultOutcome Touch(uint64_t offset, bool write) {
    return mm->Touch(kAddr + offset, write);
  }
  std::string TouchWords(uint64_t offset, bool write) {
    return Words(*profile, *mm, Touch(offset, write));
  }

  const FaultProfile* profile;
  std::unique_ptr<DmLab> own;
  std::unique_ptr<MemMap> mem;
  std::unique_ptr<FileSystem> fs;
  std::unique_ptr<DaxInode> inode;
  AlignedAllocator allocator;
  std::unique_ptr<MmStruct> mm;
  FaultRecorder recorder;
};

}  // namespace dmdax::seeds

#endif  // DMDAX_TESTS_SEEDS_LAB_H_
