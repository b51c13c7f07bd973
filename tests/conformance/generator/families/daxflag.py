# SPDX-License-Identifier: Apache-2.0
"""FS_XFLAG_DAX: of files and of directories, before and after they are used."""

from ..live_map import MIB, PAGE, accesses, base, page

DIRECTORIES = ["d", "d/e"]
FILES = ["f", "d/f", "d/e/f"]


def flag(p, name):
  return ["daxflag", name, p.choice([1, 1, 0])]


def fill(p, name, size):
  """What makes a file, or adds to it."""
  return p.weighted_call({
      5: lambda: ["write", name, 0, size],
      4: lambda: ["fallocate", name, 0, size],
      2: lambda: ["truncate", name, size],
      1.5: lambda: ["create", name],
      1: lambda: ["write", name, page(p, size), PAGE],
      0.9: lambda: ["fsync", name],
      0.8: lambda: ["extsize", name, 2 * MIB],
  })


def case(p):
  made = base(p, p.weighted({"ext4": 6, "xfs": 5}))
  if made["fs"] == "ext4":
    made["mkfs"] = made["mkfs"] + p.weighted_call({
        8: lambda: [],
        0.9: lambda: ["-O", "encrypt"],
        0.8: lambda: ["-O", "verity"],
        0.7: lambda: ["-O", "^extent,^64bit"],
    })
  elif p.chance(30):
    made["mkfs"] = ["-m", "reflink=1"] + made["mkfs"][2:]
  made["mount"] = p.weighted({"dax=inode": 8, "dax=always": 3, "dax=never": 2,
                              "": 3, "dax": 1})
  if made["fs"] == "ext4" and p.chance(10):
    made["mount"] = "dax=inode,data=journal"
  size = p.choice([2, 4]) * MIB
  ops, known = [], ["f"]
  if p.chance(20):
    # Whatever is made in the root directory from then on has it.
    ops.append(flag(p, "."))
  for name in DIRECTORIES[:p.randint(0, 2)]:
    if p.chance(30):
      ops.append(fill(p, "f", size))
    ops.append(["mkdir", name])
    if p.chance(70):
      ops.append(flag(p, name))
    known.append(name + "/f")
  for _ in range(p.randint(2, 7)):
    name = p.choice(known)
    ops.append(flag(p, name) if p.chance(40) else fill(p, name, size))
    if len(known) > 1 and p.chance(12):
      ops.append(flag(p, "d"))
  made["ops"] = ops
  there = sorted({op[1] for op in ops if op[1] in FILES})
  made["maps"] = [
      {"file": name, "len": size, "flags": p.choice(["shared", "private"]),
       "touch": accesses(p, size, 2, 4)}
      for name in p.sample(there, min(len(there), p.randint(1, 2)))]
  return made
