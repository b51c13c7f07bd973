# SPDX-License-Identifier: Apache-2.0
"""What keeps metadata on a device that can not be written, read, or both."""

from .. import dmsetup_steps as d
from ..story_steps import MAPPER, create, io, load, swap
from .messages import zeroed

SIZE = 8192


def case(p):
  meta, data, source = "/dev/pmem0", "/dev/pmem1", "/dev/pmem2"
  steps = [zeroed(meta), zeroed(data)] + d.stamp([source])
  # flakey while it is up, so that no table changes the type of the device.
  good = f"0 {SIZE} flakey {meta} 0 60 0"
  bad = [f"0 {SIZE} flakey {meta} 0 0 60",
         f"0 {SIZE} flakey {meta} 0 0 60 1 error_writes",
         f"0 {SIZE} flakey {meta} 0 0 60 1 error_writes",
         f"0 {SIZE} flakey {meta} 0 0 60 1 drop_writes",
         f"0 {SIZE} error"]
  steps.append(create("m", good))
  kind = p.choice(["thin-pool", "cache", "era", "clone"])
  block = p.choice([8, 64, 128]) if kind in ("era", "clone") else 128
  table = {
      "thin-pool": f"0 {SIZE} thin-pool {MAPPER}m {data} 128 0 "
                   "1 error_if_no_space",
      "cache": f"0 {SIZE} cache {MAPPER}m {data} {source} {block} "
               f"{p.choice(['0', '1 writethrough', '1 metadata2'])} cleaner 0",
      "era": f"0 {SIZE} era {MAPPER}m {source} {block}",
      "clone": f"0 {SIZE} clone {MAPPER}m {data} {source} {block} "
               "1 no_hydration"}[kind]
  top = "pool" if kind == "thin-pool" else "top"
  used = "top" if p.chance(95) else top
  steps.append(create(top, table))
  if kind == "thin-pool":
    steps += [d.dmsetup("message", "pool", "0", "create_thin 0"),
              create("top", f"0 4096 thin {MAPPER}pool 0")]
  messages = {
      "thin-pool": ["create_thin 1", "create_snap 2 0", "delete 1",
                    "reserve_metadata_snap", "set_transaction_id 0 1"],
      "cache": ["migration_threshold 100"],
      "era": ["checkpoint", "take_metadata_snap", "drop_metadata_snap"],
      "clone": ["enable_hydration", "disable_hydration"]}[kind]
  for i in range(p.randint(3, 8)):
    if i == 1 or p.chance(20):
      steps += swap(p, "m", p.choice(bad))
    steps += p.weighted_call({
        10: lambda: [io(p, MAPPER + used, 2048)],
        6: lambda: [d.dmsetup("status", top)],
        4: lambda: [d.dmsetup("message", top, "0", p.choice(messages))],
        2: lambda: [d.dmsetup("suspend", top), d.dmsetup("resume", top)],
        1.5: lambda: swap(p, "m", good),
        1: lambda: [d.dmsetup("remove", "top"), d.dmsetup("remove", top)],
        0.9: lambda: [{"sleep": 2}],
        0.8: lambda: [load(top, table), d.dmsetup("resume", top)],
    })
  steps += [d.dmsetup("status"), d.dmsetup("info", "-c"),
            load("m", good), d.dmsetup("resume", "m")]
  return steps + [d.dmsetup("status"), d.dmsetup("remove", "top"),
                  d.dmsetup("remove", top), create(top, table),
                  d.dmsetup("status")]
