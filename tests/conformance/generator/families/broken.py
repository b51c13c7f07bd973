# SPDX-License-Identifier: Apache-2.0
"""What keeps state, on devices that fail under it and come back."""

from .. import dmsetup_steps as d
from .. import guest
from ..story_steps import MAPPER, create, io, load, swap
from .messages import zeroed


def case(p):
  disks = p.sample(guest.PMEM[:4], 3)
  steps = [zeroed(disks[0])] + d.stamp(disks[1:])
  size = 8192
  good = [f"0 {size} linear {disk} 0" for disk in disks]
  late = [f"0 2048 linear {disk} 0\n2048 {size - 2048} error"
          for disk in disks]
  flaky = [f"0 {size} flakey {disk} 0 0 60 {words}" for disk, words in zip(
      disks, p.sample(["", "1 error_writes", "1 drop_writes", "1 error_reads",
                       ""], 3))]
  bad = f"0 {size} error"
  for i, table in enumerate(good):
    steps.append(create(f"l{i}", table))
  meta, data, other = (f"{MAPPER}l{i}" for i in range(3))
  kind = p.choice(["thin", "snapshot", "cache", "era", "clone", "writecache",
                   "integrity", "crypt", "delay", "log-writes", "origin"])
  length = 4096
  table = {
      "thin": f"0 {size} thin-pool {meta} {data} 128 0 1 error_if_no_space",
      "snapshot": f"0 {length} snapshot {data} {meta} P 16",
      "cache": f"0 {length} cache {meta} {data} {other} 128 "
               f"{p.choice(['0', '1 writethrough', '1 passthrough'])} smq 0",
      "era": f"0 {length} era {meta} {data} 128",
      "clone": f"0 {length} clone {meta} {data} {other} 128 1 no_hydration",
      "writecache": f"0 {length} writecache s {data} {meta} 4096 0",
      "integrity": f"0 {length} integrity {meta} 0 - {p.choice('JDB')} 1 "
                   "internal_hash:crc32c",
      "crypt": f"0 {length} crypt aes-xts-plain64 {'0f' * 32} 0 {data} 0",
      "delay": f"0 {length} delay {data} 0 0 {other} 0 0",
      "log-writes": f"0 {length} log-writes {data} {meta}",
      "origin": f"0 {length} snapshot-origin {data}"}[kind]
  top = "top"
  steps.append(create("pool" if kind == "thin" else "top", table))
  if kind == "thin":
    steps += [d.dmsetup("message", "pool", "0", "create_thin 0"),
              create("top", f"0 {length} thin {MAPPER}pool 0")]
  for _ in range(p.randint(4, 10)):
    i = p.choice([0, 0, 1, 1, 2])
    steps += p.weighted_call({
        14: lambda: [io(p, MAPPER + top, length)],
        6: lambda: swap(p, f"l{i}", p.choice([bad, bad, late[i], flaky[i]])),
        3: lambda: swap(p, f"l{i}", good[i]),
        4: lambda: [d.dmsetup("status", *p.choice([["top"], []]))],
        2: lambda: [d.dmsetup("suspend", "top"), d.dmsetup("resume", "top")],
        1.5: lambda: [d.dmsetup("remove", "top"), d.dmsetup("info", "-c")],
        1.4: lambda: [d.dmsetup("message", "pool", "0", p.choice(
            ["create_thin 1", "create_snap 2 0", "delete 1"]))]
             if kind == "thin" else [],
    })
    if p.chance(25):
      steps.append(d.dmsetup("status"))
  # The case must end.
  for i, table in enumerate(good):
    steps += [load(f"l{i}", table), d.dmsetup("resume", f"l{i}")]
  return steps + [d.dmsetup("status"), d.dmsetup("info", "-c"),
                  d.dmsetup("table")]
