# SPDX-License-Identifier: Apache-2.0
"""Devices that shrink and grow under others, with what is asked then."""

from .. import dmsetup_steps as d
from .. import guest
from ..story_steps import MAPPER, ask, create, io, load, swap


def case(p):
  disks = p.sample(guest.PMEM[:4], 2)
  steps = d.stamp(disks)
  sizes = [8, 1024, 2048, 4096, 4096 + 8, 8192, 1001]

  def low(size):
    cut = 8 * p.randint(0, size // 8)
    if p.chance(30) and 0 < cut < size:
      return (f"0 {cut} linear {disks[0]} {8 * p.randint(0, 9)}\n"
              f"{cut} {size - cut} linear {disks[1]} 0")
    return f"0 {size} {p.choice(['linear', 'linear', 'linear', 'delay'])} " \
           f"{disks[0]} {8 * p.randint(0, 9)}".replace(
               "delay", "linear" if p.chance(60) else "flakey") + ""

  def fixed(text):
    return "\n".join(line + " 60 0" if " flakey " in line else line
                     for line in text.split("\n"))

  def over(size):
    return p.weighted({
        f"0 {size} linear {MAPPER}low 0": 5,
        f"0 {max(size - 8, 8)} linear {MAPPER}low 8": 2,
        f"0 {2 * (size // 2 // 8 * 8) or 16} striped 2 8 {MAPPER}low 0 "
        f"{disks[1]} 0": 3,
        f"0 {size} snapshot-origin {MAPPER}low": 1,
        f"0 {size} delay {MAPPER}low 0 0": 1,
        f"0 {size} mirror core 2 128 nosync 2 {MAPPER}low 0 {disks[1]} 0": 1,
        f"0 {size} zero": 0.5})
  size = p.choice(sizes)
  steps += [create("low", fixed(low(size))), create("mid", over(size)),
            create("top", f"0 {max(8, size - 16)} linear {MAPPER}mid 0")]
  for _ in range(p.randint(4, 12)):
    name = p.choice(["low", "mid", "top"])
    size = p.choice(sizes)
    steps += p.weighted_call({
        8: lambda: [io(p, MAPPER + name, size)],
        7: lambda: swap(p, "low", fixed(low(size))),
        3: lambda: swap(p, "mid", over(size)),
        2: lambda: swap(p, "top", f"0 {size} linear {MAPPER}mid 0"),
        4: lambda: [ask(p, name)],
        1.5: lambda: [load(name, f"0 {size} linear {disks[1]} 0"),
                      ask(p, name), d.dmsetup("clear", name)],
        1.4: lambda: [{"open": MAPPER + name, "mode": p.choice(["r", "excl"])}],
        1.3: lambda: [d.dmsetup("remove", name)],
        1.2: lambda: [{"part": MAPPER + name, "n": 1, "start": 8,
                       "sectors": 16}],
        1.1: lambda: [{"devs": 1}],
    })
  return steps + [d.dmsetup("status"), d.dmsetup("table"),
                  d.dmsetup("info", "-c"), d.dmsetup("ls", "--tree")]
