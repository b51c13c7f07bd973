/* SPDX-License-Identifier: Apache-2.0
 *
 * What goes over the control node of device-mapper, version 4 of its
 * interface: numbers, flags, structures.  Of our own, so that the program
 * builds where there are no headers of Linux (musl), and knows what is newer
 * than they are.  64-bit machines.
 */
#ifndef DMDAX_TESTS_PROTOCOL_DM_H_
#define DMDAX_TESTS_PROTOCOL_DM_H_

#include <stdint.h>

/* The last byte of an ioctl's number.  The kernel looks at it and at the type
 * (0xfd), not at the bits for direction and size. */
enum {
  DM_VERSION,
  DM_REMOVE_ALL,
  DM_LIST_DEVICES,
  DM_DEV_CREATE,
  DM_DEV_REMOVE,
  DM_DEV_RENAME,
  DM_DEV_SUSPEND,
  DM_DEV_STATUS,
  DM_DEV_WAIT,
  DM_TABLE_LOAD,
  DM_TABLE_CLEAR,
  DM_TABLE_DEPS,
  DM_TABLE_STATUS,
  DM_LIST_VERSIONS,
  DM_TARGET_MSG,
  DM_DEV_SET_GEOMETRY,
  DM_DEV_ARM_POLL,
  DM_GET_TARGET_VERSION,
  DM_MPATH_PROBE_PATHS,
};

/* _IOWR(0xfd, nr, struct dm_ioctl) */
#define DM_COMMAND(nr) (0xc138fd00ul + (unsigned long)(nr))

enum {
  DM_READONLY_FLAG = 1 << 0,
  DM_SUSPEND_FLAG = 1 << 1,
  DM_EXISTS_FLAG = 1 << 2, /* libdevmapper's own; not the kernel's business */
  DM_PERSISTENT_DEV_FLAG = 1 << 3,
  DM_STATUS_TABLE_FLAG = 1 << 4,
  DM_ACTIVE_PRESENT_FLAG = 1 << 5,
  DM_INACTIVE_PRESENT_FLAG = 1 << 6,
  DM_BUFFER_FULL_FLAG = 1 << 8,
  DM_SKIP_BDGET_FLAG = 1 << 9,
  DM_SKIP_LOCKFS_FLAG = 1 << 10,
  DM_NOFLUSH_FLAG = 1 << 11,
  DM_QUERY_INACTIVE_TABLE_FLAG = 1 << 12,
  DM_UEVENT_GENERATED_FLAG = 1 << 13,
  DM_UUID_FLAG = 1 << 14,
  DM_SECURE_DATA_FLAG = 1 << 15,
  DM_DATA_OUT_FLAG = 1 << 16,
  DM_DEFERRED_REMOVE = 1 << 17,
  DM_INTERNAL_SUSPEND_FLAG = 1 << 18,
  DM_IMA_MEASUREMENT_FLAG = 1 << 19,
};

struct dm_ioctl {
  uint32_t version[3];
  uint32_t data_size;  /* of all that is sent, this included */
  uint32_t data_start; /* where the payload begins, from here */
  uint32_t target_count;
  int32_t open_count;
  uint32_t flags;
  uint32_t event_nr;
  uint32_t padding;
  uint64_t dev;
  char name[128];
  char uuid[129];
  char data[7];
};

struct dm_target_spec { /* parameters and a NUL follow */
  uint64_t sector_start;
  uint64_t length;
  int32_t status;
  uint32_t next;
  char target_type[16];
};

struct dm_name_list {
  uint64_t dev;
  uint32_t next;
  char name[]; /* then, aligned to 8, event_nr and flags, and the uuid */
};
enum {
  DM_NAME_LIST_FLAG_HAS_UUID = 1,
  DM_NAME_LIST_FLAG_DOESNT_HAVE_UUID = 2,
};

struct dm_target_deps {
  uint32_t count;
  uint32_t padding;
  uint64_t dev[];
};

struct dm_target_versions {
  uint32_t next;
  uint32_t version[3];
  char name[];
};

struct dm_target_msg {
  uint64_t sector;
  char message[];
};

/* struct dm_ioctl without its padding: the least data_size. */
enum { DM_LEAST_SIZE = 305, DM_STRUCT_SIZE = 312 };
_Static_assert(sizeof(struct dm_ioctl) == DM_STRUCT_SIZE, "struct dm_ioctl");
_Static_assert(sizeof(struct dm_target_spec) == 40, "struct dm_target_spec");

/* A device number as it is in `dev`. */
static inline uint64_t DmDev(uint32_t major, uint32_t minor) {
  return (minor & 0xff) | (uint64_t)major << 8 |
         (uint64_t)(minor & ~0xffu) << 12;
}
static inline uint32_t DmMajor(uint64_t dev) { return dev >> 8 & 0xfff; }
static inline uint32_t DmMinor(uint64_t dev) {
  return (uint32_t)((dev & 0xff) | (dev >> 12 & 0xfff00));
}

#endif /* DMDAX_TESTS_PROTOCOL_DM_H_ */
