# SPDX-License-Identifier: Apache-2.0
"""Three to six devices on each other, changed in odd orders, some held open."""

from .. import dmsetup_steps as d
from .. import guest
from .. import tables
from .. import targets


def build(p, below):
  """Steps that stack devices, and their names from the lowest on."""
  steps, names, level = [], [], list(below)
  for i in range(p.randint(3, 6)):
    name = f"s{i}"
    text, _ = tables.table(p, targets.SIMPLE, level, 1,
                           p.weighted({1: 5, 2: 3, 3: 1}))
    steps.append(d.dmsetup("create", name, stdin=text))
    names.append(name)
    level = [f"/dev/mapper/{name}"] + (level[-2:] if p.chance(50) else [])
  return steps, names


def change(p, names, below):
  name = p.choice(names)
  lower = [f"/dev/mapper/{n}" for n in names if n < name] + below
  text, _ = tables.table(p, targets.SIMPLE, lower, 3, p.weighted({1: 4, 2: 1}))
  return p.weighted_call({
      6: lambda: [d.dmsetup("load", name, stdin=text)],
      7: lambda: [d.dmsetup("resume", name)],
      5: lambda: [d.dmsetup("suspend", *p.choice(
          [[], ["--noflush"], ["--nolockfs"]]), name)],
      4: lambda: [d.dmsetup("remove", *p.choice(
          [[], [], ["--deferred"], ["--force"], ["--retry"]]), name)],
      3: lambda: [d.dmsetup("rename", name, p.choice(names + ["other"]))],
      2.5: lambda: [d.dmsetup("wipe_table", *p.choice(
          [[], ["--noflush"], ["--nolockfs"]]), name)],
      2: lambda: [d.dmsetup("clear", name)],
      1.5: lambda: [d.dmsetup("load", "--readonly", name, stdin=text),
                    d.dmsetup("resume", name)],
      1.2: lambda: [d.dmsetup("create", name, stdin=text)],
      1: lambda: [d.dmsetup("reload", name, "--table", text.split("\n")[0])],
      0.8: lambda: [d.dmsetup("mangle", name)],
      0.5: lambda: [d.dmsetup("remove_all", *p.choice(
          [[], ["--force"], ["--deferred"]]))],
  })


def case(p):
  steps, below = guest.devices(p)
  made, names = build(p, below)
  steps += made
  opened = []
  for _ in range(p.randint(6, 16)):
    if p.chance(15):
      path = f"/dev/mapper/{p.choice(names)}"
      if path in opened:
        opened.remove(path)
        steps += [{"close": path}, {"sleep": 0.1}, {"devs": 1}]
      else:
        opened.append(path)
        steps.append({"open": path, "mode": p.choice(["r", "rw", "excl"])})
      continue
    steps += change(p, names, below)
    if p.chance(40):
      steps.append(d.ask(p, p.choice(names)))
  return steps + [d.dmsetup("table"), d.dmsetup("info", "-c"),
                  d.dmsetup("ls", "--tree")]
