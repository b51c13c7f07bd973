/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "tests/protocol/parts.h"
#include "tests/protocol/request.h"
#include "tests/protocol/tap.h"

/* No device of anybody's has it. */
static uint32_t FreeMinor(void) { return 0xf0000 + (uint32_t)getpid() % 4096; }

static int CreateAt(const char* name, uint64_t dev) {
  Prepare(name);
  req.h.flags = DM_PERSISTENT_DEV_FLAG;
  req.h.dev = dev;
  return Call(DM_DEV_CREATE);
}

/* `text` and x up to so many bytes. */
static const char* Long(const char* text, size_t length) {
  static char kept[2][256];
  static int next;
  char* const at = kept[next++ % 2];
  memset(at, 'x', length);
  memcpy(at, text, strlen(text));
  at[length] = '\0';
  return at;
}

static void Names(void) {
  Is(Create("", ""), EINVAL, "a name is needed: EINVAL");
  Is(Create("", Uuid("a")), EINVAL, "a uuid is not enough: EINVAL");
  Is(Create(Name("a/b"), ""), EINVAL, "a slash in the name: EINVAL");
  const char* const bad[] = {".", "..", "control"};
  const char* const texts[] = {"the name '.': EINVAL", "the name '..': EINVAL",
                               "the name 'control': EINVAL"};
  for (int i = 0; i < 3; ++i) {
    if (dm_minor < 49) {
      Skip(texts[i], "since 4.49, or a fix before");
    } else if (!Is(Create(bad[i], ""), EINVAL, texts[i])) {
      Remove(bad[i]);
    }
  }
  Is(Create(Name("a b\t\xc3\xa9*"), ""), 0, "any other byte will do");
  Is(Remove(Name("a b\t\xc3\xa9*")), 0, "and the device is found by it");

  const char* const longest = Long(NamePrefix(), 127);
  Is(Create(longest, ""), 0, "a name of 127 bytes");
  Ok(Status(longest) == 0 && strcmp(req.h.name, longest) == 0,
     "it comes back in full");
  Is(Remove(longest), 0, "it goes");
  Prepare("");
  memcpy(req.h.name, Long(NamePrefix(), 128), 128);
  Is(Call(DM_DEV_CREATE), 0, "128 bytes without a NUL are a name of 127");
  Is(Remove(longest), 0, "it goes");
  const char* const uuid = Long(Uuid(""), 128);
  Is(Create(Name("a"), uuid), 0, "a uuid of 128 bytes");
  Ok(Status(Name("a")) == 0 && strcmp(req.h.uuid, uuid) == 0,
     "it comes back in full");
  Prepare(Name("b"));
  memset(req.h.uuid, 'x', sizeof(req.h.uuid));
  memcpy(req.h.uuid, uuid, 128);
  Is(Call(DM_DEV_CREATE), EBUSY, "129 bytes without a NUL are a uuid of 128");
  Is(Remove(Name("a")), 0, "it goes");
}

void CheckCreate(void) {
  TapPart("create");
  if (!Is(Create(Name("a"), Uuid("a")), 0, "DM_DEV_CREATE")) return;
  Ok(req.h.dev != 0, "the reply has the device's number");
  Is(strcmp(req.h.name, Name("a")) | strcmp(req.h.uuid, Uuid("a")), 0,
     "the reply has name and uuid");
  Is(req.h.flags, 0, "a new device has no table and is not suspended");
  Is(req.h.target_count, 0, "it has no targets");
  const uint64_t dev = req.h.dev;
  Ok(Status(Name("a")) == 0 && req.h.dev == dev && req.h.event_nr == 0,
     "DM_DEV_STATUS says the same");
  Is(Create(Name("a"), ""), EBUSY, "a name that there is: EBUSY");
  Is(Create(Name("b"), Uuid("a")), EBUSY, "a uuid that there is: EBUSY");
  Is(Status(Name("b")), ENXIO, "and nothing has been made");
  Is(Remove(Name("a")), 0, "it goes");
  Names();

  const uint64_t wanted = DmDev(7, FreeMinor());
  if (Is(CreateAt(Name("a"), wanted), 0, "a minor number that is asked for")) {
    Is(DmMinor(req.h.dev), DmMinor(wanted), "is had");
    Ok(DmMajor(req.h.dev) == DmMajor(dev), "the major number is the driver's");
    Is(CreateAt(Name("b"), wanted), ENXIO, "a minor number in use: ENXIO");
    Is(Remove(Name("a")), 0, "it goes");
  }
  Prepare(Name("a"));
  req.h.dev = wanted;
  Is(Call(DM_DEV_CREATE), 0, "without DM_PERSISTENT_DEV_FLAG");
  Ok(DmMinor(req.h.dev) != DmMinor(wanted), "dev is not looked at");
  Is(Remove(Name("a")), 0, "it goes");
}

static int Select(const char* name, const char* uuid, uint64_t dev) {
  Prepare(name);
  strcpy(req.h.uuid, uuid);
  req.h.dev = dev;
  return Call(DM_DEV_STATUS);
}
static int IsA(uint64_t dev) {
  return req.h.dev == dev && strcmp(req.h.name, Name("a")) == 0 &&
         strcmp(req.h.uuid, Uuid("a")) == 0;
}

void CheckSelect(void) {
  TapPart("select");
  if (!Is(Create(Name("a"), Uuid("a")), 0, "a device")) return;
  const uint64_t dev = req.h.dev;
  Is(Select(Name("a"), "", 0), 0, "by name");
  Ok(IsA(dev), "the reply has all three");
  Is(Select("", Uuid("a"), 0), 0, "by uuid");
  Ok(IsA(dev), "the reply has all three");
  Is(Select("", "", dev), 0, "by number");
  Ok(IsA(dev), "the reply has all three");
  Is(Select(Name("a"), Uuid("a"), 0), EINVAL, "by name and uuid: EINVAL");
  Is(Select(Name("a"), "", dev), ENXIO, "by name and number: ENXIO");
  Is(Select("", Uuid("a"), dev), ENXIO, "by uuid and number: ENXIO");
  Is(Select("", "", 0), ENXIO, "by nothing: ENXIO");
  Is(Select(Name(""), "", 0), ENXIO, "by the begin of a name: ENXIO");
  Is(Select(Name("A"), "", 0), ENXIO, "by the name in capitals: ENXIO");
  Is(Select("", Uuid("b"), 0), ENXIO, "by a uuid that there is not: ENXIO");
  Is(Select("", "", DmDev(1, 3)), ENXIO, "by another driver's number: ENXIO");
  Is(Select("", "", DmDev(DmMajor(dev), FreeMinor())), ENXIO,
     "by a number that is free: ENXIO");
  Prepare("");
  req.h.flags = DM_PERSISTENT_DEV_FLAG;
  req.h.dev = dev;
  Is(Call(DM_DEV_STATUS), 0, "DM_PERSISTENT_DEV_FLAG makes no difference");
  Prepare(Name("a"));
  strcpy(req.h.uuid, Uuid("a"));
  Is(Call(DM_DEV_ARM_POLL), EINVAL, "also of a command that is of no device");
  static const unsigned all[] = {
      DM_DEV_REMOVE, DM_DEV_SUSPEND, DM_DEV_STATUS,      DM_DEV_WAIT,
      DM_TABLE_LOAD, DM_TABLE_CLEAR, DM_TABLE_DEPS,      DM_TABLE_STATUS,
      DM_TARGET_MSG, DM_DEV_RENAME,  DM_DEV_SET_GEOMETRY};
  int none = 0, both = 0;
  for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); ++i) {
    Prepare(Name("none"));
    PutText("dmtap");
    none += Call(all[i]) != ENXIO;
    Prepare(Name("a"));
    strcpy(req.h.uuid, Uuid("a"));
    both += Call(all[i]) != EINVAL;
  }
  Is(none, 0, "all commands say ENXIO of a device that there is not");
  Is(both, 0, "all commands say EINVAL of name and uuid");
  Is(Remove(Name("a")), 0, "it goes");
}

/* DM_DEV_RENAME: `flags` DM_UUID_FLAG sets the uuid. */
static int Rename(const char* name, uint32_t flags, const char* to) {
  Prepare(name);
  req.h.flags = flags;
  req.h.event_nr = 0xfu << 16;
  PutText(to);
  return Call(DM_DEV_RENAME);
}

void CheckRename(void) {
  TapPart("rename");
  if (!Is(MakeZero(Name("a"), 8), 0, "a device")) return;
  Is(Create(Name("b"), Uuid("b")), 0, "and another");
  const uint64_t dev = DevOf(Name("a"));
  Is(Rename(Name("a"), 0, Name("c")), 0, "DM_DEV_RENAME");
  Ok(req.h.dev == dev, "the reply is the device's status");
  Ok(req.h.flags & DM_UEVENT_GENERATED_FLAG, "there was a uevent");
  Ok(req.h.event_nr == 1, "and an event, since the device has a table");
  Is(Status(Name("a")), ENXIO, "the old name is no more");
  Ok(Status(Name("c")) == 0 && req.h.dev == dev, "the new one is the device");
  Is(Rename(Name("c"), 0, Name("b")), EBUSY, "a name that there is: EBUSY");
  Is(Rename(Name("c"), 0, Name("c")), EBUSY, "its own name: EBUSY");
  Is(Rename(Name("c"), 0, ""), EINVAL, "no name: EINVAL");
  Is(Rename(Name("c"), 0, Name("a/b")), EINVAL, "a slash: EINVAL");
  Is(Rename(Name("c"), 0, Long(NamePrefix(), 128)), EINVAL,
     "a name of 128 bytes: EINVAL");
  Is(Rename(Name("none"), 0, Name("d")), ENXIO, "no such device: ENXIO");

  Prepare(Name("c"));
  req.h.data_size = DM_STRUCT_SIZE + 8;
  memset(req.payload, 'x', 64);
  Is(Call(DM_DEV_RENAME), EINVAL, "a name without a NUL: EINVAL");
  Prepare(Name("c"));
  req.h.data_start = 300;
  Is(Call(DM_DEV_RENAME), EINVAL, "a name inside of the struct: EINVAL");
  Prepare(Name("c"));
  req.h.data_start = sizeof(req) + 8;
  Is(Call(DM_DEV_RENAME), EINVAL, "a name behind the request: EINVAL");
  Prepare(Name("c"));
  req.h.data_start = DM_LEAST_SIZE;
  strcpy((char*)&req + DM_LEAST_SIZE, Name("d"));
  Is(Call(DM_DEV_RENAME), 0, "a name from byte 305 on");
  Is(Rename(Name("d"), 0, Name("c")), 0, "and back");

  Is(Rename(Name("c"), DM_UUID_FLAG, Uuid("b")), EBUSY,
     "a uuid that there is: EBUSY");
  Is(Rename(Name("c"), DM_UUID_FLAG, Long(Uuid(""), 129)), EINVAL,
     "a uuid of 129 bytes: EINVAL");
  Is(Rename(Name("c"), DM_UUID_FLAG, ""), EINVAL, "no uuid: EINVAL");
  Is(Rename(Name("c"), DM_UUID_FLAG, Uuid("c/c")), 0,
     "a uuid, which may have a slash");
  Ok(Status(Name("c")) == 0 && strcmp(req.h.uuid, Uuid("c/c")) == 0, "is had");
  Is(Rename(Name("c"), DM_UUID_FLAG, Uuid("d")), EINVAL,
     "a second one: EINVAL");
  Prepare("");
  strcpy(req.h.uuid, Uuid("c/c"));
  PutText(Name("d"));
  Is(Call(DM_DEV_RENAME), ENXIO,
     "the device is looked for by name only: ENXIO");
  Is(Remove(Name("b")), 0, "it goes");
  Is(Remove(Name("c")), 0, "and the other");
}

static int RemoveDeferred(const char* name) {
  Prepare(name);
  req.h.flags = DM_DEFERRED_REMOVE;
  req.h.event_nr = 0xfu << 16;
  return Call(DM_DEV_REMOVE);
}
/* Goes within a second: it is done by a worker of the kernel. */
static int Goes(const char* name) {
  for (int i = 0; i < 100 && Status(name) == 0; ++i) usleep(10000);
  return Status(name) == ENXIO;
}
static int IsDeferred(const char* name) {
  return Status(name) == 0 && (req.h.flags & DM_DEFERRED_REMOVE) != 0;
}
static int PutOn(const char* name, const char* below) {
  const struct Row row = {0, 8, "linear", LinearOn(below)};
  int err = Create(name, "");
  if (err == 0) err = Load(name, 0, &row, 1);
  return err != 0 ? err : Resume(name);
}

void CheckRemove(void) {
  TapPart("remove");
  Is(Remove(Name("none")), ENXIO, "no such device: ENXIO");
  Is(Create(Name("a"), Uuid("a")), 0, "a device");
  Prepare("");
  strcpy(req.h.uuid, Uuid("a"));
  Is(Call(DM_DEV_REMOVE), 0, "by uuid");
  Is(Status(Name("a")), ENXIO, "it is gone");
  Is(Create(Name("a"), Uuid("a")), 0, "name and uuid are free again");
  Is(Remove(Name("a")), 0, "by name");

  if (!Is(MakeZero(Name("a"), 8), 0, "a device with a table")) return;
  Is(Remove(Name("a")), 0, "goes");
  Ok(req.h.flags & DM_UEVENT_GENERATED_FLAG, "there was a uevent");
  if (!Is(MakeZero(Name("a"), 8), 0, "another")) return;
  Is(Suspend(Name("a")), 0, "that is suspended");
  Is(Remove(Name("a")), 0, "goes too");

  if (!Is(MakeZero(Name("a"), 8), 0, "a device")) return;
  if (!Is(PutOn(Name("b"), Name("a")), 0, "and one on it")) return;
  Ok(Status(Name("a")) == 0 && req.h.open_count >= 1, "has the lower one open");
  Prepare(Name("a"));
  Is(Call(DM_DEV_REMOVE), EBUSY, "it does not go: EBUSY");
  Ok(Status(Name("a")) == 0 && !(req.h.flags & DM_DEFERRED_REMOVE),
     "and will not");
  Is(RemoveDeferred(Name("a")), 0, "with DM_DEFERRED_REMOVE it will");
  Ok(IsDeferred(Name("a")), "and its status says so");
  Is(Message(Name("a"), "@cancel_deferred_remove"), 0,
     "the message that takes it back");
  Ok(Status(Name("a")) == 0 && !(req.h.flags & DM_DEFERRED_REMOVE),
     "takes it back");
  Is(RemoveDeferred(Name("a")), 0, "once more");
  Is(Remove(Name("b")), 0, "when the upper one goes");
  Ok(Goes(Name("a")), "the lower one goes too");

  if (!Is(Create(Name("a"), ""), 0, "a device that nobody has open")) return;
  Is(RemoveDeferred(Name("a")), 0, "goes with DM_DEFERRED_REMOVE");
  Is(req.h.flags & DM_DEFERRED_REMOVE, 0, "which is not in the reply then");
  Is(Status(Name("a")), ENXIO, "at once");
}
