// SPDX-License-Identifier: Apache-2.0
#include "block/block_ioctl.h"

#include <linux/blkpg.h>
#include <linux/blkzoned.h>
#include <linux/fs.h>
#include <linux/hdreg.h>
#include <linux/loop.h>

namespace dmdax {
namespace {

constexpr BlockIoctlArg In(size_t size) {
  return {.size = size, .reads = true};
}

constexpr BlockIoctlArg Out(size_t size) {
  return {.size = size, .writes = true};
}

}  // namespace

BlockIoctlArg BlockIoctlArgOf(uint32_t command) {
  switch (command) {
    case BLKROSET:
    case BLKBSZSET:
      return In(sizeof(int));
    case BLKROGET:
    case BLKSSZGET:
    case BLKPBSZGET:
    case BLKBSZGET:
    case BLKIOMIN:
    case BLKIOOPT:
    case BLKALIGNOFF:
    case BLKDISCARDZEROES:
    case BLKGETZONESZ:
    case BLKGETNRZONES:
      return Out(sizeof(int));
    case BLKSECTGET:
    case BLKROTATIONAL:
      return Out(sizeof(uint16_t));
    case BLKGETSIZE:
    case BLKRAGET:
    case BLKFRAGET:
      return Out(sizeof(long));
    case BLKGETSIZE64:
    case BLKGETDISKSEQ:
      return Out(sizeof(uint64_t));
    case BLKDISCARD:
    case BLKSECDISCARD:
    case BLKZEROOUT:
      return In(2 * sizeof(uint64_t));
    case HDIO_GETGEO:
      return Out(sizeof(hd_geometry));
    case BLKPG: {
      BlockIoctlArg arg = In(sizeof(blkpg_ioctl_arg));
      arg.nested = sizeof(blkpg_partition);
      return arg;
    }
    case LOOP_SET_FD:
    case LOOP_CHANGE_FD:
      return {.has_fd = true};
    case LOOP_CONFIGURE: {
      BlockIoctlArg arg = In(sizeof(loop_config));
      arg.has_fd = true;
      arg.fd_at = offsetof(loop_config, fd);
      return arg;
    }
    case LOOP_SET_STATUS:
      return In(sizeof(loop_info));
    case LOOP_GET_STATUS:
      return Out(sizeof(loop_info));
    case LOOP_SET_STATUS64:
      return In(sizeof(loop_info64));
    case LOOP_GET_STATUS64:
      return Out(sizeof(loop_info64));
    default:
      return {};
  }
}

}  // namespace dmdax
