# SPDX-License-Identifier: Apache-2.0
"""ndctl's namespaces (fsdax, sector, raw) as the disks of a table."""

from .. import fsdax_case

MIB = 1 << 20


def namespace(p, n):
  """Step that makes a namespace of pmem`n`, and its disk."""
  mode = p.weighted({"fsdax": 8, "sector": 2, "raw": 1})
  words = ["create-namespace", "-f", "-e", f"namespace{n}.0", "-m", mode]
  if mode == "fsdax":
    words += ["--map", p.choice(["mem", "dev"])]
    if p.chance(60):
      words += ["--align", p.choice(["4K", "2M", "1G"] if n == 4 else
                                    ["4K", "2M"])]
  if p.chance(25):
    words += ["-s", p.choice(["256M", "128M", "384M"])]
  return {"ndctl": words}, f"/dev/pmem{n}" + ("s" if mode == "sector" else "")


def case(p):
  numbers = p.sample([3, 4], p.weighted({1: 3, 2: 1}))
  pre, disks = [], []
  for n in numbers:
    step, disk = namespace(p, n)
    pre.append(step)
    disks.append(disk)
  sectors = 196608
  start = p.choice([0, 8, 2048, 4096, 4096 - 8])
  if len(disks) == 2 and p.chance(50):
    chunk = p.choice([8, 128, 4096])
    length = sectors - sectors % (2 * chunk)
    table = (f"0 {length} striped 2 {chunk} {disks[0]} {start} "
             f"{disks[1]} {start}")
  else:
    table = f"0 {sectors} linear {disks[0]} {start}"
  maps = [fsdax_case.mapping(p, 8 * MIB) for _ in range(p.weighted({1: 2, 2: 1}))]
  return {"kind": "fsdax", "pre": pre, "dm": [{"name": "d0", "table": table}],
          "dev": "/dev/mapper/d0", "fs": "ext4",
          "mkfs": p.choice(fsdax_case.EXT4),
          "ops": fsdax_case.recipe(p, "ext4", 8 * MIB), "maps": maps,
          "reset_ns": [f"namespace{n}.0" for n in numbers]}
