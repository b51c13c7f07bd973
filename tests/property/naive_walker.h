// SPDX-License-Identifier: Apache-2.0
//
// NaiveWorld: a second, deliberately simple opinion on every translation.
//
// It knows a machine by what the test said about it, and tables by their
// text, which it reads itself.  Each table is spread out into one entry per
// sector by dealing rows and chunks out one after the other; a query then is
// a walk from entry to entry.  No code of dm/, dax/ or block/ takes part, and
// a kernel is a handful of rules chosen by its release.
//
//   NaiveWorld world(6, 1);
//   world.AddPmem("pmem0", {.base = 1 << 30, .sectors = 2048});
//   world.CreateMapped("dm-0");
//   world.Load("dm-0", "0 1024 linear pmem0 8\n");
//   world.Resume("dm-0");
//   world.DirectAccess("dm-0", /*pgoff=*/3, /*nr=*/512, /*recovery=*/false);
//
// In table text, devices go by disk name ("pmem0", "dm-0", "pmem0p1").
// Threading: DirectAccess is const and may run in several threads as long as
// nothing else does.
#ifndef DMDAX_TESTS_PROPERTY_NAIVE_WALKER_H_
#define DMDAX_TESTS_PROPERTY_NAIVE_WALKER_H_

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

namespace dmdax::property {

// Pages and first frame, or -errno; what dax_direct_access() returns.
struct NaiveAnswer {
  int64_t ret = 0;
  uint64_t pfn = 0;  // meaningful when ret > 0
  int levels = 0;    // mapped devices passed on the way
};

struct NaivePmem {
  uint64_t base = 0;         // bytes
  uint64_t data_offset = 0;  // bytes
  uint64_t sectors = 0;      // after data_offset
  bool has_pages = true;
  std::vector<bool> bad;  // per sector; empty: none
};

// One sector of a mapped device.
struct NaiveSector {
  enum class Kind { kMapped, kEio };
  Kind kind = Kind::kEio;
  std::string device;   // disk name below
  uint64_t sector = 0;  // there
  uint64_t left = 0;    // sectors to the end of the row or chunk
  bool row_has_chunk = false;
};

struct NaiveLeg {
  std::string device;
  uint64_t start, len;  // the area the kernel checks at load
};

struct NaiveTable {
  std::vector<NaiveSector> sectors;
  std::vector<std::string> opened;  // every device named, once
  std::vector<NaiveLeg> legs;
  bool all_rows_can_dax = true;
};

class NaiveWorld {
 public:
  NaiveWorld(uint32_t major, uint32_t minor);

  void AddPmem(const std::string& name, const NaivePmem& pmem);
  // A disk without DAX.
  void AddDisk(const std::string& name, uint64_t sectors);
  void AddPartition(const std::string& name, const std::string& whole,
                    uint64_t start, uint64_t sectors);
  void CreateMapped(const std::string& name);

  // False: the kernel must refuse (a leg is too small).  The inactive table
  // is then as before.
  bool Load(const std::string& name, const std::string& text);
  // Whether Load() would be refused because the table is not DAX and the
  // device is.  Before 5.17 that took probing accesses: not modelled there.
  bool predicts_type() const { return partition_must_be_aligned_; }
  bool RefusesType(const std::string& name, const std::string& text);
  // False: the kernel must refuse; the inactive table is gone.
  bool Resume(const std::string& name);
  // The disk's queue_max_sectors(), which the test sets or reads.
  void SetMaxSectors(const std::string& name, uint64_t max_sectors);

  uint64_t Size(const std::string& name) const;

  // dax_direct_access() on the DaxDevice of disk `name`.
  NaiveAnswer DirectAccess(const std::string& name, uint64_t pgoff, int64_t nr,
                           bool recovery) const;

 private:
  enum class DeviceKind { kPmem, kDisk, kPartition, kMapped };
  struct Handle {
    bool has_dax;
    int users;
  };
  struct Device {
    DeviceKind kind = DeviceKind::kMapped;
    uint64_t sectors = 0;
    std::string whole;   // of a partition
    uint64_t start = 0;  // of a partition
    NaivePmem pmem;
    // Mapped devices:
    std::unique_ptr<NaiveTable> live, inactive;
    std::map<std::string, Handle> handles;  // by disk name
    bool typed = false;                     // a first load went well
    bool dax_type = false;                  // and made it DAX, for good
    bool dax_flag = false;  // of the queue, which follows the live table
    uint64_t max_sectors = 0;
  };

  std::unique_ptr<NaiveTable> Parse(const std::string& text) const;
  bool LegsFit(const NaiveTable& table) const;
  bool BdevHasDax(const std::string& name) const;
  bool TableIsDax(const Device& md, const NaiveTable& table) const;
  void OpenAll(Device& md, const NaiveTable& table);
  void CloseAll(Device& md, const NaiveTable& table);
  NaiveAnswer AskMapped(const Device& md, uint64_t pgoff, int64_t nr,
                        bool recovery) const;
  // The first bad sector in the window, counted from its start; or -1.
  static int64_t FirstBad(const NaivePmem& pmem, uint64_t begin,
                          uint64_t sectors);
  NaiveAnswer AskPmem(const NaivePmem& pmem, uint64_t pgoff, int64_t nr,
                      bool recovery) const;

  // What kernels differ in, here.
  bool rejects_unaligned_;
  bool negative_nr_returns_itself_;
  bool max_sectors_counts_;
  bool log_writes_has_dax_;
  bool error_row_takes_device_;
  bool partition_must_be_aligned_;
  int poison_errno_;

  std::map<std::string, Device> devices_;
};

}  // namespace dmdax::property

#endif  // DMDAX_TESTS_PROPERTY_NAIVE_WALKER_H_
