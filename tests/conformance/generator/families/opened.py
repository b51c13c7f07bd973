# SPDX-License-Identifier: Apache-2.0
"""Descriptors that are open for reading only, and flags of mmap(2)."""

from ..live_map import MIB, PAGE, access, advice, base, file_op, page, recipe


def touch(p, size):
  return p.weighted_call({
      5: lambda: access(p, size),
      4: lambda: file_op(p, size),
      2: lambda: advice(p, size),
      # What is wrong whatever the descriptor is.
      1: lambda: f"{p.choice(['falloc', 'punch', 'zero'])}@{page(p, size)}:0",
      0.9: lambda: "fsync",
  })


def case(p):
  fs = p.weighted({"ext4": 5, "xfs": 4, "ext2": 2})
  made = base(p, fs)
  if p.chance(25):
    made["mount"] = "" if fs == "ext2" else "dax=never"
  size = p.choice([2, 4]) * MIB
  made["ops"] = recipe(p, size)
  made["maps"] = []
  for _ in range(p.randint(1, 3)):
    flags = p.weighted({"shared": 5, "private": 3, "shared,sync": 3,
                        "private,sync": 2, "validate": 2, "validate,sync": 3,
                        "shared,populate": 1, "validate,sync,populate": 1})
    made["maps"].append({
        "file": "f", "open": p.choice(["ro", "ro", "rw"]),
        "prot": p.weighted({"r": 5, "rw": 4, "w": 1, "n": 0.5, "rx": 0.5}),
        "flags": flags, "off": p.choice([0, 0, PAGE]), "len": size,
        "touch": [touch(p, size) for _ in range(p.randint(2, 8))]})
  return made
