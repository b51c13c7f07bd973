# SPDX-License-Identifier: Apache-2.0
"""Queue limits through two to six levels of disks of all kinds."""

from .. import dmsetup_steps as d
from .. import guest
from .. import targets


def disks(p):
  """Steps and disks with logical blocks of 512 to 4096, DAX or not."""
  steps, paths = [], []
  for i in range(p.randint(1, 3)):
    path = f"/dev/loop{i}"
    steps.append({"loop": path, "mib": p.choice([16, 64]),
                  "bs": p.choice([512, 1024, 2048, 4096])})
    paths.append(path)
  return steps, paths + p.sample(guest.PMEM, 2) + [guest.RAW] + guest.RAM


def row(p, begin, below):
  make = p.weighted({targets.linear: 6, targets.striped: 5, targets.zero: 1,
                     targets.error: 1, targets.unstriped: 1, targets.delay: 1,
                     targets.snapshot_origin: 1, targets.flakey: 1,
                     targets.mirror: 1, targets.crypt: 1, targets.switch: 1})
  length = p.weighted({8 * p.randint(1, 512): 6, p.randint(1, 4096): 1})
  if make in (targets.linear, targets.striped):
    start = p.weighted({0: 4, 8 * p.randint(1, 500): 4, p.randint(1, 70): 2})
    if make is targets.linear:
      words = [p.choice(below), str(start)]
    else:
      legs = p.randint(1, 4)
      chunk = p.choice([8, 8, 16, 64, 128, 2048, 24, 4])
      length = legs * chunk * p.randint(1, 16)
      words = [str(legs), str(chunk)]
      for _ in range(legs):
        words += [p.choice(below), str(p.choice([0, start, 8, 1]))]
  else:
    words = make(p, below, length)
  line = [str(begin), str(length), targets.type_name(make)] + list(words)
  return " ".join(line), length


def case(p):
  steps, below = disks(p)
  level = p.sample(below, min(len(below), p.randint(1, 4)))
  for i in range(p.randint(2, 6)):
    lines, begin = [], 0
    for _ in range(p.weighted({1: 6, 2: 3, 3: 1})):
      line, length = row(p, begin, level)
      lines.append(line)
      begin += length
    steps.append(d.dmsetup("create", f"d{i}", stdin="\n".join(lines) + "\n"))
    level = [f"/dev/mapper/d{i}"] + (p.sample(below, 1) if p.chance(60) else [])
  return steps + [d.dmsetup("table"), d.dmsetup("info", "-c")]
