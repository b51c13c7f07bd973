// SPDX-License-Identifier: Apache-2.0
//
// Device: a block device of a resident machine, opened for one client.
//
//   Device device(machine);               // a Connection
//   int error = device.Open("vg-home", O_RDWR);
//   uint64_t size = 0;
//   error = device.Ask(BLKGETSIZE64, &size);
//
// It is opened with O_DIRECT: an error of a write is told at once, and what is
// not in logical blocks is EINVAL.  Errors are errnos, of the machine's kernel.
// Threading: as Connection.
#ifndef DMDAX_RUN_NBDKIT_DEVICE_H_
#define DMDAX_RUN_NBDKIT_DEVICE_H_

#include <cstddef>
#include <cstdint>
#include <string>

#include "run/nbdkit/connection.h"

namespace dmdax::nbd {

class Device {
 public:
  explicit Device(Connection& machine) : machine_(machine) {}
  Device(const Device&) = delete;
  Device& operator=(const Device&) = delete;
  ~Device();

  // `name`: MAJOR:MINOR, a path (/dev/vg/home), or what is behind /dev/mapper/
  // or /dev/ there.  ENXIO: nothing is called so.
  int Open(const std::string& name, int flags);

  int Read(uint64_t offset, size_t size, void* to);
  int Write(uint64_t offset, size_t size, const void* from);
  int Sync();
  // BLKDISCARD, BLKZEROOUT.
  int OfRange(uint32_t command, uint64_t offset, uint64_t size);
  // Those that say a number: BLKGETSIZE64, BLKSSZGET, BLKROGET.
  template <typename Number>
  int Ask(uint32_t command, Number* number) {
    return Ioctl(command, nullptr, 0, number, sizeof(*number));
  }
  // One of /sys/block/.../queue; 0 if it is not there.
  uint64_t Limit(const char* name) const;

 private:
  int Ioctl(uint32_t command, const void* in, size_t in_size, void* out,
            size_t out_size);

  Connection& machine_;
  uint64_t dev_ = 0;  // DMDAX_DEV
  uint64_t handle_ = 0;
  int end_ = -1;  // closed, it closes the device
};

}  // namespace dmdax::nbd

#endif  // DMDAX_RUN_NBDKIT_DEVICE_H_
