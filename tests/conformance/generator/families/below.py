# SPDX-License-Identifier: Apache-2.0
"""What is below the file system besides linear and striped devices.

A plain disk, a partition, a table on partitions; log-writes, unstriped, error
and zero rows, targets without DAX.
"""

from .. import fsdax_case
from .. import live_map

MIB = 1 << 20
PMEM = ["/dev/pmem0", "/dev/pmem1", "/dev/pmem2"]
STARTS = [2048, 4096, 8, 40, 63, 34, 4096 + 8]


def plain(p, size):
  return [], [], p.choice(PMEM + ["/dev/pmem4", "/dev/pmem5", "/dev/ram0"])


def partition(p, size):
  disk = p.choice(PMEM)
  start = p.choice(STARTS)
  pre = [{"part": disk, "n": 1, "start": start,
          "sectors": size + p.choice([0, 0, 8, 1])}]
  return pre, [], disk + "p1"


def parts(p, size):
  """A table on one or two partitions, perhaps on a disk besides."""
  pre, paths = [], []
  for disk in p.sample(PMEM, 2):
    pre.append({"part": disk, "n": 1, "start": p.choice(STARTS),
                "sectors": size})
    paths.append(disk + "p1")
  if p.chance(30):
    paths[1] = "/dev/pmem4"
  if p.chance(50):
    chunk = p.choice([8, 128, 4096])
    length = size - size % (2 * chunk)
    table = f"0 {length} striped 2 {chunk} {paths[0]} 0 {paths[1]} 0"
  else:
    half = size // 2
    table = (f"0 {half} linear {paths[0]} {p.choice([0, 8, 2048])}\n"
             f"{half} {half} linear {paths[1]} 0")
  return pre, [{"name": "d0", "table": table}], "/dev/mapper/d0"


def top(p, size):
  """A row of some target on one pmem disk; None: mkfs needs room."""
  disk, other = p.sample(PMEM, 2)
  start = p.choice([0, 8, 2048, 4096])
  return p.weighted_call({
      6: lambda: f"0 {size} log-writes {disk} {other}",
      5: lambda: f"0 {size} linear {disk} {start}",
      2: lambda: f"0 {size} delay {disk} {start} 0",
      1.5: lambda: f"0 {size} flakey {disk} {start} 60 0",
      1.4: lambda: f"0 {size} snapshot-origin {disk}",
      1.3: lambda: f"0 {size} striped 1 {p.choice([8, 4096])} {disk} {start}",
      1.2: lambda: f"0 {size} dust {disk} 0 512",
      1.1: lambda: f"0 {size} mirror core 2 1024 nosync 2 {disk} 0 {other} 0",
      1: lambda: f"0 {size} crypt cipher_null-ecb - 0 {disk} {start}",
      # Behind the blocks that a file of these cases gets.
      3: lambda: (f"0 {size - 65536} linear {disk} {start}\n"
                  f"{size - 65536} 8 {p.choice(['error', 'zero'])}\n"
                  f"{size - 65528} 65528 linear {disk} {start + size}"),
  })


def targets(p, size):
  dm = [{"name": "d0", "table": top(p, size)}]
  if p.chance(45):
    start = p.choice([0, 8, 2048])
    dm.append({"name": "d1", "table": p.weighted_call({
        3: lambda: f"0 {size - 8192} linear /dev/mapper/d0 {start}",
        2: lambda: f"0 {size - 8192} log-writes /dev/mapper/d0 /dev/pmem4",
        1: lambda: f"0 {size - 8192} striped 1 8 /dev/mapper/d0 {start}"})})
  return [], dm, "/dev/mapper/" + dm[-1]["name"]


def unstriped(p, size):
  """One leg of a striped device by itself."""
  chunk = p.choice([8, 128, 512, 4096])
  length = (size * 2) - (size * 2) % (2 * chunk)
  leg = length // 2
  return [], [
      {"name": "d0", "table": f"0 {length} striped 2 {chunk} /dev/pmem0 "
                              f"{p.choice([0, 8, 4096])} /dev/pmem1 0"},
      {"name": "d1", "table": f"0 {leg} unstriped 2 {chunk} {p.randint(0, 1)} "
                              "/dev/mapper/d0 0"}], "/dev/mapper/d1"


def mount(p, fs, pre):
  # One that is refused would leave its partitions behind.
  if any((part["start"] | part["sectors"]) % 8 for part in pre):
    return ""
  if fs == "ext2":
    return "dax"
  return p.weighted({"dax=always": 8, "dax=inode": 1, "": 1})


def case(p):
  fs = p.weighted({"ext4": 6, "xfs": 3, "ext2": 1})
  size = live_map.SECTORS[fs]
  kind = p.weighted({plain: 4, partition: 4, parts: 4, targets: 7,
                     unstriped: 2 if fs != "xfs" else 0})
  if fs == "xfs" and kind in (targets, parts):
    kind = partition
  pre, dm, dev = kind(p, size)
  made = {"kind": "fsdax", "pre": pre, "dm": dm, "dev": dev, "fs": fs,
          "mkfs": live_map.MKFS[fs],
          "mount": mount(p, fs, pre),
          "ops": live_map.recipe(p, 8 * MIB),
          "maps": [fsdax_case.mapping(p, 8 * MIB)]}
  if pre:
    # Another case would meet the partitions.
    made["post"] = [{"umount": "/mnt"}, {"dmsetup": ["remove_all"]}] + [
        {"part": part["part"], "n": 1, "del": 1} for part in pre]
  return made
