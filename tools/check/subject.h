// SPDX-License-Identifier: Apache-2.0
//
// Subject: what `dmdax check` asks about: a file, a device-dax, or a block
// device as if a file covered it.
//
//   for (const std::string& name : DefaultSubjects(session).names) {
//     absl::StatusOr<Subject> subject = OpenSubject(session, name);
//     if (subject->dax.ok()) Sweep(subject->file, subject->size);
//     CloseSubject(session, *subject);
//   }
// Threading: as Machine and DmCtl.
#ifndef DMDAX_TOOLS_CHECK_SUBJECT_H_
#define DMDAX_TOOLS_CHECK_SUBJECT_H_

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "block/block_device.h"
#include "mm/vm_area.h"
#include "state/session.h"

namespace dmdax {

struct Subject {
  enum Kind { kFile, kDevDax, kDevice };

  std::string name;  // "/mnt/db", "dax3.0", "vg-home"
  Kind kind = kFile;
  uint64_t size = 0;  // bytes
  // Of a file its file system's device; null for a device-dax.
  BlockDevice* bdev = nullptr;
  // Where the file system of the file, or on the device, is mounted; or "".
  std::string mount;
  // Why it cannot be mapped directly, or OK and a file that can.
  absl::Status dax;
  std::shared_ptr<File> file;
};

// ENOENT, ENXIO: there is no such thing; the message lists what there is.  One
// device can be open at a time.
absl::StatusOr<Subject> OpenSubject(Session& session, const std::string& name);

// A block device that is at hand; errors call it `name`.
Subject OpenDeviceSubject(Session& session, BlockDevice& bdev,
                          const std::string& name);

// Lets go of its file, so that another subject can be opened.
void CloseSubject(Session& session, Subject& subject);

// Whether a mount at the path is the boot loader's or the firmware's.
bool IsBootMount(absl::string_view path);

struct Subjects {
  std::vector<std::string> names;
  // Devices on top of a stack without any persistent memory.
  std::vector<std::string> without_pmem;
  // What each of the names is, and where it is mounted.
  std::map<std::string, std::pair<Subject::Kind, std::string>> known;
  // Of a name that was asked for: what stands on that device.
  std::map<std::string, std::vector<std::string>> held_by;
};

// All that a program can map on the machine: the files of its mounts, its
// device-dax, and the devices on which nothing stands, mounts with files
// included.
Subjects DefaultSubjects(const Session& session);

}  // namespace dmdax

#endif  // DMDAX_TOOLS_CHECK_SUBJECT_H_
