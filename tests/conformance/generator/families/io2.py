# SPDX-License-Identifier: Apache-2.0
"""I/O across rows, legs and ends, read-only legs, shrunk devices."""

from .. import dmsetup_steps as d
from .. import guest
from .. import targets

MOST = 2048


def row(p, begin, below):
  make = p.weighted({targets.linear: 8, targets.striped: 5, targets.zero: 1,
                     targets.error: 1, targets.delay: 1,
                     targets.snapshot_origin: 1})
  length = 8 * p.randint(1, 32) + p.weighted({0: 6, 1: 1, 2: 1, 4: 1})
  if make is targets.striped:
    legs, chunk = p.randint(1, 3), p.choice([8, 16, 64])
    length = legs * chunk * p.randint(1, 4)
    words = [str(legs), str(chunk)]
    for _ in range(legs):
      words += [p.choice(below), str(8 * p.randint(0, 16))]
  elif make is targets.linear:
    words = [p.choice(below), str(8 * p.randint(0, 16))]
  elif make is targets.delay:
    words = [p.choice(below), "0", "0"]
  elif make is targets.error:
    words = []
  else:
    words = make(p, below, length)
  line = [str(begin), str(length), targets.type_name(make)] + list(words)
  return " ".join(line), length


def table(p, below, rows=None):
  lines, begin = [], 0
  for _ in range(rows or p.weighted({1: 4, 2: 4, 3: 2, 4: 1})):
    line, length = row(p, begin, below)
    lines.append(line)
    begin += length
  return "\n".join(lines) + "\n", begin


def access(p, path, length):
  """One read or write of whole sectors, near a boundary or an end."""
  first = p.weighted({p.randrange(length): 4, max(0, length - 4): 3,
                      8 * p.randrange(max(1, length // 8)): 4, length: 1,
                      length + 8: 1})
  count = p.weighted({1: 3, 2: 2, 8: 4, 16: 3, 64: 2, 5: 1})
  what = p.weighted({"pread": 5, "pwrite": 4, "whereis": 2, "stamp": 1})
  if what in ("pread", "pwrite"):
    if p.chance(60):
      return {what: path, "off": first * 512, "bytes": count * 512}
    # Through the page cache any bytes will do.
    off = max(0, first * 512 - p.choice([0, 0, 0, 1, 100, 512, 1000]))
    size = p.choice([count * 512, 1, 100, 512, 4096, 5000])
    return {what: path, "off": off, "bytes": size, "direct": False}
  if what == "whereis":
    return {what: path, "sectors": list(range(first, first + min(count, 4)))}
  return {what: path, "sectors": [first, min(count, 8)]}


def case(p):
  disks = p.sample(guest.PMEM, 2)
  steps = d.stamp(disks)
  text, low = table(p, disks)
  readonly = ["--readonly"] if p.chance(20) else []
  steps.append(d.dmsetup("create", "d0", *readonly, stdin=text))
  top, length = "/dev/mapper/d0", low
  if p.chance(60):
    text, length = table(p, ["/dev/mapper/d0"] * 3 + disks)
    steps.append(d.dmsetup("create", "d1", stdin=text))
    top = "/dev/mapper/d1"
  for _ in range(p.randint(2, 6)):
    if p.chance(20):
      text, low = table(p, disks, 1)
      steps += [d.dmsetup("load", "d0", stdin=text), d.dmsetup("resume", "d0")]
    if p.chance(10):
      steps.append({"setro": p.choice(["/dev/mapper/d0", top]),
                    "ro": p.chance(70)})
    steps.append(access(p, top, length))
  return steps
