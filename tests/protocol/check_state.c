/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>

#include "tests/protocol/parts.h"
#include "tests/protocol/request.h"
#include "tests/protocol/tap.h"

enum {
  kPresent = DM_ACTIVE_PRESENT_FLAG | DM_INACTIVE_PRESENT_FLAG,
  kState =
      kPresent | DM_SUSPEND_FLAG | DM_READONLY_FLAG | DM_INTERNAL_SUSPEND_FLAG
};

static int Flags(void) {
  return Status(Name("a")) == 0 ? (int)(req.h.flags & kState) : -1;
}
static int InactiveStatus(void) {
  Prepare(Name("a"));
  req.h.flags = DM_QUERY_INACTIVE_TABLE_FLAG;
  return Call(DM_DEV_STATUS);
}
static int SuspendWith(uint32_t flags) {
  Prepare(Name("a"));
  req.h.flags = DM_SUSPEND_FLAG | flags;
  return Call(DM_DEV_SUSPEND);
}

static void WithoutTable(void) {
  Is(Resume(Name("a")), 0, "of a new device: done");
  Is(req.h.flags & DM_UEVENT_GENERATED_FLAG, 0, "without a uevent");
  Is(Flags(), 0, "it has no table still");
  Is(Suspend(Name("a")), 0, "a device without a table can be suspended");
  Is(Flags(), DM_SUSPEND_FLAG, "and its status says so");
  Is(Resume(Name("a")), EINVAL, "but then not resumed: EINVAL");
}

static void Tables(void) {
  const struct Row one = {0, 8, "zero", ""};
  const struct Row two[2] = {{0, 8, "zero", ""}, {8, 8, "error", ""}};
  Is(Load(Name("a"), 0, &one, 1), 0, "it takes a table");
  Is(Flags(), DM_SUSPEND_FLAG | DM_INACTIVE_PRESENT_FLAG, "which is inactive");
  Is(Resume(Name("a")), 0, "and is resumed with it");
  Ok(req.h.flags & DM_UEVENT_GENERATED_FLAG, "there was a uevent");
  Is(req.h.flags & kState, DM_ACTIVE_PRESENT_FLAG, "the table is live");
  Is(req.h.target_count, 1, "target_count is its rows");
  Is(Flags(), DM_ACTIVE_PRESENT_FLAG, "DM_DEV_STATUS says the same");
  Is(Resume(Name("a")), 0, "a second resume: done");
  Is(req.h.flags & DM_UEVENT_GENERATED_FLAG, 0, "without a uevent");

  Is(Load(Name("a"), 0, two, 2), 0, "a second table");
  Is(Flags(), kPresent, "stands beside the live one");
  Is(req.h.target_count, 1, "target_count is the live one's");
  Is(InactiveStatus(), 0, "with DM_QUERY_INACTIVE_TABLE_FLAG");
  Is(req.h.target_count, 2, "it is the inactive one's");
  Is(req.h.flags & kState, kPresent, "and both are there");
  Is(Suspend(Name("a")), 0, "a suspend");
  Is(req.h.flags & kState, kPresent | DM_SUSPEND_FLAG,
     "leaves the tables as they are");
  Is(Resume(Name("a")), 0, "a resume");
  Is(req.h.target_count, 2, "swaps them");
  Is(Flags(), DM_ACTIVE_PRESENT_FLAG, "and the old one is gone");
  Is(InactiveStatus(), 0, "asked for the inactive one");
  Is(req.h.target_count, 0, "it has no rows");
}

static void Flagged(void) {
  Is(Suspend(Name("a")), 0, "a suspended device");
  Is(req.h.flags & DM_UEVENT_GENERATED_FLAG, 0, "had no uevent");
  Is(Suspend(Name("a")), 0, "can be suspended again");
  Is(Resume(Name("a")), 0, "and one resume is enough");
  Is(Flags(), DM_ACTIVE_PRESENT_FLAG, "for it to run");
  Is(SuspendWith(DM_NOFLUSH_FLAG), 0, "a suspend with DM_NOFLUSH_FLAG");
  Is(Resume(Name("a")), 0, "and a resume");
  Is(SuspendWith(DM_SKIP_LOCKFS_FLAG), 0, "one with DM_SKIP_LOCKFS_FLAG");
  Is(Resume(Name("a")), 0, "and a resume");

  Prepare(Name("a"));
  req.h.flags = kState;
  Is(Call(DM_DEV_STATUS), 0, "a query that has flags of a state");
  Is(req.h.flags & kState, DM_ACTIVE_PRESENT_FLAG,
     "is answered with the state alone");
  Is(req.h.open_count, 0, "nobody has it open");

  const struct Row one = {0, 8, "zero", ""};
  Is(Load(Name("a"), DM_READONLY_FLAG, &one, 1), 0, "a read-only table");
  Is(Flags(), kPresent, "does not change the live one");
  Is(InactiveStatus(), 0, "with DM_QUERY_INACTIVE_TABLE_FLAG");
  Ok(req.h.flags & DM_READONLY_FLAG, "it says what it is");
  Is(Resume(Name("a")), 0, "live");
  Is(Flags(), DM_ACTIVE_PRESENT_FLAG | DM_READONLY_FLAG, "it is read-only");
  Is(Load(Name("a"), 0, &one, 1), 0, "another, writable");
  Is(Resume(Name("a")), 0, "live");
  Is(Flags(), DM_ACTIVE_PRESENT_FLAG, "is not");
}

void CheckState(void) {
  TapPart("resume");
  if (!Is(Create(Name("a"), ""), 0, "a device")) return;
  WithoutTable();
  Tables();
  TapPart("suspend");
  Flagged();
  Is(Remove(Name("a")), 0, "the device goes");
}
