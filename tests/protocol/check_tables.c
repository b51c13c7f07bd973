/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "tests/protocol/parts.h"
#include "tests/protocol/request.h"
#include "tests/protocol/tap.h"

static int LoadOne(uint64_t start, uint64_t length, const char* type,
                   const char* params) {
  const struct Row row = {start, length, type, params};
  return Load(Name("a"), 0, &row, 1);
}
static int LoadTwo(uint64_t second, uint64_t length) {
  const struct Row rows[2] = {{0, 8, "error", ""},
                              {second, length, "zero", ""}};
  return Load(Name("a"), 0, rows, 2);
}

/* The limits of the devices below are looked at when a device gets its first
 * table, and again when one goes live.  `below` has 64 sectors. */
static void Limits(const char* below) {
  char text[64];
  snprintf(text, sizeof(text), "%.*s 60", (int)strcspn(below, " "), below);
  const struct Row row = {0, 8, "linear", text}, good = {0, 8, "zero", ""};
  Is(Create(Name("c"), ""), 0, "a device without a table");
  Is(Load(Name("c"), 0, &row, 1), EINVAL,
     "more sectors than there are below: EINVAL");
  Ok(Status(Name("c")) == 0 && req.h.flags == 0, "and still no table");
  Is(Load(Name("c"), 0, &good, 1), 0, "a table");
  Is(Resume(Name("c")), 0, "live");
  Is(Load(Name("c"), 0, &row, 1), 0,
     "more sectors than there are below, in the second table");
  Is(Resume(Name("c")), EINVAL, "are found when it is to go live: EINVAL");
  Is(Status(Name("c")), 0, "the device");
  Is(req.h.flags, DM_ACTIVE_PRESENT_FLAG | DM_SUSPEND_FLAG,
     "stays suspended with its first one");
  Is(Resume(Name("c")), 0, "and can go on");
  Is(Remove(Name("c")), 0, "it goes");
}

void CheckLoad(void) {
  TapPart("load");
  if (!Is(Create(Name("a"), Uuid("a")), 0, "a device")) return;
  if (!Is(MakeZero(Name("b"), 64), 0, "and one of 64 sectors")) return;
  Is(LoadOne(0, 8, "zero", ""), 0, "DM_TABLE_LOAD");
  Is(req.h.flags, DM_INACTIVE_PRESENT_FLAG, "the table is inactive");
  Is(req.h.target_count, 0, "target_count is the live table's");
  Ok(req.h.dev != 0 && strcmp(req.h.uuid, Uuid("a")) == 0,
     "the reply is the device's status");
  Is(LoadTwo(8, 8), 0, "another load takes its place");

  Is(Load(Name("a"), 0, NULL, 0), EINVAL, "no rows: EINVAL");
  Is(LoadOne(0, 8, "dmtap-none", ""), EINVAL, "an unknown target: EINVAL");
  Is(LoadOne(0, 8, "", ""), EINVAL, "a target without name: EINVAL");
  Is(LoadOne(0, 0, "zero", ""), EINVAL, "a row of no sectors: EINVAL");
  Is(LoadOne(8, 8, "zero", ""), EINVAL, "a table that begins late: EINVAL");
  Is(LoadTwo(16, 8), EINVAL, "a gap between rows: EINVAL");
  Is(LoadTwo(0, 8), EINVAL, "rows that overlap: EINVAL");
  Is(LoadOne(0, 8, "zero", "word"), EINVAL,
     "a word too many for the target: EINVAL");
  Is(LoadOne(0, 8, "linear", ""), EINVAL,
     "a word too few for the target: EINVAL");
  Is(LoadOne(0, 8, "linear", "/dmtap/none 0") != 0, 1,
     "a path to no device is refused");
  char text[64];
  const uint64_t dev = DevOf(Name("b"));
  snprintf(text, sizeof(text), "%u:%u 0", DmMajor(dev), 0xfffffu);
  Is(LoadOne(0, 8, "linear", text), ENXIO, "a number of no device: ENXIO");
  snprintf(text, sizeof(text), "%u:%u 5x", DmMajor(dev), DmMinor(dev));
  Is(LoadOne(0, 8, "linear", text), EINVAL, "a sector that is none: EINVAL");
  snprintf(text, sizeof(text), "%u:%u 0 0", DmMajor(dev), DmMinor(dev));
  Is(LoadOne(0, 8, "linear", text), EINVAL, "another word too many: EINVAL");
  snprintf(text, sizeof(text), "%u:%u 56", DmMajor(dev), DmMinor(dev));
  Is(LoadOne(0, 8, "linear", text), 0, "as many as there are");
  Limits(text);
  snprintf(text, sizeof(text), "   %u:%u \t 0 ", DmMajor(dev), DmMinor(dev));
  Is(LoadOne(0, 8, "linear", text), 0, "any white space between words");
  Is(Load(Name("none"), 0, &(struct Row){0, 8, "zero", ""}, 1), ENXIO,
     "no such device: ENXIO");

  Is(LoadOne(0, 8, "zero", ""), 0, "a good load");
  Is(LoadOne(0, 8, "dmtap-none", ""), EINVAL, "and a bad one");
  Ok(Status(Name("a")) == 0 && (req.h.flags & DM_INACTIVE_PRESENT_FLAG),
     "which leaves the good one there");

  Prepare(Name("a"));
  Is(Call(DM_TABLE_CLEAR), 0, "DM_TABLE_CLEAR");
  Is(req.h.flags, 0, "the inactive table is gone");
  Prepare(Name("a"));
  Is(Call(DM_TABLE_CLEAR), 0, "with none there it is no error");

  const struct Row on = {0, 8, "linear", LinearOn(Name("b"))};
  Is(Load(Name("a"), 0, &on, 1), 0, "an inactive table");
  Prepare(Name("b"));
  Is(Call(DM_DEV_REMOVE), EBUSY, "has its devices open");
  Prepare(Name("a"));
  Is(Call(DM_TABLE_CLEAR), 0, "without it");
  Is(Remove(Name("b")), 0, "they are free");
  Is(Remove(Name("a")), 0, "the device goes");
}

/* A row at `at` of the request; `next` as it is. */
static void PutRowAt(size_t at, uint64_t start, uint32_t next,
                     const char* params) {
  const struct dm_target_spec spec = {
      .sector_start = start, .length = 8, .next = next, .target_type = "zero"};
  memcpy((char*)&req + at, &spec, sizeof(spec));
  strcpy((char*)&req + at + sizeof(spec), params);
}
static void Rows(uint32_t count, uint32_t start) {
  Prepare(Name("a"));
  req.h.target_count = count;
  req.h.data_start = start;
}

void CheckRows(void) {
  TapPart("rows");
  if (!Is(Create(Name("a"), ""), 0, "a device")) return;
  Rows(1, 312);
  PutRowAt(312, 0, 0, "");
  req.h.data_size = 312 + 40 + 1;
  Is(Call(DM_TABLE_LOAD), 0, "a request that ends with the last NUL");
  Rows(1, 312);
  PutRowAt(312, 0, 0, "");
  req.h.data_size = 312 + 40;
  Is(Call(DM_TABLE_LOAD), EINVAL, "one that ends before it: EINVAL");
  Rows(1, 312);
  PutRowAt(312, 0, 0, "          ");
  req.h.data_size = 312 + 40 + 10;
  Is(Call(DM_TABLE_LOAD), EINVAL, "parameters that do not end: EINVAL");
  Rows(1, 4096);
  PutRowAt(4096, 0, 0, "");
  Is(Call(DM_TABLE_LOAD), 0, "rows may begin anywhere behind the struct");
  Rows(1, sizeof(req));
  Is(Call(DM_TABLE_LOAD), EINVAL, "but inside of the request: EINVAL");
  Rows(1, 0);
  Is(Call(DM_TABLE_LOAD), EINVAL, "and not at 0: EINVAL");
  Rows(2, 312);
  PutRowAt(312, 0, 1024, "");
  PutRowAt(312 + 1024, 8, 0, "");
  Is(Call(DM_TABLE_LOAD), 0, "`next` is the way to the next row");
  Rows(2, 312);
  PutRowAt(312, 0, 0, "");
  PutRowAt(312 + 48, 8, 0, "");
  Is(Call(DM_TABLE_LOAD), EINVAL, "a `next` of 0 before the last: EINVAL");
  Rows(2, 312);
  PutRowAt(312, 0, 32, "");
  Is(Call(DM_TABLE_LOAD), EINVAL, "a `next` inside of the row: EINVAL");
  Rows(2, 312);
  PutRowAt(312, 0, sizeof(req), "");
  Is(Call(DM_TABLE_LOAD), EINVAL, "a `next` behind the request: EINVAL");
  Rows(1, 312);
  PutRowAt(312, 0, 0xfffffff8, "");
  Is(Call(DM_TABLE_LOAD), 0, "the last `next` is not looked at");
  Rows(0xffffffff, 312);
  PutRowAt(312, 0, 48, "");
  Ok(Call(DM_TABLE_LOAD) != 0, "4294967295 rows are refused");
  Rows(1, 312);
  PutRowAt(312, 0, 0, "");
  ((struct dm_target_spec*)req.payload)->status = -5;
  Is(Call(DM_TABLE_LOAD), 0, "`status` is not looked at");

  static const char* const since[] = {
      "a first row that is not aligned to 8: EINVAL",
      "a row that is not aligned to 8: EINVAL",
      "a row that begins in the struct: EINVAL",
      "a row that begins in the one before: EINVAL"};
  if (dm_minor < 49) {
    for (int i = 0; i < 4; ++i) Skip(since[i], "since 4.49, or a fix before");
  } else {
    Rows(1, 316);
    PutRowAt(316, 0, 0, "");
    Is(Call(DM_TABLE_LOAD), EINVAL, since[0]);
    Rows(2, 312);
    PutRowAt(312, 0, 52, "");
    PutRowAt(312 + 52, 8, 0, "");
    Is(Call(DM_TABLE_LOAD), EINVAL, since[1]);
    Rows(1, 304);
    PutRowAt(304, 0, 0, "");
    Is(Call(DM_TABLE_LOAD), EINVAL, since[2]);
    Rows(2, 312);
    PutRowAt(312, 0, 48, "          ");
    PutRowAt(312 + 48, 8, 0, "");
    Is(Call(DM_TABLE_LOAD), EINVAL, since[3]);
  }
  Is(Remove(Name("a")), 0, "the device goes");
}
