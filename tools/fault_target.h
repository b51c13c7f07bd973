// SPDX-License-Identifier: Apache-2.0
//
// FaultTarget: what a verb that faults maps and touches: the options --file,
// --device, --offset ... and the file they mean.
//
//   auto o = std::make_shared<FaultOptions>();
//   AddFaultOptions(*verb, *o);   // and in the verb's callback:
//   absl::StatusOr<FaultTarget> t = FaultTarget::Open(session, *o);
//   absl::StatusOr<VmAreaStruct*> vma = t->Map(task);
//   task.Touch(t->Address(**vma), AccessKind::kWrite);
#ifndef DMDAX_TOOLS_FAULT_TARGET_H_
#define DMDAX_TOOLS_FAULT_TARGET_H_

#include <cstdint>
#include <memory>
#include <string>

#include "CLI/CLI.hpp"
#include "absl/status/statusor.h"
#include "process/task.h"
#include "state/session.h"

namespace dmdax {

struct FaultOptions {
  std::string file;
  std::string device;
  uint64_t offset = 0;      // bytes in the file
  uint64_t map_offset = 0;  // bytes in the file where the mapping begins
  uint64_t length = 0;      // of the mapping; 0: to the end of the file
  uint64_t address = 0;     // of the mapping; 0: the kernel picks
  std::string prot = "rw";
  bool write = false;
  bool is_private = false;
  bool sync = false;
  bool readonly = false;
  std::string want = "PMD";
};

void AddFaultOptions(CLI::App& verb, FaultOptions& o);

class FaultTarget {
 public:
  // ENOENT, ENXIO: no such file, device; EINVAL: neither or both are given,
  // or the offset lies before the mapping.  A block device stands for a
  // file that covers it (ext4, from 16 TiB on xfs, dax=always); what the kernel
  // says against such a mount is the error.
  static absl::StatusOr<FaultTarget> Open(Session& session,
                                          const FaultOptions& o);

  // "/mnt/f", "/dev/dax3.0", "vg-home".
  const std::string& name() const { return name_; }
  const std::shared_ptr<File>& file() const { return file_; }
  uint64_t size() const { return size_; }  // bytes
  absl::StatusOr<VmAreaStruct*> Map(Task& task) const;
  // Where the mapping has the byte that is touched.
  uint64_t Address(const VmAreaStruct& vma) const {
    return vma.vm_start + (o_.offset - o_.map_offset);
  }
  AccessKind kind() const {
    return o_.write ? AccessKind::kWrite : AccessKind::kRead;
  }
  // The order of the entry that was asked for.
  int WantOrder(const FaultProfile& faults) const;

 private:
  FaultTarget(std::string name, std::shared_ptr<File> file, uint64_t size,
              const FaultOptions& o)
      : name_(std::move(name)), file_(std::move(file)), size_(size), o_(o) {}

  std::string name_;
  std::shared_ptr<File> file_;
  uint64_t size_;  // bytes
  FaultOptions o_;
};

}  // namespace dmdax

#endif  // DMDAX_TOOLS_FAULT_TARGET_H_
