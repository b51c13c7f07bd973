// SPDX-License-Identifier: Apache-2.0
//
// FaultWorld: a stack with files, and a process that touches them, in dmdax and
// in the baseline.
//
//   FaultWorld world(FaultStack::kRows);
//   FaultSubject& subject = world.File("ext4", FaultFile::kMapped);
//   subject.Restart();                      // a fresh process, nothing touched
//   subject.task().mm().Touch(subject.address(512), /*write=*/true);
//   subject.kernel().Touch(subject.address(512), true);
//
// A file has kFaultSlots huge pages and lies in a mapping of its own beside two
// dozen others.
#ifndef DMDAX_BENCH_FAULT_WORLD_H_
#define DMDAX_BENCH_FAULT_WORLD_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "bench/fault_baseline.h"
#include "block/machine.h"
#include "dm/dm_ioctl.h"
#include "process/user_space.h"

namespace dmdax::bench {

inline constexpr uint64_t kFaultSlots = 4096;

// kRows has 1024 rows in random order, and files in as many extents on it;
// kLevels 16 tables of one row each.
enum class FaultStack { kRow, kStripe, kRows, kLevels };
enum class FaultFile { kMapped, kHole, kUnwritten };

// One mapping, of a file or device, with its process in each contender.
class FaultSubject {
 public:
  FaultSubject(UserSpace& user, std::shared_ptr<File> file, uint64_t slot_bytes,
               BaselineHandler* kernel_file, VmaHuge huge);

  // A fresh process that has touched nothing, in both contenders.
  void Restart();
  Task& task() { return *task_; }
  FaultBaseline& kernel() { return kernel_; }
  uint64_t address(uint64_t page) const { return start_ + page * 4096; }
  uint64_t pages() const { return length_ / 4096; }
  // As Restart() maps it.
  VmaOptions mapping() const;
  UserSpace& user() { return user_; }
  // What a restart must undo in files.
  std::function<void()> reset;

 private:
  UserSpace& user_;
  const std::shared_ptr<File> file_;
  const VmaHuge huge_;
  const uint64_t length_;
  const uint64_t start_;
  FaultBaseline kernel_;
  std::unique_ptr<Task> task_;
};

class FaultWorld {
 public:
  explicit FaultWorld(FaultStack stack);

  std::unique_ptr<FaultSubject> File(const std::string& fs, FaultFile file,
                                     VmaHuge huge);
  // Of an alignment of 2^order pages.
  std::unique_ptr<FaultSubject> DevDax(int order);

 private:
  void AddPmem(uint64_t bytes);
  void AddRows(uint64_t rows);
  void AddStripe();
  void Create(const std::vector<DmTargetSpec>& rows);

  Machine machine_{DefaultKernelProfile()};
  DmCtl ctl_{machine_};
  KernelBaseline kernel_{ReadSide::kSrcu};
  std::vector<BaselineExtent> extents_;
  BlockDevice* disk_ = nullptr;
  BaselineDax* top_ = nullptr;
  std::unique_ptr<UserSpace> user_;
  std::vector<std::unique_ptr<BaselineHandler>> kernel_files_;
};

}  // namespace dmdax::bench

#endif  // DMDAX_BENCH_FAULT_WORLD_H_
