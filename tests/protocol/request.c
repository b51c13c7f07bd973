/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "tests/protocol/request.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

struct Request req;
int dm_control = -1;
uint32_t dm_minor;

/* udev's rules leave the device alone: all four of libdevmapper's flags that
 * say so, as event_nr carries them. */
static const uint32_t kUdevLeaveIt = 0xfu << 16;

const char* NamePrefix(void) {
  static char prefix[32];
  if (prefix[0] == '\0')
    snprintf(prefix, sizeof(prefix), "dmtap-%d-", getpid());
  return prefix;
}

static const char* Keep(const char* before, const char* suffix) {
  static char kept[8][160];
  static int next;
  char* const at = kept[next++ % 8];
  snprintf(at, sizeof(kept[0]), "%s%s%s", before, NamePrefix(), suffix);
  return at;
}
const char* Name(const char* suffix) { return Keep("", suffix); }
const char* Uuid(const char* suffix) { return Keep("UUID-", suffix); }

/* As much as there is room for; behind it is zero. */
static void CopyText(char* to, size_t room, const char* text) {
  const size_t length = strlen(text);
  memcpy(to, text, length < room ? length : room);
}

void Prepare(const char* name) {
  memset(&req, 0, sizeof(req));
  req.h.version[0] = 4;
  req.h.data_size = sizeof(req);
  req.h.data_start = DM_STRUCT_SIZE;
  CopyText(req.h.name, sizeof(req.h.name), name);
}

void PutText(const char* text) { strcpy(req.payload, text); }

int CallWith(int fd, unsigned long command, void* request) {
  return ioctl(fd, command, request) < 0 ? errno : 0;
}
int Call(unsigned nr) { return CallWith(dm_control, DM_COMMAND(nr), &req); }

void* Payload(void) {
  if (req.h.data_start < DM_LEAST_SIZE || req.h.data_start > sizeof(req)) {
    return NULL;
  }
  return (char*)&req + req.h.data_start;
}

void PutRows(const struct Row* rows, int count) {
  char* at = Payload();
  req.h.target_count = (uint32_t)count;
  for (int i = 0; i < count; ++i) {
    const size_t size =
        sizeof(struct dm_target_spec) + strlen(rows[i].params) + 1;
    struct dm_target_spec spec = {.sector_start = rows[i].start,
                                  .length = rows[i].length,
                                  .next = (uint32_t)((size + 7) & ~(size_t)7)};
    CopyText(spec.target_type, sizeof(spec.target_type) - 1, rows[i].type);
    memcpy(at, &spec, sizeof(spec));
    strcpy(at + sizeof(spec), rows[i].params);
    at += spec.next;
  }
}

int Create(const char* name, const char* uuid) {
  Prepare(name);
  CopyText(req.h.uuid, sizeof(req.h.uuid), uuid);
  return Call(DM_DEV_CREATE);
}

int Load(const char* name, uint32_t flags, const struct Row* rows, int count) {
  Prepare(name);
  req.h.flags = flags;
  PutRows(rows, count);
  return Call(DM_TABLE_LOAD);
}

int Suspend(const char* name) {
  Prepare(name);
  req.h.flags = DM_SUSPEND_FLAG;
  req.h.event_nr = kUdevLeaveIt;
  return Call(DM_DEV_SUSPEND);
}

int Resume(const char* name) {
  Prepare(name);
  req.h.event_nr = kUdevLeaveIt;
  return Call(DM_DEV_SUSPEND);
}

int Remove(const char* name) {
  for (int tries = 0;; ++tries) {
    Prepare(name);
    req.h.event_nr = kUdevLeaveIt;
    const int err = Call(DM_DEV_REMOVE);
    if (err != EBUSY || tries == 20) return err;
    usleep(100000);
  }
}

int Status(const char* name) {
  Prepare(name);
  return Call(DM_DEV_STATUS);
}

int Message(const char* name, const char* text) {
  Prepare(name);
  memset(req.payload, 0, sizeof(uint64_t));
  strcpy(req.payload + sizeof(uint64_t), text);
  return Call(DM_TARGET_MSG);
}

int MakeZero(const char* name, uint64_t sectors) {
  const struct Row row = {0, sectors, "zero", ""};
  int err = Create(name, "");
  if (err == 0) err = Load(name, 0, &row, 1);
  return err != 0 ? err : Resume(name);
}

uint64_t DevOf(const char* name) {
  const struct Request saved = req;
  const uint64_t dev = Status(name) == 0 ? req.h.dev : 0;
  req = saved;
  return dev;
}

const char* LinearOn(const char* name) {
  static char kept[4][32];
  static int next;
  char* const at = kept[next++ % 4];
  const uint64_t dev = DevOf(name);
  snprintf(at, sizeof(kept[0]), "%u:%u 0", DmMajor(dev), DmMinor(dev));
  return at;
}

int ReadList(struct Listed* out, int most) {
  const char* const begin = Payload();
  const char* const end = (char*)&req + req.h.data_size;
  if (begin == NULL || req.h.data_size > sizeof(req)) return -1;
  const char* at = begin;
  int count = 0;
  /* Without a device data_size ends where the list begins. */
  while (at < end) {
    struct dm_name_list entry;
    const size_t left = (size_t)(end - at);
    if (left < sizeof(entry) || (at - begin) % 8 != 0) return -1;
    memcpy(&entry, at, sizeof(entry));
    const char* const name = at + offsetof(struct dm_name_list, name);
    const size_t length = strnlen(name, (size_t)(end - name));
    const size_t tail =
        (offsetof(struct dm_name_list, name) + length + 1 + 7) & ~(size_t)7;
    if (tail + 8 > left) return -1;
    struct Listed found = {.name = name, .dev = entry.dev};
    memcpy(&found.event_nr, at + tail, 4);
    /* What older ones have there is not theirs to say. */
    if (dm_minor >= 45) memcpy(&found.flags, at + tail + 4, 4);
    if (found.flags & DM_NAME_LIST_FLAG_HAS_UUID) found.uuid = at + tail + 8;
    if (count < most) out[count] = found;
    ++count;
    if (entry.next == 0) return count;
    at += entry.next;
    if (entry.next < tail + 8) return -1;
  }
  return at == end && count == 0 ? 0 : -1;
}

int FindListed(const char* name, uint32_t flags, struct Listed* out) {
  static struct Listed all[1024];
  Prepare("");
  req.h.flags = flags;
  if (Call(DM_LIST_DEVICES) != 0) return -1;
  const int count = ReadList(all, 1024);
  for (int i = 0; i < count && i < 1024; ++i) {
    if (strcmp(all[i].name, name) == 0) {
      *out = all[i];
      return 1;
    }
  }
  return count < 0 ? -1 : 0;
}

void RemoveAllNamed(const char* prefix) {
  static struct Listed all[1024];
  static char names[1024][128];
  /* One that others stand on goes after them. */
  for (int round = 0; round < 4; ++round) {
    int left = 0;
    Prepare("");
    if (Call(DM_LIST_DEVICES) != 0) return;
    const int count = ReadList(all, 1024);
    for (int i = 0; i < count && i < 1024; ++i) {
      if (strncmp(all[i].name, prefix, strlen(prefix)) == 0) {
        snprintf(names[left++], sizeof(names[0]), "%s", all[i].name);
      }
    }
    if (left == 0) return;
    for (int i = left - 1; i >= 0; --i) {
      Prepare(names[i]);
      req.h.event_nr = kUdevLeaveIt;
      if (Call(DM_DEV_REMOVE) == EBUSY && round == 3) {
        fprintf(stderr, "# %s stays: it is open\n", names[i]);
      }
    }
    if (round > 0) usleep(100000);
  }
}
