/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "tests/protocol/parts.h"
#include "tests/protocol/request.h"
#include "tests/protocol/tap.h"

static int List(uint32_t flags, const char* name, const char* uuid,
                uint32_t size) {
  Prepare(name);
  strcpy(req.h.uuid, uuid);
  req.h.flags = flags;
  req.h.data_size = size;
  return Call(DM_LIST_DEVICES);
}
static int Full(void) { return (req.h.flags & DM_BUFFER_FULL_FLAG) != 0; }

/* Lists by the begin of a name or a uuid. */
static void Prefixes(void) {
  static const char* const texts[] = {
      "the begin of a name chooses", "the begin of a uuid chooses",
      "a begin that nothing has: no devices", "data_size ends the list there",
      "what is there is as it was sent"};
  if (dm_minor < 45) {
    for (int i = 0; i < 5; ++i) Skip(texts[i], "since 4.45");
    return;
  }
  struct Listed all[4];
  Ok(List(0, NamePrefix(), "", sizeof(req)) == 0 && ReadList(all, 4) == 2,
     texts[0]);
  Ok(List(0, "", Uuid("b"), sizeof(req)) == 0 && ReadList(all, 4) == 1 &&
         strcmp(all[0].name, Name("b")) == 0,
     texts[1]);
  Prepare(Name("none"));
  memset(req.payload, 0x5a, 16);
  Ok(Call(DM_LIST_DEVICES) == 0 && !Full() && ReadList(all, 4) == 0, texts[2]);
  Is(req.h.data_size, DM_STRUCT_SIZE, texts[3]);
  Is(req.payload[0], 0x5a, texts[4]);
}

void CheckList(void) {
  TapPart("list");
  if (!Is(MakeZero(Name("a"), 8), 0, "a device")) return;
  if (!Is(Create(Name("b"), Uuid("b")), 0, "and one with a uuid")) return;
  const uint64_t a = DevOf(Name("a")), b = DevOf(Name("b"));
  struct Listed found = {0};
  Is(List(0, "", "", sizeof(req)), 0, "DM_LIST_DEVICES");
  Ok(ReadList(NULL, 0) >= 2,
     "each entry is aligned to 8, ends before the next, the last `next` is 0");
  Is(req.h.data_start, DM_STRUCT_SIZE, "the payload is behind the struct");
  const uint32_t size = req.h.data_size;
  Is(FindListed(Name("a"), 0, &found), 1, "it has the device");
  Ok(found.dev == a && found.event_nr == 0, "its number and its events");
  Is(found.flags, 0, "no flags, unless uuids are asked for");
  Prepare(Name("a"));
  PutText(Name("c"));
  Is(Call(DM_DEV_RENAME), 0, "after an event");
  Is(FindListed(Name("c"), 0, &found), 1, "which is its new name");
  Is(found.event_nr, 1, "it has one more");

  Is(List(0, "", "", DM_STRUCT_SIZE), 0, "no room");
  Ok(Full() && req.h.data_size == DM_LEAST_SIZE,
     "DM_BUFFER_FULL_FLAG and no payload");
  /* Others may come and go meanwhile. */
  Ok(List(0, "", "", size - 1) == 0 && Full(), "a byte too few");
  Ok(List(0, "", "", size) == 0 && !Full(), "just enough");

  if (dm_minor < 45) {
    Skip("DM_UUID_FLAG: a uuid", "since 4.45");
    Skip("DM_UUID_FLAG: no uuid", "since 4.45");
  } else {
    Ok(FindListed(Name("b"), DM_UUID_FLAG, &found) == 1 && found.dev == b &&
           found.flags == DM_NAME_LIST_FLAG_HAS_UUID &&
           strcmp(found.uuid, Uuid("b")) == 0,
       "DM_UUID_FLAG: a uuid");
    Ok(FindListed(Name("c"), DM_UUID_FLAG, &found) == 1 &&
           found.flags == DM_NAME_LIST_FLAG_DOESNT_HAVE_UUID,
       "DM_UUID_FLAG: no uuid");
  }
  Prefixes();
  Is(Remove(Name("b")), 0, "one goes");
  Is(FindListed(Name("b"), 0, &found), 0, "and is not in the list");
  Is(Remove(Name("c")), 0, "and the other");
}

/* The entry of a target in a reply of versions: 1, 0, or -1 if the reply is
 * none. */
static int FindVersion(const char* target, uint32_t (*version)[3], int* count) {
  const char* at = Payload();
  const char* const end = (char*)&req + req.h.data_size;
  int found = 0;
  for (*count = 0; at != NULL; ++*count) {
    struct dm_target_versions entry;
    if (end - at < (long)sizeof(entry) + 1 || (at - (char*)&req) % 8 != 0) {
      return -1;
    }
    memcpy(&entry, at, sizeof(entry));
    const char* const name = at + sizeof(entry);
    if (strnlen(name, (size_t)(end - name)) == (size_t)(end - name)) return -1;
    if (strcmp(name, target) == 0) {
      found = 1;
      memcpy(*version, entry.version, sizeof(entry.version));
    }
    at = entry.next == 0 ? NULL : at + entry.next;
  }
  return found;
}

static int GetVersion(const char* target, uint32_t size) {
  Prepare(target);
  req.h.data_size = size;
  return Call(DM_GET_TARGET_VERSION);
}

void CheckVersions(void) {
  TapPart("versions");
  uint32_t linear[3] = {0}, other[3] = {0};
  int count = 0, all = 0;
  Prepare("");
  Is(Call(DM_LIST_VERSIONS), 0, "DM_LIST_VERSIONS");
  Is(FindVersion("linear", &linear, &all), 1, "it has linear");
  Is(FindVersion("error", &other, &all), 1, "it has error");
  Is(linear[0], 1, "linear's first number is 1");
  Is(req.h.data_start, DM_STRUCT_SIZE, "the payload is behind the struct");
  const uint32_t size = req.h.data_size;
  Prepare(Name("none"));
  strcpy(req.h.uuid, Uuid("none"));
  Is(Call(DM_LIST_VERSIONS), 0, "it is of no device: names do not matter");
  Prepare("");
  req.h.data_size = DM_STRUCT_SIZE;
  Is(Call(DM_LIST_VERSIONS), 0, "no room");
  Ok(Full() && req.h.data_size == DM_LEAST_SIZE,
     "DM_BUFFER_FULL_FLAG and no payload");
  Prepare("");
  req.h.data_size = size;
  Ok(Call(DM_LIST_VERSIONS) == 0 && !Full() && req.h.data_size == size,
     "as much room as it said");
  Prepare("");
  req.h.data_size = size - 1;
  Ok(Call(DM_LIST_VERSIONS) == 0 && Full(), "a byte less");

  if (dm_minor < 41) {
    Is(GetVersion("linear", sizeof(req)), ENOTTY,
       "DM_GET_TARGET_VERSION is not known before 4.41: ENOTTY");
    return;
  }
  Is(GetVersion("linear", sizeof(req)), 0, "DM_GET_TARGET_VERSION");
  Ok(FindVersion("linear", &other, &count) == 1 && count == 1,
     "has the one target");
  Ok(memcmp(linear, other, sizeof(linear)) == 0, "and the same version");
  Is(GetVersion("dmtap-none", sizeof(req)), EINVAL,
     "a target that there is not: EINVAL");
  Is(GetVersion("linear", DM_STRUCT_SIZE), 0, "no room");
  Ok(Full(), "DM_BUFFER_FULL_FLAG");
}
