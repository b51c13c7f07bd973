# SPDX-License-Identifier: Apache-2.0
"""A file on a random stack, mapped and touched."""

MIB = 1 << 20
SECTORS = {"/dev/pmem0": 1048576, "/dev/pmem1": 1048576,
           "/dev/pmem2": 1048576, "/dev/pmem3": 1048576,
           "/dev/pmem4": 6291456}
CHUNKS = [8, 16, 128, 512, 2048, 4096, 8192, 24]
# ext4 keeps to 2 MiB with these; mkfs without them too.
EXT4 = [["-E", "stride=512,stripe_width=512"], []]
# mkfs.xfs wants a log of 64 MiB where it is told of stripes.
XFS = [["-m", "reflink=0"],
       ["-m", "reflink=0", "-d", "agcount=2,su=2m,sw=1", "-l", "size=64m"]]


def leg_start(p):
  kind = p.weighted({"zero": 5, "2m": 5, "1m": 3, "4k": 4, "odd": 1})
  return {"zero": 0, "2m": 4096 * p.randint(1, 8), "1m": 2048,
          "4k": 8 * p.randint(1, 600), "odd": p.randint(1, 4200)}[kind]


class Stack:
  """Mapped devices on top of each other; the last one is the file system's.

  No two legs overlap: mkfs would write over itself.
  """

  def __init__(self, p, size):
    self.p = p
    self.dm = []
    # What a leg may be on: path to (next free sector, sectors).
    self.free = {path: (0, sectors) for path, sectors in SECTORS.items()}
    levels = p.weighted({1: 8, 2: 5, 3: 2, 4: 1})
    for level in range(levels, 0, -1):
      # Lower levels are larger: what lies above starts somewhere inside.
      self.add(f"d{levels - level}", size + (level - 1) * 65536)

  def add(self, name, length):
    p = self.p
    make = p.weighted({self.linear: 6, self.rows: 4, self.striped: 5})
    before = dict(self.free)
    made = make(length)
    if made is None:
      self.free = before
      made = self.linear(length)
    table, length = made
    self.dm.append({"name": name, "table": table})
    # The level above stands on this one, perhaps on more pmem besides.
    used = "".join(dm["table"] for dm in self.dm)
    spare = [d for d in sorted(SECTORS) if d not in used]
    self.free = {f"/dev/mapper/{name}": (0, length)}
    if spare and p.chance(40):
      self.free[p.choice(spare)] = (0, 1048576)

  def leg(self, length):
    """A device with room for `length` sectors and where; None: there is none."""
    fits = [d for d, (at, end) in sorted(self.free.items())
            if end - at >= length]
    if not fits:
      return None
    device = self.p.choice(fits)
    at, end = self.free[device]
    start = min(at + leg_start(self.p), end - length)
    self.free[device] = (start + length, end)
    return device, start

  def linear(self, length):
    device, start = self.leg(length) or self.largest()
    length = min(length, SECTORS.get(device, length))
    return f"0 {length} linear {device} {start}", length

  def largest(self):
    return max(sorted(self.free), key=lambda d: self.free[d][1]), 0

  def rows(self, length):
    """Two to four rows that meet on a boundary of 2 MiB, 4 KiB or none."""
    p = self.p
    unit = p.weighted({4096: 5, 8: 4, 1: 1})
    cuts = sorted({p.randint(1, length // unit - 1) * unit
                   for _ in range(p.randint(1, 3))})
    lines, begin = [], 0
    for end in cuts + [length]:
      leg = self.leg(end - begin)
      if leg is None:
        return None
      lines.append(f"{begin} {end - begin} linear {leg[0]} {leg[1]}")
      begin = end
    return "\n".join(lines), length

  def striped(self, length):
    p = self.p
    legs = p.choice([2, 2, 3])
    chunk = p.choice(CHUNKS)
    length -= length % (legs * chunk)
    words = []
    for _ in range(legs):
      leg = self.leg(length // legs)
      if leg is None:
        return None
      words += [leg[0], str(leg[1])]
    return f"0 {length} striped {legs} {chunk} " + " ".join(words), length


def pages(p, most, unit=4096):
  return p.randint(0, most // unit - 1) * unit


def recipe(p, fs, size):
  """What is done to the file before it is mapped."""
  ops = []
  if fs == "xfs" and p.chance(30):
    ops.append(["extsize", "f", 2 * MIB])
  kind = p.weighted({"fallocate": 6, "write": 4, "sparse": 3, "hole": 2})
  if kind == "fallocate":
    ops.append(["fallocate", "f", 0, size])
  elif kind == "write":
    ops.append(["write", "f", 0, size, 90])
  else:
    ops.append(["truncate", "f", size])
  if kind in ("fallocate", "sparse"):
    for _ in range(p.randint(0, 3)):
      at = pages(p, size)
      length = min(size - at, p.choice([4096, 8192, MIB, 2 * MIB]))
      ops.append([p.choice(["write", "fallocate"]), "f", at, length])
  if kind == "fallocate" and p.chance(30):
    ops.append(["punch", "f", pages(p, size), p.choice([4096, MIB])])
  if p.chance(15):
    ops.append(["truncate", "f", p.randint(1, size)])
  return ops


def touch(p, length):
  at = p.weighted({"start": 3, "2m": 4, "page": 5})
  offset = {"start": 0, "2m": pages(p, max(length, 2 * MIB), 2 * MIB),
            "page": pages(p, length)}[at] % length
  return f"{p.choice('rw')}@{offset}"


def change(p, length):
  """Something that is done to the mapping or the file between touches."""
  at = pages(p, length)
  size = min(length - at, p.choice([4096, 2 * MIB]))
  return p.weighted({
      f"msync@0:{length}": 3, "fsync": 2, f"dontneed@{at}:{size}": 3,
      f"punch@{at}:{size}": 3, f"zero@{at}:{size}": 1,
      f"trunc@{at}": 1, f"protr@0:{length}": 1, f"protrw@0:{length}": 1,
      f"popread@{at}:{size}": 2, f"popwrite@{at}:{size}": 2,
      f"look@{at}": 1})


def mapping(p, size):
  offset = p.choice([0, 0, 0, 4096, 2 * MIB])
  length = p.choice([size, size, 2 * MIB, 4 * MIB, MIB])
  touches = []
  for _ in range(p.randint(2, 8)):
    touches.append(touch(p, length))
    if p.chance(15):
      touches.append(change(p, length))
  what = {"file": "f", "prot": "rw", "flags": p.weighted(
      {"shared": 10, "private": 4, "validate,sync": 1, "shared,populate": 1}),
          "off": offset, "len": length, "touch": touches}
  placed = p.weighted({"aligned": 8, "off": 2, "kernel": 3})
  if placed == "off":
    what["addr_off"] = p.choice([4096, MIB])
  elif placed == "kernel":
    what["align"] = 0
  return what


def case(p):
  fs = p.weighted({"ext4": 7, "xfs": 4})
  # mkfs.xfs wants 300 MiB.
  sectors = p.choice([262144, 524288]) if fs == "ext4" else 720896
  stack = Stack(p, sectors)
  size = p.choice([4, 8, 8, 16]) * MIB
  made = {"dm": stack.dm, "dev": "/dev/mapper/" + stack.dm[-1]["name"],
          "fs": fs, "mkfs": p.choice(EXT4 if fs == "ext4" else XFS),
          "ops": recipe(p, fs, size), "maps": [mapping(p, size)]}
  if p.chance(15):
    made["maps"].append(mapping(p, size))
  if p.chance(20):
    queue = f"/sys/block/dm-{len(stack.dm) - 1}/queue/max_sectors_kb"
    kib = p.choice([64, 512, 2048, 4096])
    made["after_dm"] = [{"exec": ["sh", "-c",
                                  f"echo {kib} > {queue}; cat {queue}"]}]
  return made
