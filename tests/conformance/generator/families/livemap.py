# SPDX-License-Identifier: Apache-2.0
"""Files that are changed, and mappings that are, while programs touch them."""

from ..live_map import (MIB, PAGE, access, accesses, advice, base, between,
                        dd, file_op, near, other, page, recipe, shifted,
                        whole)


def mapped(p, made, length, touches, private):
  """One mapping with these touches; `private`: the weight of MAP_PRIVATE."""
  if p.chance(30):
    touches.append("fsync")
  flags = {"shared": 8, "private": private,
           "validate,sync": 0 if made["fs"] == "ext2" else 2}
  made["maps"] = [{"file": "f", "flags": p.weighted(flags), "len": length,
                   "touch": touches}]
  return made


def fileops(p):
  """File operations that begin or end anywhere."""
  made = base(p, p.weighted({"ext4": 6, "xfs": 5, "ext2": 1}))
  size = p.choice([4, 4, 8]) * MIB
  made["ops"] = recipe(p, size)
  length = p.choice([size, size, size + 4 * MIB])
  touches = []
  for _ in range(p.randint(2, 4)):
    touches += accesses(p, length, 1, 2) + [file_op(p, size)]
  touches += accesses(p, length, 1, 3)
  return mapped(p, made, length, touches, private=2)


def writes(p):
  """write(2) by another process into a file that is mapped."""
  made = fileops(p)
  for _ in range(p.randint(1, 2)):
    between(p, made["maps"][0]["touch"], dd(p))
  return made


def priv(p):
  """madvise, mprotect, mlock and msync over odd ranges."""
  made = base(p)
  size = p.choice([4, 4, 8]) * MIB
  made["ops"] = recipe(p, size) if p.chance(40) else whole(size)
  length = p.choice([size, size, size + 2 * MIB, 2 * MIB])
  touches = []
  for _ in range(p.randint(3, 7)):
    touches.append(advice(p, length) if p.chance(60) else access(p, length))
    if p.chance(30):
      touches.append(f"look@{page(p, length)}")
  touches.append(access(p, length))
  what = {"file": "f", "len": length, "touch": touches,
          "prot": p.weighted({"rw": 10, "r": 3, "n": 1, "w": 1, "x": 1,
                              "rx": 1, "rwx": 1}),
          "flags": p.weighted({"shared": 8, "private": 6, "validate,sync": 1,
                               "shared,populate": 1, "private,populate": 2})}
  if p.chance(10):
    what["open"] = "ro"
  if p.chance(15):
    what["addr_off"] = p.choice([PAGE, MIB])
  if p.chance(10):
    what["align"] = 0
  made["maps"] = [what]
  return made


def vmas(p):
  """The same, with the mappings that are left at the end."""
  made = priv(p)
  what = made["maps"][0]
  for _ in range(p.randint(1, 3)):
    between(p, what["touch"], advice(p, what["len"]))
  what["smaps"] = 1
  return made


def shift(p):
  """fallocate(2) by another process: ranges that move what is behind them."""
  made = base(p, p.weighted({"ext4": 6, "xfs": 5, "ext2": 1}))
  size = p.choice([4, 4, 8]) * MIB
  made["ops"] = recipe(p, size)
  length = p.choice([size, size, size + 4 * MIB])
  touches = []
  for _ in range(p.randint(1, 3)):
    touches += accesses(p, length, 1, 3) + [shifted(p, size)]
    if p.chance(25):
      touches.append(file_op(p, size))
  touches += accesses(p, length, 2, 4)
  return mapped(p, made, length, touches, private=3)


def others(p):
  """A mapping, and other processes that read, write or sync the file."""
  made = base(p)
  size = p.choice([4, 4, 8]) * MIB
  made["ops"] = recipe(p, size)
  touches = []
  for _ in range(p.randint(1, 4)):
    touches += accesses(p, size, 1, 3) + [other(p, size)]
    if p.chance(15):
      touches.append(advice(p, size))
  touches += accesses(p, size, 1, 4)
  made["maps"] = [{"file": "f", "len": size, "touch": touches,
                   "flags": p.weighted({"shared": 8, "private": 3,
                                        "validate,sync": 2})}]
  return made


def place(p):
  """Odd addresses, lengths, offsets and ends of files."""
  made = base(p)
  size = p.choice([4 * MIB, 8 * MIB, 5000, 4 * MIB + 100, 2 * MIB - 1])
  pages = max(size // PAGE, 1) * PAGE
  made["ops"] = whole(size) if p.chance(70) else recipe(p, pages)
  length = p.weighted({4 * MIB: 4, 8 * MIB: 2, 100: 1, 4097: 1, 2 * MIB: 3,
                       2 * MIB - PAGE: 1, 3 * MIB: 1, 0: 1})
  what = {"file": "f", "len": length, "prot": p.choice(["rw", "rw", "r"]),
          "flags": p.weighted({"shared": 5, "private": 3, "validate,sync": 1,
                               "shared,populate": 1}),
          "off": p.weighted({0: 4, PAGE: 2, 2 * MIB: 3, 100: 1,
                             2 * MIB + PAGE: 1, -PAGE: 1, 1 << 40: 1,
                             (1 << 63) - PAGE: 1, (1 << 44) - PAGE: 1,
                             1 << 62: 1}),
          "touch": accesses(p, max(length, PAGE), 2, 5)}
  where = p.randint(0, 3)
  if where == 0:
    what["align"] = 0
  elif where == 1:
    what["addr_off"] = p.choice([PAGE, MIB, 2 * MIB - PAGE])
  elif where == 2:
    what["align"] = p.choice([4096, 65536, 1 << 30])
  made["maps"] = [what]
  return made


def several(p):
  """Processes one after another, with the files as they were left."""
  made = base(p)
  size = p.choice([4, 8]) * MIB
  made["ops"] = recipe(p, size)
  if p.chance(40):
    made["ops"] += recipe(p, size, "g")
  files = sorted({op[1] for op in made["ops"]})
  made["maps"] = []
  for _ in range(p.randint(2, 4)):
    length = p.choice([size, 2 * MIB])
    touches = accesses(p, length, 1, 4)
    if p.chance(40):
      between(p, touches, file_op(p, size))
    if p.chance(30):
      between(p, touches, advice(p, length))
    made["maps"].append({
        "file": p.choice(files), "prot": p.choice(["rw", "rw", "r"]),
        "flags": p.weighted({"shared": 6, "private": 3, "validate,sync": 1,
                             "shared,populate": 1}),
        "off": p.choice([0, 0, 2 * MIB, PAGE]), "len": length,
        "touch": touches})
  return made


def devdax(p):
  """device-dax: alignments, offsets, rights."""
  align = p.weighted({"2M": 5, "4K": 4, "1G": 2})
  unit = {"2M": 2 * MIB, "4K": PAGE, "1G": 1 << 30}[align]
  disk = 4 if align == "1G" else 3
  args = ["create-namespace", "-f", "-e", f"namespace{disk}.0", "-m", "devdax",
          "--align", align, "--map=" + ("dev" if p.chance(20) else "mem")]
  maps = []
  for _ in range(p.weighted({1: 5, 2: 2})):
    length = p.weighted({4 * MIB: 4, unit: 3, 2 * unit: 2, PAGE: 1,
                         unit + PAGE: 1, 100: 1})
    touches = []
    for _ in range(p.randint(1, 5)):
      kind = p.weighted({"access": 13, "advice": 5, "op": 2})
      touches.append({"access": access, "advice": advice}[kind](p, length)
                     if kind != "op" else file_op(p, 4 * MIB))
    what = {"file": f"/dev/dax{disk}.0", "len": length, "touch": touches,
            "prot": p.weighted({"rw": 8, "r": 3, "n": 1, "x": 1, "w": 1}),
            "flags": p.weighted({"shared": 8, "private": 1, "validate,sync": 2,
                                 "shared,populate": 2}),
            "off": p.weighted({0: 6, unit: 2, PAGE: 2, 100: 1, 2 * MIB: 1,
                               -PAGE: 1}),
            "align": p.weighted({unit: 6, 2 * MIB: 2, 0: 2})}
    if p.chance(12):
      what["open"] = "ro"
    if p.chance(10):
      what["addr_off"] = p.choice([PAGE, MIB])
    if align == "1G" and p.chance(60):
      what["inspect"] = 0
    maps.append(what)
  return {"kind": "devdax", "pre": [{"ndctl": args}], "maps": maps,
          "reset_ns": [f"namespace{disk}.0"]}


def reflink(p):
  """Extents that two files of xfs share."""
  made = base(p, "xfs")
  made["mkfs"] = ["-m", "reflink=1"] + made["mkfs"][2:]
  size = p.choice([4, 8]) * MIB
  ops = [["write", "f", 0, size]] if p.chance(60) else [
      ["fallocate", "f", 0, size], ["write", "f", 0, size // 2]]
  # An operation of its own has the clone recorded.
  ops += [["clone", "f", "g"], ["fsync", "g"]]
  if p.chance(30):
    ops.append(["write", "f", page(p, size), p.choice([PAGE, MIB])])
  if p.chance(20):
    ops.append(["extsize", "f", 2 * MIB])
  made["ops"] = ops
  made["maps"] = []
  for _ in range(p.randint(1, 2)):
    touches = accesses(p, size, 2, 5)
    if p.chance(40):
      between(p, touches, file_op(p, size))
    if p.chance(15):
      between(p, touches, dd(p))
    made["maps"].append({
        "file": p.choice(["f", "f", "g"]), "len": size, "touch": touches,
        "flags": p.weighted({"shared": 6, "private": 2, "validate,sync": 1})})
  return made


def thp(p):
  """Huge pages turned off for the process or the machine."""
  made = priv(p) if p.chance(50) else fileops(p)
  enabled = "/sys/kernel/mm/transparent_hugepage/enabled"
  # What a case before this one may have left.
  made["pre"] = [{"thp": 0}]
  if p.chance(60):
    made["after_dm"] = [{"thp": 1}]
    made["post"] = [{"thp": 0}]
  else:
    word = p.choice(["never", "madvise", "always"])
    made["after_dm"] = [{"exec": ["sh", "-c", f"echo {word} > {enabled}"]}]
    made["post"] = [{"exec": ["sh", "-c", f"echo always > {enabled}"]}]
  return made


def recipes(p):
  """Longer histories of a file before it is mapped."""
  made = base(p, p.weighted({"ext4": 6, "xfs": 5, "ext2": 1}))
  size = p.choice([4, 8]) * MIB
  ops = recipe(p, size)
  for _ in range(p.randint(1, 4)):
    kind = p.choice(["collapse", "insert", "zero", "punch", "falloc_keep",
                     "write", "truncate", "fsync", "extsize"])
    unit = p.choice([PAGE, 2 * MIB, PAGE])
    at = p.randint(0, size // unit) * unit
    length = p.choice([PAGE, 2 * MIB, 2 * PAGE])
    if kind in ("zero", "punch", "write"):
      at += p.choice([0, 0, 100])
      length = p.choice([PAGE, 2 * MIB, 5000])
    ops.append({"truncate": ["truncate", "f", near(p, size)],
                "fsync": ["fsync", "f"], "extsize": ["extsize", "f", 2 * MIB],
                }.get(kind, [kind, "f", at, length]))
  made["ops"] = ops
  length = p.choice([size, 2 * size])
  made["maps"] = [{
      "file": "f", "len": length, "touch": accesses(p, length, 3, 7),
      "flags": p.weighted({"shared": 6, "private": 2, "validate,sync": 1})}]
  return made


def nodax(p):
  """The same without DAX."""
  made = p.choice([priv, fileops, writes, several])(p)
  made["mount"] = p.choice(["dax=never", "dax=inode"])
  return made


def tails(p):
  """What is behind the end of a file: written, grown over, cut again."""
  made = base(p, p.weighted({"xfs": 8, "ext4": 4, "ext2": 1}))
  below = p.weighted({"one": 6, "two": 3, "log-writes": 1, "rows": 1})
  table = made["dm"][0]["table"]
  sectors = table.split()[1]
  if below == "two":
    made["dm"].append({"name": "d1",
                       "table": f"0 {sectors} linear /dev/mapper/d0 0"})
  elif below == "log-writes":
    made["dm"].append({
        "name": "d1", "table": f"0 {sectors} log-writes /dev/mapper/d0 "
                               "/dev/pmem4"})
  elif below == "rows":
    made["dm"][0]["table"] = (
        f"0 16384 linear /dev/pmem0 4096\n"
        f"16384 {int(sectors) - 16384} linear /dev/pmem1 0")
  made["dev"] = "/dev/mapper/" + made["dm"][-1]["name"]
  if made["fs"] == "xfs" and p.chance(30):
    made["mkfs"] = ["-m", "reflink=0", "-l", "size=64m"]
  if made["fs"] == "xfs" and p.chance(25):
    made["mount"] += p.choice([",allocsize=64k", ",allocsize=1m", ",noalign"])
  size = p.choice([4096, 8192, MIB, 2 * MIB, 2 * MIB + 4096, 2 * MIB - 100,
                   3 * MIB + 100])
  made["ops"] = p.weighted({
      "written": 5, "fallocate": 2, "kept": 2, "sparse": 2, "both": 2})
  made["ops"] = {
      "written": [["write", "f", 0, size]],
      "fallocate": [["fallocate", "f", 0, size]],
      "kept": [["write", "f", 0, size], ["falloc_keep", "f", 0, size + MIB]],
      "sparse": [["truncate", "f", size]],
      "both": [["fallocate", "f", 0, size], ["truncate", "f", size // 2]],
  }[made["ops"]]
  if made["fs"] == "xfs" and p.chance(15):
    made["ops"].insert(0, ["extsize", "f", p.choice([2 * MIB, 65536])])
  end, touches = size, []
  for _ in range(p.randint(3, 7)):
    bs = p.weighted({PAGE: 6, 512: 1, 100: 1, 65536: 2})
    seek = max(0, end // bs + p.choice([0, 0, -1, 1, 3, 17, 256]))
    at = max(0, end + p.choice([0, PAGE, -PAGE, 100, -100, MIB, 5 * PAGE]))
    count = p.choice([1, 1, 2, 3])
    length = p.choice([PAGE, 100, 3 * PAGE, MIB])
    what = p.weighted({"dd": 6, "trunc": 5, "falloc": 2, "zero": 2, "punch": 1,
                       "access": 5, "fsync": 1, "sync": 1})
    touches.append({
        "dd": f"sh:dd if=/dev/zero of=/mnt/f bs={bs} count={count} "
              f"seek={seek} conv=notrunc",
        "trunc": f"trunc@{at}", "falloc": f"falloc@{at}:{length}",
        "zero": f"zero@{at}:{length}", "punch": f"punch@{at}:{length}",
        "access": access(p, max(PAGE, end)), "fsync": "fsync",
        "sync": "sh:sync"}[what])
    end = {"dd": max(end, bs * (seek + count)), "trunc": at,
           "falloc": max(end, at + length),
           "zero": max(end, at + length)}.get(what, end)
  touches += accesses(p, max(PAGE, end), 1, 3)
  return mapped(p, made, max(PAGE, end) + PAGE, touches, private=2)


def indirect(p):
  """ext2: files with indirect blocks."""
  made = base(p, "ext2")
  size = p.choice([4, 8]) * MIB
  ops = [["truncate", "f", size]] if p.chance(50) else [
      ["write", "f", 0, p.choice([size, PAGE, 13 * PAGE])]]
  if p.chance(50):
    ops.append(["truncate", "f", size])
  made["ops"] = ops
  touches = accesses(p, size, 2, 6)
  if p.chance(40):
    between(p, touches, file_op(p, size))
  made["maps"] = [{"file": "f", "len": size, "touch": touches,
                   "flags": p.weighted({"shared": 6, "private": 2})}]
  return made


KINDS = {f.__name__: f for f in (
    fileops, writes, priv, vmas, shift, others, place, several, devdax, reflink, thp, recipes,
    nodax, indirect, tails)}
