# SPDX-License-Identifier: Apache-2.0
"""An origin, up to three snapshots, merges and stores that are full."""

from .. import dmsetup_steps as d
from ..story_steps import MAPPER, ask, create, io, load, swap
from .messages import zeroed

ORIGIN = 8192


def case(p):
  disk, store = "/dev/pmem0", "/dev/pmem1"
  steps = d.stamp([disk]) + [zeroed(store)]
  chunk = p.choice([8, 8, 16, 32, 128])
  steps += [create("base", f"0 {ORIGIN} linear {disk} 0"),
            create("org", f"0 {ORIGIN} snapshot-origin {MAPPER}base")]
  names, at = [], 0
  for i in range(p.randint(1, 3)):
    size = chunk * p.choice([3, 4, 6, 20, 100])
    kind = p.choice(["P", "P", "PO", "N", "N"])
    own = chunk if p.chance(80) else chunk * 2
    steps += [create(f"c{i}", f"0 {size} linear {store} {at}"),
              create(f"s{i}", f"0 {ORIGIN} snapshot {MAPPER}base {MAPPER}c{i} "
                              f"{kind} {own}")]
    names.append((f"s{i}", kind, own, i))
    at += 16384
  for _ in range(p.randint(5, 14)):
    name, kind, own, i = p.choice(names)
    table = f"0 {ORIGIN} snapshot {MAPPER}base {MAPPER}c{i} {kind} {own}"
    merge = table.replace(" snapshot ", " snapshot-merge ")
    steps += p.weighted_call({
        20: lambda: [io(p, MAPPER + p.choice(["org", "org", name, name, name]),
                        512)],
        6: lambda: [ask(p, p.choice([name, "org"]))],
        5: lambda: [d.dmsetup("status", name)],
        2: lambda: swap(p, name, table),
        1.9: lambda: swap(p, "org", f"0 {ORIGIN} snapshot-origin {MAPPER}base"),
        1.8: lambda: [d.dmsetup("suspend", "org"), d.dmsetup("suspend", name),
                      load("org", merge), d.dmsetup("resume", "org"),
                      {"sleep": 2}, d.dmsetup("status"),
                      d.dmsetup("remove", name)],
        1.7: lambda: [d.dmsetup("remove", name), create(name, table)],
        1.6: lambda: [d.dmsetup("suspend", name), load(name, merge),
                      d.dmsetup("resume", name), {"sleep": 2},
                      d.dmsetup("status", name)],
        1.5: lambda: [d.dmsetup("remove", p.choice([name, "org", "base"]))],
        1: lambda: [d.dmsetup("message", name, "0", "hello")],
    })
  return steps + [d.dmsetup("status"), d.dmsetup("table"),
                  d.dmsetup("info", "-c")]
