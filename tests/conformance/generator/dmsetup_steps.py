# SPDX-License-Identifier: Apache-2.0
"""Cases of dmsetup commands: single tables, life cycles, stacks."""

from . import guest
from . import tables
from . import targets


def dmsetup(*args, stdin=None):
  step = {"dmsetup": [str(a) for a in args]}
  if stdin is not None:
    step["stdin"] = stdin
  return step


def stamp(paths):
  return [{"stamp": d, "sectors": [0, 2048]} for d in paths
          if d in guest.PMEM]


def whereis(p, path, length):
  edges = {0, 7, 8, length - 1, length, length // 2}
  for _ in range(4):
    edges.add(p.randrange(max(1, length)))
  return {"whereis": path, "sectors": sorted(s for s in edges if s >= 0)}


def ask(p, name):
  """One question that changes nothing."""
  return p.choice([
      dmsetup("table", name), dmsetup("table", name),
      dmsetup("status", name), dmsetup("status", name),
      dmsetup("info", name), dmsetup("deps", name),
      dmsetup("table", "--inactive", name),
      dmsetup("info", "--inactive", name),
      dmsetup("info", "-c", name),
      dmsetup("info", "-c", "--noheadings", "-o",
              "name,major,minor,open,segments,events,uuid", name),
      dmsetup("deps", "-o", "devname", name),
      dmsetup("deps", "-o", "blkdevname", name),
      dmsetup("status", "--noflush", name),
      dmsetup("table", "--showkeys", name),
      dmsetup("status", "--target", "linear", name),
      dmsetup("ls"), dmsetup("table"), dmsetup("status"), dmsetup("info"),
      dmsetup("deps"), dmsetup("ls", "--target", "linear"),
      dmsetup("info", "-c"),
  ])


def single(p, kinds=None, broken=12):
  """One table, asked about, with its bio mapping where that is certain."""
  steps, devices = guest.devices(p)
  kinds = kinds or p.choice([targets.SIMPLE, targets.PLAIN])
  text, length = tables.table(p, kinds, devices, broken)
  io = kinds is targets.SIMPLE and p.chance(60)
  if io:
    steps += stamp(devices)
  flags = ["--readonly"] if p.chance(8) else []
  steps.append(dmsetup("create", *flags, "d0", stdin=text))
  steps += [dmsetup("table", "d0"), dmsetup("status", "d0")]
  steps += [ask(p, "d0") for _ in range(p.randint(0, 2))]
  # Only zeroed pmem reads the same each time.
  if io and not any(d == guest.RAW or "pmem" not in d for d in devices):
    steps.append(whereis(p, "/dev/mapper/d0", length))
  return steps


def reload(p):
  """A device whose table is replaced, by DAX and other types."""
  steps, devices = guest.devices(p)
  text, _ = tables.table(p, targets.SIMPLE, devices, 3)
  steps.append(dmsetup("create", "d0", stdin=text))
  for _ in range(p.randint(1, 3)):
    text, _ = tables.table(p, targets.PLAIN, devices, 8)
    flags = p.weighted({(): 10, ("--readonly",): 2})
    steps.append(dmsetup("load", *flags, "d0", stdin=text))
    steps += [ask(p, "d0") for _ in range(p.randint(0, 1))]
    if p.chance(30):
      steps.append(dmsetup("suspend", *p.weighted(
          {(): 5, ("--noflush",): 2, ("--nolockfs",): 2}), "d0"))
    if p.chance(85):
      steps.append(dmsetup("resume", "d0"))
    steps.append(ask(p, "d0"))
  return steps


def stateful(p):
  """One table of a type that keeps metadata: its first life only."""
  devices = p.sample(guest.PMEM, 3)
  make = p.weighted(targets.STATEFUL)
  length = p.sectors()
  line = tables.row(p, 0, length, {make: 1}, devices, 12)
  steps = [dmsetup("create", "d0", stdin=line + "\n"), dmsetup("table", "d0"),
           dmsetup("info", "d0")]
  if make in (targets.snapshot, targets.thin):
    steps.append(dmsetup("status", "d0"))
  return steps


def stack(p):
  """Devices on devices, up to five deep."""
  steps, devices = guest.devices(p)
  if p.chance(50):
    steps += stamp(devices)
  pure = all(d in guest.PMEM for d in devices)
  below = list(devices)
  length = 0
  for level in range(p.randint(2, 5)):
    name = f"d{level}"
    text, length = tables.table(p, targets.SIMPLE, below, 2,
                                p.weighted({1: 5, 2: 3, 3: 1}))
    steps.append(dmsetup("create", name, stdin=text))
    below = [f"/dev/mapper/{name}"] + (
        below if p.chance(40) else devices[:1] if p.chance(50) else [])
  steps += [dmsetup("table"), dmsetup("deps"), dmsetup("info", "-c")]
  if pure:
    steps.append(whereis(p, f"/dev/mapper/{name}", length))
  if p.chance(30):
    steps.append(dmsetup("remove", "d0"))
    steps.append(dmsetup("remove_all", *p.weighted({(): 2, ("-f",): 1})))
    steps.append(dmsetup("ls"))
  return steps


NAMES = ["d0", "d1", "a b", "x"]


def change(p, devices, names):
  """One command that changes something, on a name that may exist."""
  name = p.choice(names)
  text, _ = tables.table(p, targets.SIMPLE, devices, 5,
                         p.weighted({1: 5, 2: 1}))
  one = text.split("\n")[0]
  return p.weighted_call({
      6: lambda: dmsetup("create", name, stdin=text),
      3: lambda: dmsetup("create", name, "-u",
                         p.choice(["U-1", "U-2", "LVM-x"]), stdin=text),
      2: lambda: dmsetup("create", name, "--notable"),
      4: lambda: dmsetup("load", name, stdin=text),
      5: lambda: dmsetup("resume", name),
      4.5: lambda: dmsetup("suspend", name),
      1: lambda: dmsetup("create", name, "--table", one),
      3.5: lambda: dmsetup("remove", name),
      1.5: lambda: dmsetup("remove", "--deferred", name),
      0.7: lambda: dmsetup("remove", "--force", name),
      2.5: lambda: dmsetup("rename", name, p.choice(names + ["a/b", ""])),
      1.2: lambda: dmsetup("rename", name, "--setuuid",
                           p.choice(["U-1", "U-3"])),
      1.4: lambda: dmsetup("clear", name),
      1.3: lambda: dmsetup("wipe_table", name),
      0.8: lambda: dmsetup("create", name, "-j", "254", "-m",
                           p.choice([0, 3, 7, 1048575, 1048576]), "--table",
                           one),
      0.6: lambda: dmsetup("info", "-u", p.choice(["U-1", "U-2", "nope"])),
      0.5: lambda: dmsetup("info", "-j", "254", "-m", p.randrange(4)),
      0.4: lambda: dmsetup("remove_all"),
      0.9: lambda: dmsetup("setgeometry", name, p.choice([1, 65535, 65536]),
                           p.choice([1, 16, 255, 256]), p.choice([1, 63]),
                           p.choice([0, 1, 99999])),
      1.1: lambda: dmsetup("message", name, p.choice([0, 8, 1 << 40]),
                           *p.choice([["@cancel_deferred_remove"], ["hello"],
                                      ["@nope"], ["a", "b"]])),
      0.3: lambda: dmsetup("wait", name, 77),
      0.2: lambda: dmsetup("remove", "nope"),
  })


def lifecycle(p):
  """Commands on few names, so that they meet."""
  steps, devices = guest.devices(p)
  names = p.sample(NAMES, p.randint(1, 3))
  opened = []
  for _ in range(p.randint(5, 14)):
    if p.chance(8):
      path = "/dev/mapper/" + p.choice(names).replace(" ", "\\x20")
      if path not in opened:
        opened.append(path)
        steps.append({"open": path, "mode": p.choice(["r", "rw", "excl"])})
        continue
    if opened and p.chance(15):
      steps += [{"close": opened.pop()}, {"sleep": 0.1}, {"devs": 1}]
      continue
    steps.append(change(p, devices, names))
    if p.chance(45):
      steps.append(ask(p, p.choice(names)))
  return steps


MESSAGES = {
    targets.linear: [["hello"], ["@stats_list"], ["@stats_nope"]],
    targets.switch: [["set_region_mappings", "0:0"],
                     ["set_region_mappings", "1:0", ":1", "R1,2"],
                     ["set_region_mappings", "zz"],
                     ["set_region_mappings", "R9,1"],
                     ["set_region_mappings", "0:9"],
                     ["set_region_mappings", "fffffff:0"],
                     ["set_region_mappings"], ["nope"]],
    targets.log_writes: [["mark", "x"], ["mark"], ["nope", "x"],
                         ["mark", "a", "b"]],
    targets.flakey: [["hello"]],
    targets.striped: [["hello", "you"]],
    targets.crypt: [["key", "wipe"], ["key", "set", "00"], ["hello"]],
    targets.multipath: [["fail_path", "259:0"], ["reinstate_path", "259:0"],
                        ["fail_path", "x"], ["disable_group", "1"],
                        ["enable_group", "9"], ["queue_if_no_path"],
                        ["fail_if_no_path"], ["nope"],
                        ["switch_group", "1"]],
}


def messages(p):
  make = p.choice(list(MESSAGES))
  steps, devices = [], p.sample(guest.PMEM, 2)
  length = p.sectors()
  line = tables.row(p, 0, length, {make: 1}, devices, 0)
  steps.append(dmsetup("create", "d0", stdin=line + "\n"))
  for _ in range(p.randint(1, 5)):
    steps.append(dmsetup("message", "d0", p.choice([0, 0, 0, length - 1,
                                                    length]),
                         *p.choice(MESSAGES[make])))
    if p.chance(30):
      steps.append(ask(p, "d0"))
  steps.append(dmsetup("status", "d0"))
  steps.append(dmsetup("table", "d0"))
  return steps
