// SPDX-License-Identifier: Apache-2.0
//
// What the `fsdax` and `devdax` runners share: a process that maps a file as
// a recorded case did, touches it, and compares what each touch did.
#ifndef DMDAX_TESTS_CONFORMANCE_FAULT_CASE_H_
#define DMDAX_TESTS_CONFORMANCE_FAULT_CASE_H_

#include <functional>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "base/fault_profile.h"
#include "dax/dax_device.h"
#include "mm/fault_graph.h"
#include "mm/mm_struct.h"
#include "tests/conformance/verdict.h"

namespace dmdax::conformance {

// The devices of the case, built by the caller.
struct CaseDevices {
  // "/dev/mapper/d0" -> its DaxDevice, or null.
  std::function<DaxDevice*(const std::string& dev)> dax_device;
  // The device's number as the kernel would give it.
  std::function<DevT(const std::string& dev)> dev_t;
  // What a write to the file system's journal comes back with.
  std::function<int()> journal_io;
  // The same of the super block, and whether the device is suspended.
  std::function<int()> super_io;
  std::function<bool()> suspended;
  // The same for a range of the file system's device, in bytes.
  std::function<int(uint64_t at, uint64_t length)> zeroout;
  // Who is asked when the file system's device is frozen.
  std::function<void(std::function<int()>)> set_freeze;
  // bdi->ra_pages of the device.
  std::function<uint64_t(const std::string& dev)> ra_pages;
  // A touch's "sh:" line; returns why it can not be done, or "".
  std::function<std::string(const std::string& line)> shell;
};

// Physical memory ranges of pmem, in the recording's words:
// name -> [base, size, mode, namespace].
struct PmemRange {
  uint64_t base = 0;  // bytes
  uint64_t size = 0;
  bool pages = true;  // has struct pages
};
std::vector<PmemRange> PmemRanges(const Json& pmem);

// One map of a case: the mmap and its touches.
class FaultMap {
 public:
  FaultMap(const FaultProfile& profile, MemMap& mem,
           std::vector<PmemRange> ranges, Verdict& verdict);

  // Whether events are compared: a `trace` case records none.
  bool compare_events = true;

  MmStruct& mm() { return mm_; }
  FaultRecorder& recorder() { return recorder_; }

  // What the steps before the maps said to the probe and its kernel about huge
  // pages: {"thp": 1}, or a word for transparent_hugepage/enabled.
  void TakeThpSteps(const Json& test);

  // mmap with the case's options at the recorded address; false when it
  // failed (as recorded or not).
  bool Mmap(const std::string& where, const Json& map,
            const Json& recorded_step, std::shared_ptr<File> file);

  // One touch, compared with its recorded step.  `file_op` does those that
  // act on the file (trunc, punch, msync ...): the errno, 0, or -1 for one
  // that it does not know.
  using FileOp = std::function<int(const std::string& op, uint64_t offset,
                                   uint64_t length)>;
  void Touch(const std::string& where, const std::string& touch,
             const Json& recorded, bool inspect, const FileOp& file_op,
             const CaseDevices& devices);

  // The calls of the touches that were traced ("tw@0") with the map's
  // recorded function_graph, if it has one.
  void CompareGraphs(const std::string& where, const Json& recorded);
  // The mappings that are left with the last of the recorded steps, if that
  // shows them.
  void CompareSmaps(const std::string& where, const Json& map,
                    const Json& steps);

 private:
  void Access(const std::string& where, uint64_t addr, bool write,
              const Json& recorded);
  void Inspect(const std::string& where, uint64_t addr, const Json& recorded);
  void CompareEvents(const std::string& where, const Json& recorded);
  std::string Mask(const std::string& event) const;
  bool IsPmem(uint64_t pfn) const;

  const FaultProfile& profile_;
  MemMap& mem_;
  const std::vector<PmemRange> ranges_;
  Verdict& verdict_;
  FaultRecorder recorder_;
  std::vector<GraphCall> traced_;      // calls of all traced touches
  std::set<std::string> graph_roots_;  // the functions that are traced
  MmStruct mm_;
  uint64_t probe_ = 0;  // address of memory that the probe has for itself
  uint64_t base_ = 0;   // address of the mapping
};

}  // namespace dmdax::conformance

#endif  // DMDAX_TESTS_CONFORMANCE_FAULT_CASE_H_
