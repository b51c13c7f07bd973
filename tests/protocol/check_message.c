/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "tests/protocol/parts.h"
#include "tests/protocol/request.h"
#include "tests/protocol/tap.h"

static int At(uint64_t sector, const char* text) {
  Prepare(Name("a"));
  memcpy(req.payload, &sector, sizeof(sector));
  strcpy(req.payload + sizeof(sector), text);
  return Call(DM_TARGET_MSG);
}
static const char* Reply(void) {
  return req.h.flags & DM_DATA_OUT_FLAG ? Payload() : "(none)";
}

/* @stats_list with so much room: whether the answer was there. */
static int ListFits(size_t room) {
  Prepare(Name("a"));
  strcpy(req.payload + 8, "@stats_list");
  req.h.data_size = (uint32_t)(DM_STRUCT_SIZE + room);
  if (Call(DM_TARGET_MSG) != 0) return -1;
  return (req.h.flags & DM_BUFFER_FULL_FLAG) == 0;
}

/* Messages that device-mapper itself answers. */
static void Statistics(void) {
  Is(At(0, "@stats_create - 8"), 0, "a message with an answer");
  Is(strcmp(Reply(), "0"), 0, "DM_DATA_OUT_FLAG, and the answer");
  Is(req.h.data_size, DM_STRUCT_SIZE + 2, "data_size ends with its NUL");
  Is(At(0, "@stats_create - 8"), 0, "and another");
  Is(strcmp(Reply(), "1"), 0, "with its own answer");
  Is(At(99, "@stats_list"), 0, "the core's messages are of no sector");
  const size_t length = strlen(Reply());
  Is(strncmp(Reply(), "0: 0+64 8 ", 10), 0, "its list");
  Ok(length > 20 && ListFits(20) == 0, "too little room: DM_BUFFER_FULL_FLAG");
  Is(ListFits(length + 1), 0, "an answer that just fits: DM_BUFFER_FULL_FLAG");
  Is(ListFits(length + 2), 1, "a byte more is enough");
  Is(At(0, "@stats_delete 1"), 0, "the second goes");
  Is(At(0, "@stats_delete 0"), 0, "a message without an answer");
  Is(req.h.flags & DM_DATA_OUT_FLAG, 0, "has no DM_DATA_OUT_FLAG");
  Ok(req.h.dev != 0 && (req.h.flags & DM_ACTIVE_PRESENT_FLAG),
     "its reply is the device's status");
  Is(At(0, "@stats_delete 0"), ENOENT, "the core's errno");
}

/* Some kernels with 4.50 (6.16, 6.18) take it for done, and have nothing to
 * say. */
static int RefusedWithoutTable(void) {
  const int err = At(0, "word");
  return err == EINVAL || (err == 0 && dm_minor == 50 && req.h.dev == 0);
}

void CheckMessage(void) {
  TapPart("message");
  if (!Is(Create(Name("a"), ""), 0, "a device")) return;
  Ok(RefusedWithoutTable(), "without a table: EINVAL");
  const struct Row row = {0, 64, "zero", ""};
  Is(Load(Name("a"), 0, &row, 1), 0, "with an inactive table");
  Ok(RefusedWithoutTable(), "still EINVAL");
  Is(Resume(Name("a")), 0, "with a live one");
  Is(At(0, "word"), EINVAL, "to a target that takes none: EINVAL");
  Is(At(64, "word"), EINVAL, "behind the last sector: EINVAL");
  Is(At(0, ""), EINVAL, "no words: EINVAL");
  Is(At(0, "  \t "), EINVAL, "white space: EINVAL");
  Is(At(0, "@dmtap_none"), EINVAL, "to the core, unknown: EINVAL");
  Is(Message(Name("none"), "word"), ENXIO, "no such device: ENXIO");
  Prepare(Name("a"));
  memset(req.payload, 'x', 64);
  req.h.data_size = DM_STRUCT_SIZE + 16;
  Is(Call(DM_TARGET_MSG), EINVAL, "without a NUL: EINVAL");
  Prepare(Name("a"));
  req.h.data_start = 300;
  Is(Call(DM_TARGET_MSG), EINVAL, "inside of the struct: EINVAL");
  Prepare(Name("a"));
  req.h.data_start = sizeof(req);
  Is(Call(DM_TARGET_MSG), EINVAL, "behind the request: EINVAL");
  Is(At(0, "@cancel_deferred_remove"), 0,
     "@cancel_deferred_remove, with none under way: done");
  Is(At(0, "@CANCEL_deferred_remove"), 0, "the core's words in capitals");
  Prepare(Name("a"));
  req.h.data_start = DM_LEAST_SIZE;
  strcpy((char*)&req + DM_LEAST_SIZE + 8, "@cancel_deferred_remove");
  Is(Call(DM_TARGET_MSG), 0, "from byte 305 on");
  Is(At(0, "@cancel_deferred_remove now"), EINVAL,
     "@cancel_deferred_remove with a word: EINVAL");
  Statistics();
  Is(Remove(Name("a")), 0, "the device goes");
}

static int Geometry(const char* name, const char* text) {
  Prepare(name);
  PutText(text);
  return Call(DM_DEV_SET_GEOMETRY);
}

void CheckGeometry(void) {
  TapPart("geometry");
  if (!Is(MakeZero(Name("a"), 64), 0, "a device")) return;
  Is(Geometry(Name("a"), "2 4 8 0"), 0, "cylinders, heads, sectors, start");
  Is(req.h.dev != 0, 0, "nothing comes back but the version");
  Is(Geometry(Name("a"), "2 4 8 64"), 0, "a start at the end");
  Is(Geometry(Name("a"), "2 4 8 65"), EINVAL, "a start behind it: EINVAL");
  Is(Geometry(Name("a"), "2 4 8"), EINVAL, "three numbers: EINVAL");
  Is(Geometry(Name("a"), "words"), EINVAL, "no numbers: EINVAL");
  Is(Geometry(Name("a"), "65536 4 8 0"), EINVAL,
     "more than 65535 cylinders: EINVAL");
  Is(Geometry(Name("a"), "2 256 8 0"), EINVAL, "more than 255 heads: EINVAL");
  Is(Geometry(Name("a"), "2 4 256 0"), EINVAL, "more than 255 sectors: EINVAL");
  static const char* const numbers[] = {
      "2 4 8 0 0", "2 4 8 0 ",  "2 4 8 0\n", "2 4 8 0x", "0x2 4 8 0",
      "2,4,8,0",   "-2 4 8 0",  "+2 4 8 0",  "2 4 8",    "2\\ 4 8 0",
      "2 4x 8 0",  "\\2 4 8 0", ""};
  int accepted = 0;
  for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); ++i) {
    accepted += Geometry(Name("a"), numbers[i]) != EINVAL;
  }
  Is(accepted, 0, "nothing may be in front of a number, or behind the last");
  Is(Geometry(Name("a"), "  02\t\n4  8 000"), 0,
     "white space between them, and zeros, may");
  Is(Geometry(Name("none"), "2 4 8 0"), ENXIO, "no such device: ENXIO");
  Prepare(Name("a"));
  memset(req.payload, '1', 64);
  req.h.data_size = DM_STRUCT_SIZE + 16;
  Is(Call(DM_DEV_SET_GEOMETRY), EINVAL, "without a NUL: EINVAL");
  Is(Remove(Name("a")), 0, "the device goes");
}
