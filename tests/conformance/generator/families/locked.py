# SPDX-License-Identifier: Apache-2.0
"""Suspended and read-only devices in the middle of a stack."""

from .. import dmsetup_steps as d
from .. import guest
from ..story_steps import MAPPER, ask, create, io, load


def case(p):
  disks = p.sample(guest.PMEM[:4], 2)
  steps = d.stamp(disks)
  names = ["a", "b", "c", "e"]
  ro = lambda: p.choice([[], [], [], ["--readonly"]])
  suspended = set()
  below = list(disks)
  for name in names[:p.randint(2, 4)]:
    leg = p.choice(below)
    steps.append(create(name, p.weighted({
        f"0 2048 linear {leg} 0": 5,
        f"0 2048 striped 2 8 {leg} 0 {p.choice(below)} 1024": 2,
        f"0 1024 linear {leg} 0\n1024 1024 linear {p.choice(below)} 8": 2,
        f"0 2048 snapshot-origin {leg}": 1,
        f"0 2048 crypt aes-xts-plain64 {'0f' * 32} 0 {leg} 0": 1,
        f"0 2048 mirror core 2 128 nosync 2 {leg} 0 {p.choice(below)} 0": 1,
        f"0 2048 log-writes {leg} {disks[1]}": 0.7,
        f"0 2048 delay {leg} 0 0": 1}), *ro()))
    below.append(MAPPER + name)
  for _ in range(p.randint(5, 12)):
    name = p.choice(names)
    leg = p.choice(below)

    def suspend():
      suspended.add(name)
      return [d.dmsetup("suspend", *p.choice(
          [[], ["--noflush"], ["--nolockfs"]]), name)]

    def resume():
      suspended.discard(name)
      return [d.dmsetup("resume", *p.choice([[], [], ["--noflush"],
                                             ["--readonly"]]), name)]
    steps += p.weighted_call({
        5: suspend,
        4: resume,
        6: lambda: [ask(p, name)],
        5.5: lambda: [io(p, p.choice(below), 2048)] if not suspended else [],
        3: lambda: [load(name, f"0 2048 linear {leg} {8 * p.randrange(4)}",
                         *ro())],
        2: lambda: [create("n", f"0 1024 linear {leg} 0", *ro()),
                    d.dmsetup("remove", "n")],
        1.9: lambda: [{"setro": p.choice(below), "ro": p.chance(60)}],
        1.8: lambda: [{"open": leg, "mode": p.choice(["r", "w", "rw", "excl"])},
                      d.dmsetup("info", name), {"close": leg}, {"sleep": 0.1},
                      {"devs": 1}],
        1.7: lambda: [d.dmsetup("rename", name, p.choice(["z", name, "a"]))],
        1.6: lambda: [d.dmsetup("rename", "--setuuid", name, "U-" + name)],
        1.5: lambda: [d.dmsetup("message", name, "0", p.choice(
            ["hello", "mark x", "@stats_list", "key wipe"]))],
        1.4: lambda: [d.dmsetup("deps", "--inactive", name)],
        1.3: lambda: [{"ioctl": p.choice(["TABLE_STATUS", "DEV_STATUS",
                                          "TABLE_DEPS"]), "name": name,
                       "flags": p.choice([[], ["status_table"],
                                          ["query_inactive"], ["noflush"]])}],
    })
  for disk in disks:
    steps.append({"setro": disk, "ro": False})
  return steps + [d.dmsetup("table"), d.dmsetup("info", "-c"),
                  d.dmsetup("deps")]
