// SPDX-License-Identifier: Apache-2.0
//
// What the preload library shows in place of the kernel: the ioctls of
// /dev/mapper/control, the nodes of /dev and the few files of /proc and /sys
// that libdevmapper reads, all from the machine kept in $DMDAX_STATE.
//
// Every function takes the state as it is now and, if it changes it, writes
// it back before it returns, as `dmdax` itself does; several processes may
// therefore work on one state.
//
// Errors are positive errno values, 0 is success.  Threading: thread-safe.
#ifndef DMDAX_TOOLS_PRELOAD_EMULATED_FILES_H_
#define DMDAX_TOOLS_PRELOAD_EMULATED_FILES_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "absl/types/span.h"

namespace dmdax::preload {

inline constexpr absl::string_view kControlPath = "/dev/mapper/control";

// open(2) of the control node: a descriptor (control_file.h), or -1 with errno.
int OpenControl(int flags);
// ioctl(2) on it with a number of device-mapper's.  DM_DEV_WAIT blocks until
// the device has an event, and then answers even if that was its end; EINTR as
// in wait_event_interruptible().
int ControlIoctl(int fd, uint32_t command, void* argument);
// Has each of `fds` poll readable if there was an event since its open or
// DM_DEV_ARM_POLL, and only then.
void RefreshControls(absl::Span<const int> fds);

// What lies at a path below /dev; nothing: the real file system decides.
struct NodeInfo {
  enum Kind { kBlock, kControl, kDirectory } kind;
  uint32_t major_nr = 0, minor_nr = 0;
};
std::optional<NodeInfo> FindNode(absl::string_view path);
// Whether `path` lies in /dev/mapper, where nothing real is looked at.
bool InMapperDir(absl::string_view path);

// mknod, unlink and rename of block device nodes in /dev/mapper.
int MakeNode(absl::string_view path, uint32_t major_nr, uint32_t minor_nr);
int RemoveNode(absl::string_view path);
int RenameNode(absl::string_view from, absl::string_view to);
// The names in /dev/mapper.
std::vector<std::string> MapperDirEntries();

// The text of /proc/devices or a file below /sys/dev/block; nothing: it is
// none of ours.  An errno for one that the emulated kernel does not have.
struct FileText {
  int error = 0;
  std::string text;
};
std::optional<FileText> ReadKernelFile(absl::string_view path);
// Writes one of them: 0 or an errno.  read_ahead_kb alone can be written.
int WriteKernelFile(absl::string_view path, absl::string_view text);
// The target of a link below /sys/dev/block, in the same way.
std::optional<FileText> ReadKernelLink(absl::string_view path);

}  // namespace dmdax::preload

#endif  // DMDAX_TOOLS_PRELOAD_EMULATED_FILES_H_
