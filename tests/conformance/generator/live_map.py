# SPDX-License-Identifier: Apache-2.0
"""Parts of cases in which something happens to a file that is mapped."""

MIB = 1 << 20
PAGE = 4096
MKFS = {
    "ext4": ["-E", "stride=512,stripe_width=512"],
    "ext2": [],
    "xfs": ["-m", "reflink=0", "-d", "agcount=2,su=2m,sw=1", "-l", "size=64m"],
}
SECTORS = {"ext4": 262144, "ext2": 262144, "xfs": 720896}


def base(p, fs=None):
  """A file system on one linear device, mostly aligned to 2 MiB."""
  fs = fs or p.weighted({"ext4": 6, "xfs": 4})
  start = p.weighted({4096: 8, 8: 1, 2048: 1})
  return {"kind": "fsdax",
          "dm": [{"name": "d0",
                  "table": f"0 {SECTORS[fs]} linear /dev/pmem0 {start}"}],
          "dev": "/dev/mapper/d0", "fs": fs, "mkfs": MKFS[fs],
          # What ext4 takes for an ext2 file system.
          "mount": "dax" if fs == "ext2" else "dax=always"}


def page(p, size):
  return p.randint(0, max(1, size // PAGE) - 1) * PAGE


def near(p, size):
  """A byte on a boundary of a page, 2 MiB or the file, or beside it."""
  at = p.weighted({"2m": 4, "page": 5, "any": 2, "end": 3})
  value = {"2m": p.randint(0, max(1, size // (2 * MIB))) * 2 * MIB,
           "page": p.randint(0, max(1, size // PAGE)) * PAGE,
           "any": p.randint(0, size), "end": size}[at]
  beside = {0: 6, 1: 1, -1: 1, 100: 1, 2048: 1, -100: 1, PAGE: 1, -PAGE: 1}
  return max(0, value + p.weighted(beside))


def recipe(p, size, name="f"):
  """How a file comes to be."""
  kind = p.weighted({"fallocate": 5, "write": 4, "both": 4, "sparse": 3})
  ops = {"fallocate": [["fallocate", name, 0, size]],
         "write": [["write", name, 0, size]],
         "both": [["fallocate", name, 0, size],
                  ["write", name, 0, p.choice([size, size // 2, PAGE])]],
         "sparse": [["truncate", name, size]]}[kind]
  if kind == "sparse":
    for _ in range(p.randint(0, 2)):
      ops.append([p.choice(["write", "fallocate"]), name, page(p, size),
                  p.choice([PAGE, 2 * PAGE, MIB])])
  if p.chance(20):
    ops.append(["punch", name, page(p, size), p.choice([PAGE, MIB])])
  if p.chance(15):
    ops.append(["truncate", name, p.choice([size - 100, size - PAGE, size + 100,
                                            size // 2 + 7])])
  return ops


def whole(size):
  return [["fallocate", "f", 0, size], ["write", "f", 0, size]]


def access(p, length):
  at = p.weighted({"start": 3, "2m": 4, "page": 4, "end": 2})
  pmds = max(1, length // (2 * MIB))
  offset = {"start": 0, "2m": p.randint(0, pmds - 1) * 2 * MIB,
            "page": page(p, length), "end": max(0, length - PAGE)}[at]
  return f"{p.choice('rw')}@{offset}"


def accesses(p, length, least, most):
  return [access(p, length) for _ in range(p.randint(least, most))]


def file_op(p, size):
  """A change of the file, at any byte."""
  kind = p.weighted({"punch": 4, "zero": 4, "trunc": 4, "falloc": 3,
                     "fsync": 2, "msync": 1})
  if kind == "fsync":
    return "fsync"
  if kind == "msync":
    return f"msync@0:{size}"
  at = near(p, size)
  if kind == "trunc":
    return f"trunc@{at}"
  length = p.weighted({PAGE: 3, 100: 2, 2 * MIB: 3, 4000: 1, 8192: 2, 10000: 2,
                       MIB: 1, 3 * MIB + 5: 1})
  return f"{kind}@{at}:{length}"


def advice(p, length):
  """A change of the mapping, over its end or a hole perhaps."""
  kind = p.weighted({"dontneed": 3, "hugepage": 2, "nohugepage": 3,
                     "popread": 3, "popwrite": 3, "protr": 3, "protrw": 3,
                     "munmap": 3, "mlock": 3, "msync": 3})
  at = p.weighted({0: 4, PAGE: 2, 2 * MIB: 3, 2 * MIB - PAGE: 1,
                   page(p, length): 3})
  if p.chance(4):
    at += 100
  size = p.weighted({PAGE: 4, 2 * MIB: 4, length: 3, length + 4 * MIB: 2,
                     100: 1, 8192: 2, 0: 1})
  return f"{kind}@{at}:{size}"


def dd(p):
  """A write by another process."""
  bs = p.weighted({PAGE: 5, 512: 1, 2 * MIB: 1})
  return (f"sh:dd if=/dev/zero of=/mnt/f bs={bs} count={p.choice([1, 1, 3])} "
          f"seek={p.randint(0, 4 * MIB // bs)} conv=notrunc")


def other(p, size):
  """What another process does to the file of a mapping."""
  bs = p.weighted({PAGE: 4, 512: 1, 100: 1, 2 * MIB: 1})
  write = (f"dd if=/dev/zero of=/mnt/f bs={bs} count={p.choice([1, 1, 2])} "
           f"seek={p.randint(0, size // bs)}")
  return "sh:" + p.weighted({
      "sync": 5, f"{write} conv=notrunc,fsync": 4, f"{write} conv=notrunc": 3,
      write: 1, "rm /mnt/f": 1, ": > /mnt/f": 1, "cat /mnt/f > /dev/null": 1,
      "echo 1 > /proc/sys/vm/drop_caches": 1})


def shifted(p, size):
  """fallocate(2) by another process, with any mode."""
  # FALLOC_FL_KEEP_SIZE 1, PUNCH_HOLE 2, COLLAPSE_RANGE 8, ZERO_RANGE 16,
  # INSERT_RANGE 32.
  mode = p.weighted({8: 8, 32: 8, 1: 2, 17: 2, 16: 1, 3: 1, 0: 1, 2: 0.3,
                     9: 0.3, 40: 0.3, 4: 0.3, 64: 0.3})
  at = p.weighted({page(p, size): 5, p.randint(0, size // MIB) * MIB: 4, 0: 1,
                   near(p, size): 1})
  length = p.weighted({PAGE: 4, 2 * MIB: 4, 2 * PAGE: 2, MIB: 2, 100: 0.5,
                       size: 0.5, 0: 0.2})
  return f"sh:daxprobe fallocate /mnt/f {mode} {at} {length}"


def between(p, touches, something):
  touches.insert(p.randint(1, len(touches)), something)
