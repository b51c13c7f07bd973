# SPDX-License-Identifier: Apache-2.0
"""md's sets: where data and parity lie, with all legs or some."""

from .. import dmsetup_steps as d
from .. import guest
from ..story_steps import MAPPER, create, io


def case(p):
  kind, least = p.choice([
      ("raid0", 2), ("raid1", 2), ("raid4", 3), ("raid5_la", 3),
      ("raid5_ra", 3), ("raid5_ls", 3), ("raid5_rs", 3), ("raid5_n", 3),
      ("raid6_zr", 4), ("raid6_nr", 4), ("raid6_nc", 4), ("raid6_n_6", 4),
      ("raid6_ls_6", 4), ("raid10", 2), ("raid10", 3), ("raid10", 4)])
  legs = min(5, least + p.choice([0, 0, 1]))
  chunk = p.choice([8, 16, 64])
  params = [str(chunk)]
  if kind == "raid1":
    params = ["0"]
  if kind != "raid0":
    params.append(p.choice(["nosync", "nosync", "sync"]))
  if kind == "raid10" and p.chance(60):
    params += ["raid10_format", p.choice(["near", "far", "offset"])]
    params += ["raid10_copies", p.choice(["2", "2", "3"])] if p.chance(
        50) else []
  steps, names = [], []
  for i in range(legs):
    disk = guest.PMEM[i % 5]
    steps += d.stamp([disk]) if i < 5 else []
    steps.append(create(f"l{i}", f"0 4096 linear {disk} 0"))
    names.append(f"{MAPPER}l{i}")
    if kind == "raid10":
      steps.append(create(f"m{i}", f"0 8192 linear {disk} 16384"))
  data = {"raid0": legs, "raid1": 1, "raid10": 1}.get(
      kind, legs - (2 if kind.startswith("raid6") else 1))
  length = data * 1024
  gone = p.randrange(legs) if kind not in ("raid0",) and p.chance(25) else -1
  # md knows the layout of a raid10 from its metadata alone.
  metas = [name.replace("/l", "/m") if kind == "raid10" else "-"
           for name in names]
  if kind == "raid10":
    gone, params = -1, [word for word in params if "sync" not in word]
  words = " ".join("- -" if i == gone else f"{meta} {name}"
                   for i, (meta, name) in enumerate(zip(metas, names)))
  table = (f"0 {length} raid {kind} {len(params)} {' '.join(params)} {legs} "
           f"{words}")
  steps += [create("top", table), {"sleep": 1}, d.dmsetup("status", "top")]
  # md that can not note a failure of a leg anywhere waits for ever.
  for _ in range(p.randint(5, 12)):
    i = p.randrange(legs)
    steps += p.weighted_call({
        14: lambda: [io(p, MAPPER + "top", length)],
        5: lambda: [{"whereis": p.choice(names), "sectors": [
            8 * p.randrange(64), 8 * p.randrange(64) + 3]}],
        3: lambda: [d.dmsetup("status", "top")],
        1: lambda: [d.dmsetup("suspend", "top"), d.dmsetup("resume", "top"),
                    {"sleep": 1}],
    })
  return steps + [{"sleep": 1}, d.dmsetup("status"), d.dmsetup("info", "-c"),
                  d.dmsetup("table", "top")]
