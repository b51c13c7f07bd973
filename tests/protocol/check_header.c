/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "tests/protocol/parts.h"
#include "tests/protocol/request.h"
#include "tests/protocol/tap.h"

static int Version(uint32_t major, uint32_t minor, uint32_t patch) {
  Prepare("");
  req.h.version[0] = major;
  req.h.version[1] = minor;
  req.h.version[2] = patch;
  return Call(DM_VERSION);
}
static int IsKernels(void) {
  return req.h.version[0] == 4 && req.h.version[1] == dm_minor;
}

/* Whether all bytes from `at` on have this value. */
static int AllFrom(size_t at, size_t size, unsigned char value) {
  const unsigned char* bytes = (unsigned char*)&req;
  for (size_t i = at; i < size; ++i) {
    if (bytes[i] != value) return 0;
  }
  return 1;
}

static void Replies(void) {
  /* The reply is the request, changed in place. */
  const uint32_t theirs =
      DM_EXISTS_FLAG | DM_SKIP_BDGET_FLAG | 1u << 30 | 1u << 31;
  const uint32_t cleared =
      DM_BUFFER_FULL_FLAG | DM_UEVENT_GENERATED_FLAG | DM_DATA_OUT_FLAG;
  Prepare(Name("a"));
  req.h.flags = theirs | cleared;
  req.h.padding = 0x1234;
  Is(Call(DM_DEV_STATUS), 0, "flags that mean nothing are no error");
  Is((int)(req.h.flags & theirs), (int)theirs,
     "flags that mean nothing come back");
  Is(req.h.flags & cleared, 0, "flags that only a reply has are cleared");
  Is(req.h.padding, 0x1234, "the padding comes back");
  Is(req.h.data_size, DM_LEAST_SIZE,
     "data_size of a reply without payload is 305");

  Prepare(Name("none"));
  req.h.flags = theirs | cleared | DM_ACTIVE_PRESENT_FLAG;
  req.h.open_count = 7;
  req.h.event_nr = 8;
  req.h.dev = 0;
  strcpy(req.payload, "payload");
  const struct Request sent = req;
  Is(Call(DM_DEV_STATUS), ENXIO, "no such device: ENXIO");
  Ok(IsKernels(), "the version comes back with an error");
  Ok(memcmp((char*)&req + 12, (char*)&sent + 12, sizeof(req) - 12) == 0,
     "nothing else comes back with an error");
}

static void SecureData(void) {
  const struct Row row = {0, 8, "zero", ""};
  Prepare(Name("a"));
  req.h.flags = DM_SECURE_DATA_FLAG;
  PutRows(&row, 1);
  strcpy(req.payload + 4096, "a key");
  Is(Call(DM_TABLE_LOAD), 0, "a load with DM_SECURE_DATA_FLAG");
  Ok(AllFrom(DM_STRUCT_SIZE, sizeof(req), 0),
     "DM_SECURE_DATA_FLAG wipes the request's payload");
  Is(req.h.flags & DM_SECURE_DATA_FLAG, 0,
     "DM_SECURE_DATA_FLAG does not come back");
  const struct Row bad = {0, 8, "dmtap-none", ""};
  Prepare(Name("a"));
  req.h.flags = DM_SECURE_DATA_FLAG;
  PutRows(&bad, 1);
  Is(Call(DM_TABLE_LOAD), EINVAL, "a bad load with DM_SECURE_DATA_FLAG");
  Ok(AllFrom(0, sizeof(req), 0),
     "DM_SECURE_DATA_FLAG wipes all of a request that fails");
}

void CheckVersion(void) {
  TapPart("version");
  Is(Version(4, 0, 0), 0, "4.0.0 is answered");
  Ok(IsKernels(), "the answer is the driver's own version");
  Is(Version(4, dm_minor, 0xffff), 0, "a later patch level is answered");
  Is(Version(4, dm_minor + 1, 0), EINVAL, "a later minor number: EINVAL");
  Ok(IsKernels(), "with the driver's own version");
  Is(Version(5, 0, 0), EINVAL, "another major number: EINVAL");
  Ok(IsKernels(), "with the driver's own version");
  Is(Version(3, 0, 0), EINVAL, "an earlier major number: EINVAL");

  memset(&req, 0xa5, sizeof(req));
  memcpy(req.h.version, (uint32_t[3]){4, 0, 0}, sizeof(req.h.version));
  Is(Call(DM_VERSION), 0, "DM_VERSION reads nothing but the version");
  Ok(IsKernels() && AllFrom(12, sizeof(req), 0xa5),
     "DM_VERSION writes nothing but the version");

  Prepare("");
  Is(Call(200), ENOTTY, "an unknown command: ENOTTY");
  Ok(IsKernels(), "with the driver's own version");
  Prepare("");
  req.h.version[0] = 5;
  Is(Call(200), EINVAL, "the version is looked at before the command");
  Prepare("");
  Is(Call(DM_MPATH_PROBE_PATHS), ENOTTY,
     "DM_MPATH_PROBE_PATHS is for a device's node: ENOTTY");
  Prepare("");
  Is(CallWith(dm_control, DM_COMMAND(DM_VERSION) + 0x100, &req), ENOTTY,
     "another type than 0xfd: ENOTTY");
  Is(req.h.version[1], 0, "without a version");
  Prepare("");
  Is(CallWith(dm_control, 0xfd00, &req), 0,
     "direction and size of an ioctl's number do not matter");
  Ok(IsKernels(), "and the answer is the same");

  TapPart("header");
  if (!Is(Create(Name("a"), ""), 0, "a device to ask about")) return;
  Replies();
  SecureData();
  Is(Remove(Name("a")), 0, "it goes");
}

static int SizedStatus(uint32_t data_size) {
  Prepare(Name("a"));
  req.h.data_size = data_size;
  return Call(DM_DEV_STATUS);
}
static int SizedList(uint32_t data_size) {
  Prepare("");
  req.h.data_size = data_size;
  return Call(DM_LIST_DEVICES);
}

void CheckMemory(void) {
  TapPart("memory");
  const size_t page = (size_t)sysconf(_SC_PAGESIZE);
  char* const two = mmap(NULL, 2 * page, PROT_READ | PROT_WRITE,
                         MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  char* const end = two + page;
  mprotect(end, page, PROT_NONE);
  if (!Is(Create(Name("a"), ""), 0, "a device to ask about")) return;

  Is(SizedStatus(0), EINVAL, "data_size of 0: EINVAL");
  Is(SizedStatus(304), EINVAL, "data_size of 304: EINVAL");
  Is(SizedStatus(305), 0, "data_size of 305, the struct without its padding");
  Is(SizedList(304), EINVAL, "data_size of 304 for a list: EINVAL");
  if (dm_minor >= 49) {
    Is(SizedList(0xffffffff), EINVAL, "data_size above 1 GiB: EINVAL");
    Is(SizedStatus(0xffffffff), EINVAL,
       "data_size above 1 GiB, of a command without payload: EINVAL");
  } else {
    Skip("data_size above 1 GiB: EINVAL", "since 4.49, or a fix before");
    Skip("data_size above 1 GiB, of a command without payload: EINVAL",
         "since 4.49, or a fix before");
  }

  Is(CallWith(dm_control, DM_COMMAND(DM_VERSION), NULL), EFAULT,
     "no request at all: EFAULT");
  Prepare("");
  memcpy(end - 12, &req, 12);
  Is(CallWith(dm_control, DM_COMMAND(DM_VERSION), end - 12), 0,
     "DM_VERSION needs 12 bytes");
  memcpy(end - 8, &req, 8);
  Is(CallWith(dm_control, DM_COMMAND(DM_VERSION), end - 8), EFAULT,
     "8 bytes of a version: EFAULT");
  Prepare(Name("a"));
  memcpy(end - 305, &req, 305);
  Is(CallWith(dm_control, DM_COMMAND(DM_DEV_STATUS), end - 305), 0,
     "a command without payload reads 305 bytes, whatever data_size");
  memcpy(end - 304, &req, 304);
  Is(CallWith(dm_control, DM_COMMAND(DM_DEV_STATUS), end - 304), EFAULT,
     "304 bytes of a struct: EFAULT");
  Prepare("");
  memcpy(end - 1024, &req, 1024);
  Is(CallWith(dm_control, DM_COMMAND(DM_LIST_DEVICES), end - 1024), EFAULT,
     "a payload that cannot be read in full: EFAULT");
  Prepare("");
  memcpy(two, &req, 312);
  mprotect(two, page, PROT_READ);
  Is(CallWith(dm_control, DM_COMMAND(DM_VERSION), two), EFAULT,
     "a version that cannot be written: EFAULT");
  munmap(two, 2 * page);
  Is(Remove(Name("a")), 0, "it goes");
}
