/* SPDX-License-Identifier: Apache-2.0
 *
 * dmdax_ioctl_arg_of: what an ioctl(2) of a block device or of
 * /dev/loop-control does with its argument, and what it may change.
 *
 *   struct dmdax_ioctl_arg arg = dmdax_ioctl_arg_of(BLKGETSIZE64);
 *   arg.size;    // 8: so many bytes are behind the pointer,
 *   arg.writes;  // which the call writes
 *
 * The one table of these commands: the model reads it, and so do the doors
 * through which programs come to it, which know nothing else.  C, and nothing
 * but headers of libc and of the kernel.
 *
 * Mirrors: include/uapi/linux/fs.h, loop.h, blkpg.h, hdreg.h.
 */
#ifndef DMDAX_BLOCK_BLOCK_IOCTL_ARG_H_
#define DMDAX_BLOCK_BLOCK_IOCTL_ARG_H_

#include <linux/blkpg.h>
#include <linux/blkzoned.h>
#include <linux/fs.h>
#include <linux/hdreg.h>
#include <linux/loop.h>
#include <stddef.h>
#include <stdint.h>

enum dmdax_ioctl_effect {
  DMDAX_IOCTL_ASKS = 0,
  DMDAX_IOCTL_WRITES = 1,  /* bytes of a disk, or has them written back */
  DMDAX_IOCTL_CHANGES = 2, /* what /sys and the next command say */
};

enum dmdax_ioctl_fd {
  DMDAX_IOCTL_NO_FD = 0,
  DMDAX_IOCTL_FD_IS_ARG = 1,   /* the argument is a descriptor */
  DMDAX_IOCTL_FD_IN_BYTES = 2, /* a __u32 behind it is, at `fd_at` */
};

/* Of a command that no block device knows, all is zero. */
struct dmdax_ioctl_arg {
  /* Bytes behind the pointer; 0: the argument is a number, or nothing. */
  uint32_t size;
  /* BLKPG: the bytes are a struct blkpg_ioctl_arg, of `size`, whose member
   * `data` points to so many more. */
  uint32_t nested;
  uint8_t reads;  /* the call reads them */
  uint8_t writes; /* the call writes them */
  uint8_t fd;     /* enum dmdax_ioctl_fd */
  uint8_t fd_at;
  uint8_t effect; /* enum dmdax_ioctl_effect */
};

static inline struct dmdax_ioctl_arg dmdax_ioctl_number(
    enum dmdax_ioctl_effect effect) {
  struct dmdax_ioctl_arg arg = {0, 0, 0, 0, 0, 0, 0};
  arg.effect = (uint8_t)effect;
  return arg;
}

static inline struct dmdax_ioctl_arg dmdax_ioctl_in(
    size_t size, enum dmdax_ioctl_effect effect) {
  struct dmdax_ioctl_arg arg = dmdax_ioctl_number(effect);
  arg.size = (uint32_t)size;
  arg.reads = 1;
  return arg;
}

static inline struct dmdax_ioctl_arg dmdax_ioctl_out(size_t size) {
  struct dmdax_ioctl_arg arg = dmdax_ioctl_number(DMDAX_IOCTL_ASKS);
  arg.size = (uint32_t)size;
  arg.writes = 1;
  return arg;
}

static inline struct dmdax_ioctl_arg dmdax_ioctl_arg_of(uint32_t command) {
  struct dmdax_ioctl_arg arg;
  switch (command) {
    case BLKROSET:
    case BLKBSZSET:
      return dmdax_ioctl_in(sizeof(int), DMDAX_IOCTL_CHANGES);
    case BLKRASET:
    case BLKFRASET:
    case BLKRRPART:
    case LOOP_CLR_FD:
    case LOOP_SET_CAPACITY:
    case LOOP_SET_DIRECT_IO:
    case LOOP_SET_BLOCK_SIZE:
    case LOOP_CTL_ADD:
    case LOOP_CTL_REMOVE:
    case LOOP_CTL_GET_FREE:
      return dmdax_ioctl_number(DMDAX_IOCTL_CHANGES);
    case BLKFLSBUF:
      return dmdax_ioctl_number(DMDAX_IOCTL_WRITES);
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
      return dmdax_ioctl_out(sizeof(int));
    case BLKSECTGET:
    case BLKROTATIONAL:
      return dmdax_ioctl_out(sizeof(uint16_t));
    case BLKGETSIZE:
    case BLKRAGET:
    case BLKFRAGET:
      return dmdax_ioctl_out(sizeof(long));
    case BLKGETSIZE64:
    case BLKGETDISKSEQ:
      return dmdax_ioctl_out(sizeof(uint64_t));
    case BLKDISCARD:
    case BLKSECDISCARD:
    case BLKZEROOUT:
      return dmdax_ioctl_in(2 * sizeof(uint64_t), DMDAX_IOCTL_WRITES);
    case HDIO_GETGEO:
      return dmdax_ioctl_out(sizeof(struct hd_geometry));
    case BLKPG:
      arg = dmdax_ioctl_in(sizeof(struct blkpg_ioctl_arg), DMDAX_IOCTL_CHANGES);
      arg.nested = sizeof(struct blkpg_partition);
      return arg;
    case LOOP_SET_FD:
    case LOOP_CHANGE_FD:
      arg = dmdax_ioctl_number(DMDAX_IOCTL_CHANGES);
      arg.fd = DMDAX_IOCTL_FD_IS_ARG;
      return arg;
    case LOOP_CONFIGURE:
      arg = dmdax_ioctl_in(sizeof(struct loop_config), DMDAX_IOCTL_CHANGES);
      arg.fd = DMDAX_IOCTL_FD_IN_BYTES;
      arg.fd_at = offsetof(struct loop_config, fd);
      return arg;
    case LOOP_SET_STATUS:
      return dmdax_ioctl_in(sizeof(struct loop_info), DMDAX_IOCTL_CHANGES);
    case LOOP_GET_STATUS:
      return dmdax_ioctl_out(sizeof(struct loop_info));
    case LOOP_SET_STATUS64:
      return dmdax_ioctl_in(sizeof(struct loop_info64), DMDAX_IOCTL_CHANGES);
    case LOOP_GET_STATUS64:
      return dmdax_ioctl_out(sizeof(struct loop_info64));
    default:
      return dmdax_ioctl_number(DMDAX_IOCTL_ASKS);
  }
}

#endif /* DMDAX_BLOCK_BLOCK_IOCTL_ARG_H_ */
