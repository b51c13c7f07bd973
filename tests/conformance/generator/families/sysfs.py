# SPDX-License-Identifier: Apache-2.0
"""What sysfs says of disks, before, between and after their tables."""

from .. import dmsetup_steps as d
from .. import guest
from .. import tables
from .. import targets

OF_ALL = ["size", "ro", "dev", "alignment_offset"]
OF_DM = ["dm/name", "dm/uuid", "dm/suspended"]
OF_QUEUE = ["queue/" + name for name in (
    "dax", "logical_block_size", "physical_block_size", "minimum_io_size",
    "optimal_io_size", "max_sectors_kb", "max_hw_sectors_kb", "max_segments",
    "chunk_sectors", "discard_granularity", "discard_max_bytes",
    "write_zeroes_max_bytes", "rotational", "write_cache", "fua",
    "stable_writes", "zoned")]


def read(p, names):
  disk = p.choice(names)
  kinds = [OF_ALL, OF_QUEUE, OF_QUEUE] + [OF_DM] * disk.startswith("dm-")
  return {"read": f"/sys/block/{disk}/{p.choice(p.choice(kinds))}"}


def case(p):
  steps, devices = guest.devices(p)
  names = ["dm-0", "dm-1"] + [path.split("/")[-1] for path in devices]
  if p.chance(20):
    n = p.choice([3, 4])
    steps.append({"ndctl": ["create-namespace", "-f", "-e", f"namespace{n}.0",
                            "-m", p.choice(["fsdax", "sector"])]})
    names.append(f"pmem{n}")
  steps += [read(p, names) for _ in range(p.randint(0, 3))]
  below = devices
  for i in range(p.randint(1, 2)):
    text, _ = tables.table(p, p.choice([targets.SIMPLE, targets.PLAIN]), below, 5)
    flags = p.weighted({(): 8, ("--readonly",): 1, ("-u", "U-1"): 2,
                        ("--notable",): 1})
    steps.append(d.dmsetup("create", *flags, f"d{i}", stdin=text))
    steps += [read(p, names) for _ in range(p.randint(1, 4))]
    below = [f"/dev/mapper/d{i}"] + devices[:1]
  for _ in range(p.randint(0, 3)):
    text, _ = tables.table(p, targets.PLAIN, devices, 5)
    steps.append(p.choice([
        d.dmsetup("load", "d0", stdin=text), d.dmsetup("resume", "d0"),
        d.dmsetup("suspend", "d0"), d.dmsetup("rename", "d0", "e0"),
        {"setro": "/dev/mapper/d0"}, {"setro": "/dev/mapper/d0", "ro": False},
        d.dmsetup("remove", "d1"), d.dmsetup("clear", "d0")]))
    steps += [read(p, names) for _ in range(p.randint(1, 3))]
  made = {"kind": "table", "steps": steps}
  resets = [s["ndctl"][3] for s in steps if "ndctl" in s]
  return {**made, "reset_ns": resets} if resets else made
