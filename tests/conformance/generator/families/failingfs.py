# SPDX-License-Identifier: Apache-2.0
"""A mounted file system whose device fails, in part or whole, and comes back."""

from ..live_map import MIB, SECTORS, accesses, advice, base, file_op, other, recipe


def reload(name, table):
  return (f"sh:dmsetup suspend --nolockfs --noflush {name} && echo '{table}' | "
          f"dmsetup load {name} && dmsetup resume {name}")


def failingfs(p):
  made = base(p, p.weighted({"ext4": 6, "xfs": 5, "ext2": 2}))
  fs = made["fs"]
  size = p.choice([4, 4, 8]) * MIB
  made["ops"] = recipe(p, size)
  sectors = SECTORS[fs]
  start = int(made["dm"][0]["table"].split()[-1])
  # Two parts, of which one may fail.
  cut = p.choice([4096, 65536, sectors // 2, sectors - 4096])
  parts = {"a": f"0 {cut} linear /dev/pmem0 {start}",
           "b": f"0 {sectors - cut} linear /dev/pmem0 {start + cut}"}
  made["dm"] = [{"name": name, "table": table}
                for name, table in parts.items()]
  made["dm"].append({"name": "d0", "table":
                     f"0 {cut} linear /dev/mapper/a 0\n"
                     f"{cut} {sectors - cut} linear /dev/mapper/b 0"})
  failing = p.choice([["a"], ["b"], ["a", "b"]])
  bad = [reload(name, " ".join(parts[name].split()[:2] + ["error"]))
         for name in failing]
  touches = accesses(p, size, 1, 3)
  touches += ["sh:dmsetup wipe_table --nolockfs d0"] if p.chance(10) else bad
  for _ in range(p.randint(1, 3)):
    touches += accesses(p, size, 1, 2)
    touches.append(p.weighted_call({
        4: lambda: "fsync", 3: lambda: f"msync@0:{size}",
        3.1: lambda: file_op(p, size), 2: lambda: advice(p, size),
        1: lambda: other(p, size)}))
  touches += accesses(p, size, 1, 2)
  if p.chance(50):
    touches += [reload(name, parts[name]) for name in failing]
    touches += accesses(p, size, 1, 3)
    touches.append(p.choice(["fsync", f"msync@0:{size}", file_op(p, size)]))
    touches += accesses(p, size, 1, 2)
  made["maps"] = [{"file": "f", "len": size, "touch": touches,
                   "flags": p.weighted({"shared": 8, "private": 3,
                                        "validate,sync": 0 if fs == "ext2"
                                        else 2})}]
  return made


def failingcache(p):
  """The same, of files in the page cache."""
  made = failingfs(p)
  made["mount"] = "" if made["fs"] == "ext2" else "dax=never"
  for what in made["maps"]:
    what["flags"] = p.choice(["shared", "shared", "private"])
  return made


def failingopen(p):
  """Files that are opened, mapped and changed after the failure."""
  made = p.choice([failingfs, failingfs, failingcache])(p)
  size = made["maps"][0]["len"]
  for _ in range(p.randint(1, 2)):
    touches = accesses(p, size, 1, 2)
    for _ in range(p.randint(1, 3)):
      touches.append(p.weighted_call({
          3: lambda: "fsync", 3.1: lambda: file_op(p, size),
          2: lambda: f"trunc@{p.choice([0, 4096, 5000, size, 2 * size])}",
          1: lambda: other(p, size)}))
    made["maps"].append(
        {"file": "f", "len": size, "touch": touches,
         "open": p.choice(["ro", "ro", "rw", "rw"]),
         "flags": p.choice(["shared", "shared", "private"])})
    if made["maps"][-1]["open"] == "ro":
      made["maps"][-1]["prot"] = "r"
  return made


KINDS = {f.__name__: f for f in (failingfs, failingcache, failingopen)}
