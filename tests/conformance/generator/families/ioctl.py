# SPDX-License-Identifier: Apache-2.0
"""Raw ioctls with many targets and devices, odd names, flags and versions."""

from .. import guest
from .. import ioctl_edges
from .. import ioctl_steps
from .. import tables
from .. import targets


def many_rows(p, devices):
  specs, start = [], 0
  for _ in range(p.weighted({1: 2, 8: 3, 30: 3, 100: 1})):
    length = p.sectors(256)
    line = tables.row(p, start, length, targets.SIMPLE, devices, 0)
    words = line.split(" ", 3)
    specs.append({"start": start, "len": length, "type": words[2],
                  "params": words[3] if len(words) > 3 else ""})
    start += length
  return specs


def case(p):
  steps, devices = guest.devices(p)
  for i in range(p.randint(1, 12)):
    name = p.choice([f"d{i}", f"d{i}", "x" * (100 + i), f"n\u00e9{i}"])
    step = {"ioctl": "DEV_CREATE", "name": name}
    if p.chance(40):
      step["uuid"] = p.choice([f"U-{i}", "u" * (110 + i)])
    steps.append(step)
    if p.chance(60):
      steps.append({"ioctl": "TABLE_LOAD", "name": name,
                    "targets": many_rows(p, devices)})
    if p.chance(60):
      steps.append({"ioctl": "DEV_SUSPEND", "name": name})
  for _ in range(p.randint(4, 10)):
    steps.append(p.choice([ioctl_steps.ioctl, ioctl_edges.edge])(p, devices))
  for ask in p.sample([{"ioctl": "LIST_DEVICES"},
                       {"ioctl": "TABLE_STATUS", "name": "d0"},
                       {"ioctl": "TABLE_STATUS", "name": "d0",
                        "flags": ["status_table"]},
                       {"ioctl": "TABLE_DEPS", "name": "d0"}], 2):
    steps.append({**ask, **p.choice([{}, {"data_size": p.choice(
        [400, 1000, 4096, 16000])}])})
  return steps
