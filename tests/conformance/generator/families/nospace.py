# SPDX-License-Identifier: Apache-2.0
"""Allocations that a file system has no space for."""

from ..live_map import MIB, PAGE, access, base, file_op, near, page, recipe

# More than any of the file systems has.
TOO_MUCH = 1 << 30


def too_much(p, size):
  return f"{p.choice(['falloc', 'falloc', 'zero'])}@{near(p, size)}:{TOO_MUCH}"


def touch(p, size):
  return p.weighted_call({
      8: lambda: access(p, 2 * size),
      4: lambda: too_much(p, size),
      3: lambda: file_op(p, 2 * size),
      1: lambda: f"popwrite@{page(p, size)}:{p.choice([PAGE, 2 * MIB])}",
      0.9: lambda: f"msync@0:{size}",
  })


def case(p):
  made = base(p, p.weighted({"ext4": 6, "xfs": 4, "ext2": 1}))
  size = p.choice([2, 4]) * MIB
  made["ops"] = recipe(p, size)
  if p.chance(35):
    # Another file has all that is left.
    taken = [["fallocate", "g", at * MIB, 4 * MIB] for at in range(0, 352, 4)]
    made["ops"] += taken + [["fallocate", "g", 0, TOO_MUCH]]
  made["maps"] = [{
      "file": "f", "len": 4 * size, "flags": p.choice(["shared", "private"]),
      "touch": [access(p, size)] + [touch(p, size)
                                    for _ in range(p.randint(3, 9))]}]
  return made
