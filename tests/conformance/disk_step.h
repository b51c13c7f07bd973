// SPDX-License-Identifier: Apache-2.0
//
// The steps of a recorded `table` case that are not about device-mapper's
// control: I/O, opens, and what other programs did to the machine.
//
// I/O is done and compared.  Programs are not imitated; what they changed is
// applied as recorded, and what they printed is not compared:
//
//   ndctl   the namespace it made: its size comes from ndctl's own output
//   lvm     lvcreate, vgchange -an: the devices that later steps show
//   dd      zeros are written where `of` says, to the device or to its page
//           cache; a read has no effect
//   ls      none, and its output for /dev/mapper is compared
#ifndef DMDAX_TESTS_CONFORMANCE_DISK_STEP_H_
#define DMDAX_TESTS_CONFORMANCE_DISK_STEP_H_

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "base/ranges.h"
#include "base/units.h"
#include "block/block_device.h"
#include "dm/io/block_file.h"
#include "state/session.h"
#include "tests/conformance/verdict.h"

namespace dmdax::conformance {

// A device that an `open` step holds.
struct OpenDisk {
  BlockDevice* bdev;
  unsigned mode;
};

// What a `mount` step mounted.
struct MountedDisk {
  std::string at;
  BlockDevice* bdev;
  bool read_only;
};

struct DiskState {
  Session& session;
  const Json& recorded;  // all steps of the recording
  std::map<std::string, OpenDisk> open;
  size_t at = 0;                     // the step that runs
  std::vector<MountedDisk> mounted;  // the latest last
  // What the recording program forgot to close, since it went wrong.
  std::vector<std::unique_ptr<BlockFile>> leaked;
  // Bytes that are zeros in the page cache of a device, and not yet on it.
  std::map<DevT, Ranges> unwritten;
};

// Whether the page cache of a device keeps what was written to it: who closes
// it writes that back only if nobody else has it open (sync_blockdev() of
// blkdev_put()).  Bytes [begin, end) go to it when somebody asks for that.
void WriteBackZeros(DiskState& state, BlockDevice& bdev, uint64_t begin,
                    uint64_t end);
// The same of all devices that nobody has open any more.
void WriteBackClosed(DiskState& state);

Json ErrnoJson(const absl::Status& s);
// open(2) and close(2) of a device node.
absl::StatusOr<BlockDevice*> OpenPath(DiskState& state, const std::string& path,
                                      unsigned mode);
void ClosePath(DiskState& state, BlockDevice* bdev, unsigned mode);

// Whether RunDiskStep() knows this kind of step.
bool IsDiskStep(const Json& step);

// Runs the step and compares it with its recording, but for the kernel log
// and `devs`.  False: the log is a program's and not to be compared.
bool RunDiskStep(const std::string& where, const Json& step,
                 const Json& recorded, DiskState& state, Verdict& verdict);

}  // namespace dmdax::conformance

#endif  // DMDAX_TESTS_CONFORMANCE_DISK_STEP_H_
