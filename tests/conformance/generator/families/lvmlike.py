# SPDX-License-Identifier: Apache-2.0
"""Volumes as LVM2 lays them out: hidden parts, uuids, and what is done to them."""

from .. import dmsetup_steps as d
from ..story_steps import MAPPER, ask, io
from .messages import zeroed

EXTENT, PE_START = 8192, 2048
DISKS = ["/dev/pmem0", "/dev/pmem1", "/dev/pmem2"]
GROUP = "0f" * 16


class Group:
  """A volume group: its free extents, and the steps that activate volumes."""

  def __init__(self, p):
    self.p = p
    self.next = {disk: 0 for disk in DISKS}
    self.steps = []
    self.made = []  # names, in the order in which they were made
    self.tables = {}

  def take(self, extents, disk=None):
    disk = disk or self.p.choice(DISKS)
    at = self.next[disk]
    self.next[disk] += extents
    return disk, PE_START + at * EXTENT

  def create(self, name, table, layer=""):
    uuid = f"LVM-{GROUP}{len(self.made):032d}{layer}"
    flags = ["-r"] if self.p.chance(4) else []
    self.steps.append(d.dmsetup("create", *flags, f"vg-{name}", "-u", uuid,
                                stdin=table + "\n"))
    self.made.append(f"vg-{name}")
    self.tables[f"vg-{name}"] = table
    return MAPPER + f"vg-{name}"

  def linear(self, name, extents, layer=""):
    lines, begin = [], 0
    while begin < extents:
      part = self.p.randint(1, extents - begin)
      disk, start = self.take(part)
      lines.append(f"{begin * EXTENT} {part * EXTENT} linear {disk} {start}")
      begin += part
    return self.create(name, "\n".join(lines), layer)

  def striped(self, name, extents):
    legs = self.p.choice([2, 2, 3])
    extents += -extents % legs
    words = []
    for disk in self.p.sample(DISKS, legs):
      words += list(map(str, self.take(extents // legs, disk)))
    chunk = self.p.choice([8, 128, 128, 1024, 4096])
    return self.create(name, f"0 {extents * EXTENT} striped {legs} {chunk} " +
                       " ".join(words))

  def mirror(self, name, extents):
    legs = [self.linear(f"{name}_mimage_{i}", extents) for i in range(2)]
    log = "core 2 1024 nosync"
    if self.p.chance(60):
      disk = self.linear(f"{name}_mlog", 1)
      log = f"disk 3 {disk} 1024 nosync"
    return self.create(name, f"0 {extents * EXTENT} mirror {log} 2 {legs[0]} 0 "
                             f"{legs[1]} 0 1 handle_errors")

  def raid1(self, name, extents):
    words = []
    for i in range(2):
      meta = self.linear(f"{name}_rmeta_{i}", 1)
      self.steps.insert(0, zeroed(DISKS[0]))
      words += [meta, self.linear(f"{name}_rimage_{i}", extents)]
    return self.create(name, f"0 {extents * EXTENT} raid raid1 3 0 "
                             f"region_size 1024 2 {' '.join(words)}")

  def snapshot(self, name, extents):
    real = self.linear(f"{name}-real", extents, "-real")
    cow = self.linear(f"{name}_snap-cow", 1, "-cow")
    origin = self.create(name, f"0 {extents * EXTENT} snapshot-origin {real}")
    self.create(f"{name}_snap",
                f"0 {extents * EXTENT} snapshot {real} {cow} P 8")
    return origin

  def thin(self, name, extents):
    meta = self.linear(f"{name}_pool_tmeta", 1, "-tmeta")
    data = self.linear(f"{name}_pool_tdata", extents, "-tdata")
    pool = self.create(f"{name}_pool-tpool",
                       f"0 {extents * EXTENT} thin-pool {meta} {data} 128 0 "
                       "1 error_if_no_space", "-tpool")
    self.create(f"{name}_pool", f"0 {extents * EXTENT} linear {pool} 0", "-pool")
    self.steps.append(d.dmsetup("message", f"vg-{name}_pool-tpool", "0",
                                "create_thin 1"))
    return self.create(name, f"0 {2 * extents * EXTENT} thin {pool} 1")

  def cache(self, name, extents):
    fast = self.linear(f"{name}_c_cdata", 1, "-cdata")
    meta = self.linear(f"{name}_c_cmeta", 1, "-cmeta")
    slow = self.linear(f"{name}_corig", extents, "-real")
    mode = self.p.choice(["writethrough", "writeback", "passthrough"])
    return self.create(name, f"0 {extents * EXTENT} cache {meta} {fast} {slow} "
                             f"128 2 metadata2 {mode} "
                             f"{self.p.choice(['cleaner', 'cleaner'])} 0")

  def crypt(self, name, extents):
    below = self.linear(name, extents)
    return self.create(f"{name}_crypt", f"0 {extents * EXTENT - 4096} crypt "
                       f"aes-xts-plain64 {'0f' * 32} 0 {below} 4096")

  def error(self, name, extents):
    """A volume whose group misses a device, activated with --partial."""
    disk, start = self.take(1)
    return self.create(name, f"0 {EXTENT} linear {disk} {start}\n"
                             f"{EXTENT} {extents * EXTENT} error")


def moved(p, group, name):
  """pvmove of the first row, begun."""
  row = group.tables[name].split("\n")[0].split()
  if row[2] != "linear" or not row[3].startswith("/dev/pmem"):
    return []
  length = int(row[1])
  disk, start = group.take(-(-length // EXTENT))
  rest = group.tables[name].split("\n")[1:]
  through = "\n".join([f"0 {length} linear {MAPPER}vg-pvmove0 0"] + rest)
  return [d.dmsetup("create", "vg-pvmove0", "-u", f"LVM-{GROUP}{'9' * 32}",
                    stdin=f"0 {length} mirror core 2 2048 nosync 2 {row[3]} "
                          f"{row[4]} {disk} {start}\n"),
          d.dmsetup("load", name, stdin=through + "\n"),
          d.dmsetup("suspend", name), d.dmsetup("resume", name),
          d.dmsetup("remove", "vg-pvmove0"),
          d.dmsetup("deps", "-o", "devname", name)]


def extended(p, group, name):
  """lvextend: the same rows, and one more."""
  lines = group.tables[name].split("\n")
  if " linear /dev/pmem" not in lines[-1]:
    return []
  first, length = map(int, lines[-1].split()[:2])
  disk, start = group.take(1)
  lines.append(f"{first + length} {EXTENT} linear {disk} {start}")
  group.tables[name] = "\n".join(lines)
  return [d.dmsetup("load", name, stdin=group.tables[name] + "\n"),
          d.dmsetup("table", "--inactive", name),
          d.dmsetup("suspend", *p.choice([[], ["--nolockfs"]]), name),
          d.dmsetup("resume", name)]


def case(p):
  group = Group(p)
  kinds = [group.linear, group.linear, group.striped, group.mirror,
           group.snapshot, group.thin, group.cache, group.crypt, group.error]
  for i in range(p.randint(1, 3)):
    p.choice(kinds)(f"lv{i}", p.randint(1, 4))
  steps = [zeroed(disk) for disk in DISKS] + group.steps
  names = list(group.made)
  for _ in range(p.randint(3, 9)):
    name = p.choice(names)
    steps += p.weighted_call({
        6: lambda: [ask(p, name)],
        5: lambda: [d.dmsetup(*p.choice([
            ["ls", "--tree"], ["ls", "--tree", "-o", "uuid,active"],
            ["deps", "-o", "devname"], ["ls", "--target", "linear"],
            ["info", "-c", "-S", f"uuid=~LVM-{GROUP}"],
            ["info", "-c", "--sort", "-minor"],
            ["info", "-c", "-o", "name,blkdevname,blkdevs_used,names_using_dev"],
            ["info", "-c", "--nameprefixes", "--noheadings", "--rows"],
            ["info", "-u", f"LVM-{GROUP}{0:032d}"],
            ["splitname", name, "LVM"], ["table", "--target", "linear"],
            ["status", "--target", "snapshot"]]))],
        4: lambda: [io(p, MAPPER + name, 8192)],
        3: lambda: extended(p, group, name),
        2: lambda: moved(p, group, name),
        1.9: lambda: [d.dmsetup("remove", *p.choice(
            [[], [], ["--deferred"], ["--retry"]]), name)],
        1.8: lambda: [d.dmsetup("rename", name, p.choice(
            [name + "x", "vg-other", p.choice(names)]))],
        1.7: lambda: [d.dmsetup("suspend", name), d.dmsetup("info", name),
                      d.dmsetup("resume", name)],
        1.6: lambda: [{"devs": 1}],
        1.5: lambda: [d.dmsetup("wipe_table", name),
                      d.dmsetup("table", name)],
        1.4: lambda: [d.dmsetup("rename", "--setuuid", name, "LVM-x")],
    })
  for name in reversed(names):
    if p.chance(70):
      steps.append(d.dmsetup("remove", name))
  return steps + [d.dmsetup("ls"), d.dmsetup("info", "-c")]
