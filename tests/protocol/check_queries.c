/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "tests/protocol/parts.h"
#include "tests/protocol/request.h"
#include "tests/protocol/tap.h"

/* DM_TABLE_STATUS or _DEPS of our device, with room for so many bytes of
 * payload. */
static int Ask(unsigned nr, const char* name, uint32_t flags, size_t room) {
  Prepare(name);
  req.h.flags = flags;
  req.h.data_size = (uint32_t)(DM_STRUCT_SIZE + room);
  memset(req.payload, 0x5a, sizeof(req.payload));
  return Call(nr);
}
static int Full(void) { return (req.h.flags & DM_BUFFER_FULL_FLAG) != 0; }
static const size_t kRoomy = 16384;

/* Row `index` of a reply: whether it says that. */
static int RowIs(int index, uint64_t start, uint64_t length, const char* type,
                 const char* params) {
  const char* const rows = Payload();
  const char* at = rows;
  struct dm_target_spec spec;
  for (;; --index) {
    if (at == NULL || at + sizeof(spec) >= (char*)&req + req.h.data_size) {
      return 0;
    }
    memcpy(&spec, at, sizeof(spec));
    if (index == 0) break;
    at = rows + spec.next; /* from the first one on */
  }
  const char* const text = at + sizeof(spec);
  const size_t end = (size_t)(text - rows) + strlen(text) + 1;
  return spec.sector_start == start && spec.length == length &&
         spec.status == 0 && spec.next == ((end + 7) & ~(size_t)7) &&
         strcmp(spec.target_type, type) == 0 && strcmp(text, params) == 0;
}

static void Rooms(void) {
  /* A row of no words: 40 bytes and a NUL, and up to the next 8. */
  const int names[] = {0, 40, 41, 48};
  const char* const texts[] = {
      "no room: DM_BUFFER_FULL_FLAG", "no room for a NUL: DM_BUFFER_FULL_FLAG",
      "a text that just fits: DM_BUFFER_FULL_FLAG", "room for one row"};
  const struct Row one = {0, 8, "zero", ""};
  Is(Load(Name("c"), 0, &one, 1) + Resume(Name("c")), 0, "one row");
  for (int i = 0; i < 4; ++i) {
    const int err = Ask(DM_TABLE_STATUS, Name("c"), 0, (size_t)names[i]);
    Ok(err == 0 && Full() == (i < 3), texts[i]);
  }
  Is(req.h.data_size, DM_STRUCT_SIZE + 41, "data_size ends with the last NUL");
}

void CheckStatus(void) {
  TapPart("status");
  if (!Is(MakeZero(Name("a"), 64), 0, "a device")) return;
  if (!Is(Create(Name("c"), ""), 0, "and one without a table")) return;
  Is(Ask(DM_TABLE_STATUS, Name("c"), 0, kRoomy), 0, "no table is no error");
  Ok(req.h.target_count == 0 && req.h.data_size == DM_LEAST_SIZE && !Full(),
     "and no payload");
  Rooms();

  char on[64], to[64];
  snprintf(on, sizeof(on), "%s", LinearOn(Name("a")));
  snprintf(to, sizeof(to), "%.*s8", (int)strlen(on) - 1, on);
  const struct Row rows[3] = {
      {0, 8, "linear", on}, {8, 16, "error", ""}, {24, 8, "linear", to}};
  Is(Load(Name("c"), 0, rows, 3), 0, "three rows");
  Is(Ask(DM_TABLE_STATUS, Name("c"), DM_STATUS_TABLE_FLAG, kRoomy), 0,
     "the live table");
  Ok(req.h.target_count == 1 && RowIs(0, 0, 8, "zero", ""), "is the old one");
  Is(Ask(DM_TABLE_STATUS, Name("c"),
         DM_STATUS_TABLE_FLAG | DM_QUERY_INACTIVE_TABLE_FLAG, kRoomy),
     0, "with DM_QUERY_INACTIVE_TABLE_FLAG");
  Ok(req.h.target_count == 3 && RowIs(0, 0, 8, "linear", on) &&
         RowIs(2, 24, 8, "linear", to),
     "the inactive one");
  Is(Resume(Name("c")), 0, "resumed");
  Is(Ask(DM_TABLE_STATUS, Name("c"), DM_STATUS_TABLE_FLAG, kRoomy), 0,
     "with DM_STATUS_TABLE_FLAG");
  Is(req.h.data_start, DM_STRUCT_SIZE, "the payload is behind the struct");
  Is(req.h.target_count, 3, "there are three rows");
  Ok(RowIs(0, 0, 8, "linear", on), "the first as it was loaded");
  Ok(RowIs(1, 8, 16, "error", ""), "the second");
  Ok(RowIs(2, 24, 8, "linear", to), "the third");
  Ok(req.h.flags & DM_STATUS_TABLE_FLAG, "the flag comes back");
  Is(Ask(DM_TABLE_STATUS, Name("c"), 0, kRoomy), 0, "without it");
  Ok(RowIs(0, 0, 8, "linear", "") && RowIs(2, 24, 8, "linear", ""),
     "these have no status to tell");
  Is(Ask(DM_TABLE_STATUS, Name("c"), DM_NOFLUSH_FLAG, kRoomy), 0,
     "with DM_NOFLUSH_FLAG");
  Is(Ask(DM_TABLE_STATUS, Name("c"), DM_STATUS_TABLE_FLAG, 100), 0,
     "room for one row of three");
  Ok(Full() && req.h.target_count == 3,
     "DM_BUFFER_FULL_FLAG, and target_count is of all");
  if (dm_minor < 46) {
    Skip("DM_IMA_MEASUREMENT_FLAG", "since 4.46");
    Skip("names the target and its attributes", "since 4.46");
  } else {
    Is(Ask(DM_TABLE_STATUS, Name("c"), DM_IMA_MEASUREMENT_FLAG, kRoomy), 0,
       "DM_IMA_MEASUREMENT_FLAG");
    const char* const text = (char*)Payload() + sizeof(struct dm_target_spec);
    Ok(strncmp(text, "target_name=linear,target_version=", 34) == 0 &&
           text[strlen(text) - 1] == ';',
       "names the target and its attributes");
  }
  Is(Suspend(Name("c")), 0, "a suspended device");
  Is(Ask(DM_TABLE_STATUS, Name("c"), DM_STATUS_TABLE_FLAG, kRoomy), 0,
     "has a status too");
  Is(Remove(Name("c")), 0, "it goes");
  Is(Remove(Name("a")), 0, "and the other");
}

/* Whether the reply's devices are these, in any order. */
static int DepsAre(int count, uint64_t a, uint64_t b) {
  const struct dm_target_deps* const deps = Payload();
  if (deps == NULL || deps->count != (uint32_t)count) return 0;
  if (req.h.data_size != req.h.data_start + 8 + 8 * (uint32_t)count) return 0;
  if (count == 0) return 1;
  if (count == 1) return deps->dev[0] == a;
  return (deps->dev[0] == a && deps->dev[1] == b) ||
         (deps->dev[0] == b && deps->dev[1] == a);
}

void CheckDeps(void) {
  TapPart("deps");
  if (!Is(MakeZero(Name("a"), 64), 0, "a device")) return;
  if (!Is(MakeZero(Name("b"), 64), 0, "and another")) return;
  if (!Is(Create(Name("c"), ""), 0, "and one to be on them")) return;
  const uint64_t a = DevOf(Name("a")), b = DevOf(Name("b"));
  Is(Ask(DM_TABLE_DEPS, Name("c"), 0, kRoomy), 0, "no table is no error");
  Ok(req.h.data_size == DM_LEAST_SIZE && !Full(), "and no payload");
  Is(Ask(DM_TABLE_DEPS, Name("a"), 0, kRoomy), 0, "a table on nothing");
  Ok(DepsAre(0, 0, 0), "has no devices");

  const struct Row rows[3] = {{0, 8, "linear", LinearOn(Name("a"))},
                              {8, 8, "linear", LinearOn(Name("b"))},
                              {16, 8, "linear", LinearOn(Name("a"))}};
  Is(Load(Name("c"), 0, rows, 1), 0, "a table on one");
  Is(Resume(Name("c")), 0, "live");
  Is(Load(Name("c"), 0, rows, 3), 0, "one of three rows on two, inactive");
  Is(Ask(DM_TABLE_DEPS, Name("c"), 0, kRoomy), 0, "the live table");
  Ok(DepsAre(1, a, 0), "has the one");
  Is(Ask(DM_TABLE_DEPS, Name("c"), DM_QUERY_INACTIVE_TABLE_FLAG, kRoomy), 0,
     "with DM_QUERY_INACTIVE_TABLE_FLAG");
  Ok(DepsAre(2, a, b), "the two, each once");
  Is(Resume(Name("c")), 0, "resumed");
  Is(Ask(DM_TABLE_DEPS, Name("c"), 0, 8 + 2 * 8), 0, "room for two devices");
  Ok(!Full() && DepsAre(2, a, b), "holds them");
  Is(Ask(DM_TABLE_DEPS, Name("c"), 0, 8 + 2 * 8 - 1), 0, "a byte less");
  Ok(Full() && req.h.data_size == DM_LEAST_SIZE,
     "DM_BUFFER_FULL_FLAG and no payload");
  Is(Remove(Name("c")), 0, "it goes");
  Is(Remove(Name("b")), 0, "and the one below");
  Is(Remove(Name("a")), 0, "and the other");
}
