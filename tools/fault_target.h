// SPDX-License-Identifier: Apache-2.0
//
// FaultTarget: what a verb that faults maps and touches: the options --file,
// --device, --offset ... and the file they mean.
//
//   auto o = std::make_shared<FaultRequest>();
//   AddFaultOptions(*verb, *o);   // and in the verb's callback:
//   absl::StatusOr<FaultTarget> t = FaultTarget::Open(session, *o);
//   absl::StatusOr<VmAreaStruct*> vma = t->Map(task);
//   task.Touch(t->Address(**vma), AccessKind::kWrite);
#ifndef DMDAX_TOOLS_FAULT_TARGET_H_
#define DMDAX_TOOLS_FAULT_TARGET_H_

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "CLI/CLI.hpp"
#include "absl/status/statusor.h"
#include "process/task.h"
#include "state/session.h"

namespace dmdax {

// A touch of a fresh mapping, as it is asked for.
struct FaultRequest {
  std::string file;     // one of these two
  std::string device;   // device-dax or block device
  uint64_t offset = 0;  // bytes in the file
  AccessKind access = AccessKind::kRead;
  VmaOptions vma;  // without a file; length 0: to the file's end
  // The letters of vma.prot; "": rw, or r of a file that nobody can write.
  std::string prot;
  bool readonly = false;  // the file is open for reading only
  std::string want = "PMD";
};

struct FaultOptions {
  const CLI::Option* file = nullptr;
  const CLI::Option* device = nullptr;
  const CLI::Option* offset = nullptr;
  std::vector<const CLI::Option*> others;
};

FaultOptions AddFaultOptions(CLI::App& verb, FaultRequest& o);

class FaultTarget {
 public:
  // ENOENT, ENXIO: no such file, device; EINVAL: neither or both are given,
  // or the offset lies before the mapping.  A block device stands for a
  // file that covers it (ext4, from 16 TiB on xfs, dax=always); what the kernel
  // says against such a mount is the error.
  static absl::StatusOr<FaultTarget> Open(Session& session,
                                          const FaultRequest& o);

  // "/mnt/f", "/dev/dax3.0", "vg-home".
  const std::string& name() const { return name_; }
  const std::shared_ptr<File>& file() const { return file_; }
  uint64_t size() const { return size_; }  // bytes
  absl::StatusOr<VmAreaStruct*> Map(Task& task) const;
  // Where the mapping has the byte that is touched.
  uint64_t Address(const VmAreaStruct& vma) const {
    return vma.vm_start + (o_.offset - o_.vma.offset);
  }
  AccessKind kind() const { return o_.access; }
  // The order of the entry that was asked for.
  int WantOrder(const FaultProfile& faults) const;

 private:
  FaultTarget(std::string name, std::shared_ptr<File> file, uint64_t size,
              const FaultRequest& o)
      : name_(std::move(name)), file_(std::move(file)), size_(size), o_(o) {}

  std::string name_;
  std::shared_ptr<File> file_;
  uint64_t size_;  // bytes
  FaultRequest o_;
};

}  // namespace dmdax

#endif  // DMDAX_TOOLS_FAULT_TARGET_H_
