# SPDX-License-Identifier: Apache-2.0
"""Direct I/O through targets that change, copy, drop or refuse it."""

from .. import dmsetup_steps as d
from .. import guest

LENGTH = 2048


def flakey(p, legs):
  features = p.choice([
      [], ["drop_writes"], ["error_writes"], ["error_reads"],
      ["error_reads", "error_writes"], ["drop_writes", "error_reads"],
      ["corrupt_bio_byte", str(p.choice([1, 2, 16, 511, 512, 513, 4096])),
       p.choice("rw"), str(p.choice([0, 7, 255])), str(p.choice([0, 0, 2]))],
      ["drop_writes", "corrupt_bio_byte", "9", "r", "1", "0"],
      ["error_writes", "corrupt_bio_byte", "9", "r", "1", "0"],
      ["error_reads", "corrupt_bio_byte", "3", "w", "1", "0"],
      ["random_read_corrupt", "0"], ["random_write_corrupt", "0"]])
  up, down = p.choice([("0", "1"), ("0", "1"), ("60", "0"), ("60", "60"),
                       ("0", "0")])
  words = [legs[0], str(8 * p.randint(0, 4)), up, down]
  return " ".join(["flakey"] + words + [str(len(features))] + features)


def mirror(p, legs):
  count = p.randint(2, 3)
  words = ["mirror", "core", "2", str(p.choice([128, 1024])), "nosync",
           str(count)]
  for leg in legs[:count]:
    words += [leg, str(8 * p.randint(0, 4))]
  return " ".join(words + p.choice([[], ["1", "handle_errors"],
                                    ["2", "handle_errors", "keep_log"]]))


def raid1(p, legs):
  return f"raid raid1 2 0 nosync 2 - {legs[0]} - {legs[1]}"


def raid0(p, legs):
  return f"raid raid0 1 {p.choice([8, 64, 128])} 2 - {legs[0]} - {legs[1]}"


def dust(p, legs):
  return f"dust {legs[0]} {8 * p.randint(0, 4)} {p.choice([512, 1024, 4096])}"


def delay(p, legs):
  words = [legs[0], str(8 * p.randint(0, 4)), "0"]
  if p.chance(60):
    words += [legs[1], str(8 * p.randint(0, 4)), "0"]
  if len(words) == 6 and p.chance(40):
    words += [legs[2], "0", "0"]
  return " ".join(["delay"] + words)


def unstriped(p, legs):
  chunk = p.choice([8, 16, 128])
  return f"unstriped 2 {chunk} {p.randint(0, 1)} {legs[0]} 0"


def switch(p, legs):
  size = p.choice([8, 64, 256])
  return f"switch 2 {size} 0 {legs[0]} 0 {legs[1]} {8 * p.randint(0, 4)}"


def log_writes(p, legs):
  return f"log-writes {legs[0]} {legs[1]}"


def origin(p, legs):
  return f"snapshot-origin {legs[0]}"


def messages(p, kind):
  text = {switch: ["set_region_mappings 0:1 1:0", "set_region_mappings R2,4",
                   "set_region_mappings 1:1,R1,3"],
          dust: ["addbadblock 3", "enable", "disable", "removebadblock 3",
                 "countbadblocks", "listbadblocks", "queryblock 3",
                 "addbadblock 0 1", "clearbadblocks", "quiet"]}.get(kind)
  return [] if text is None else [
      d.dmsetup("message", "d0", "0", p.choice(text))]


KINDS_OF_TARGETS = {flakey: 9, mirror: 6, raid1: 2, raid0: 2, dust: 3,
                    delay: 3, unstriped: 2, switch: 3, log_writes: 1,
                    origin: 1}


def access(p, path):
  first = p.weighted({p.randrange(LENGTH): 3, 8 * p.randrange(LENGTH // 8): 5,
                      0: 2, LENGTH - 8: 1})
  count = min(p.choice([1, 1, 8, 8, 16, 3, 64, 256]), LENGTH - first)
  what = p.weighted({"pread": 5, "pwrite": 5, "whereis": 4, "stamp": 2})
  if what in ("pread", "pwrite"):
    return {what: path, "off": first * 512, "bytes": max(count, 1) * 512}
  if what == "whereis":
    return {what: path,
            "sectors": list(range(first, first + max(1, min(count, 4))))}
  # Whole pages: nothing is read before they are written.
  return {what: path, "sectors": [first // 8 * 8, 8]}


def case(p):
  if p.chance(35):
    legs = [f"/dev/loop{i}" for i in range(3)]
    steps = [{"loop": leg, "mib": 16, "bs": 512} for leg in legs]
  else:
    legs, steps = p.sample(guest.PMEM[:4], 3), []
  steps += [{"stamp": leg, "sectors": [0, LENGTH]} for leg in legs]
  kind = p.weighted(KINDS_OF_TARGETS)
  steps.append(d.dmsetup("create", "d0",
                         stdin=f"0 {LENGTH} {kind(p, legs)}\n"))
  top = "/dev/mapper/d0"
  if p.chance(30):
    steps.append(d.dmsetup(
        "create", "d1", stdin=f"0 {LENGTH - 64} linear {top} "
                              f"{p.choice([0, 8, 1, 64])}\n"))
    top = "/dev/mapper/d1"
  for _ in range(p.randint(3, 8)):
    if p.chance(25):
      steps += messages(p, kind)
    at = p.choice([top, top, top] + legs[:2])
    step = access(p, at)
    # What is written through a cache is not followed where it may fail.
    steps.append(step if at in legs or "stamp" not in step
                 else {"pwrite": at, "off": 0, "bytes": 4096})
    if p.chance(15):
      steps.append(d.dmsetup("status"))
  return steps + [d.dmsetup("status"), d.dmsetup("table")]
