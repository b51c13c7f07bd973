# SPDX-License-Identifier: Apache-2.0
"""max_sectors_kb set by hand on mapped devices, then their tables replaced."""

from .. import dmsetup_steps as d
from .. import guest
from .. import tables
from .. import targets


def sysfs(n):
  return f"/sys/block/dm-{n}/queue/max_sectors_kb"


def case(p):
  steps, devices = guest.devices(p)
  text, _ = tables.table(p, targets.SIMPLE, devices, 0)
  steps.append(d.dmsetup("create", "d0", stdin=text))
  count = 1
  if p.chance(50):
    text, _ = tables.table(p, targets.SIMPLE, ["/dev/mapper/d0"] + devices, 0)
    steps.append(d.dmsetup("create", "d1", stdin=text))
    count = 2
  for _ in range(p.randint(2, 6)):
    n = p.randrange(count)
    if p.chance(60):
      kib = p.choice([4, 64, 128, 320, 512, 1280, 2048, 4096, 3, 0, 65536,
                      4194303, 7])
      steps.append({"exec": ["sh", "-c", f"echo {kib} > {sysfs(n)}; "
                                         f"cat {sysfs(n)}"]})
    else:
      below = devices if n == 0 else ["/dev/mapper/d0"] + devices
      text, _ = tables.table(p, targets.SIMPLE, below, 0)
      steps += [d.dmsetup("load", f"d{n}", stdin=text),
                d.dmsetup("resume", f"d{n}"),
                {"exec": ["sh", "-c", f"cat {sysfs(n)}"]}]
  return steps
