// SPDX-License-Identifier: Apache-2.0
//
// RandomWorld: memory, a stack of mapped devices, a file system with a file,
// and what a process did to it before; drawn from a seed.
//
//   RandomWorld world(seed);
//   if (world.Make(user)) world.Open(user);    // as often as one likes
//
// The machine is made once; what runs on it, in a UserSpace, anew each time.
// Threading: single-threaded.
#ifndef DMDAX_TESTS_SWEEP_RANDOM_WORLD_H_
#define DMDAX_TESTS_SWEEP_RANDOM_WORLD_H_

#include <memory>
#include <string>
#include <vector>

#include "dm/dm_ioctl.h"
#include "process/user_space.h"
#include "tests/property/random_table.h"

namespace dmdax {

class RandomWorld {
 public:
  explicit RandomWorld(uint64_t seed);

  const FaultProfile& faults() const { return *faults_; }
  Machine& machine() { return machine_; }
  property::Dice& dice() { return dice_; }

  // Mounts, adds the file, and touches it; or makes the device-dax.  False:
  // the kernel would not have it.
  bool Make(UserSpace& user);
  std::shared_ptr<File> Open(UserSpace& user) const;
  uint64_t size() const { return size_; }  // of the file, bytes
  // What there is, line by line.
  std::string Text() const;

 private:
  void AddMemory();
  void AddLevel();
  std::string DrawRow(uint64_t begin, uint64_t* len);
  void DrawFile();
  void DrawExtents(uint64_t device_bytes);
  uint64_t DrawUnit() { return dice_.OneOf({8, 8, 4096, 4096, 4096}); }

  property::Dice dice_;
  Machine machine_;
  DmCtl ctl_;
  const FaultProfile* faults_;
  const uint64_t scale_;  // of all sizes, so that stripes come round
  const bool stripes_;    // on top of each other, and little else
  std::vector<BlockDevice*> devices_;
  std::string text_;
  BlockDevice* device_ = nullptr;  // what the file is on
  MountOptions mount_;
  FileOptions file_;
  DevDaxRequest dax_;  // instead of a file, if it has a name
  uint64_t size_ = 0;
  struct Touch {
    uint64_t offset;
    bool write;
  };
  std::vector<Touch> touches_;
};

}  // namespace dmdax

#endif  // DMDAX_TESTS_SWEEP_RANDOM_WORLD_H_
