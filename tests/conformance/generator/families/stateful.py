# SPDX-License-Identifier: Apache-2.0
"""Queue limits and sysfs of devices that keep state, on disks of all kinds."""

from .. import dmsetup_steps as d
from .. import guest
from .messages import zeroed

MAPPER = "/dev/mapper/"


def disks(p):
  steps, paths = [], []
  for i in range(p.randint(1, 3)):
    path = f"/dev/loop{i}"
    steps.append({"loop": path, "mib": 64,
                  "bs": p.choice([512, 512, 1024, 4096])})
    paths.append(path)
  pmem = p.sample(guest.PMEM[:4], 3)
  return steps + [zeroed(path) for path in pmem], paths, pmem


def row(p, length, small, meta, data):
  """A table of one row; `data` are devices to choose from."""
  a, b = p.choice(data), p.choice(data)
  block = p.choice([8, 64, 128, 256, 1024, 4096])
  kind = p.weighted({
      "crypt": 4, "integrity": 3, "writecache": 3, "era": 3, "cache": 3,
      "clone": 2, "thin-pool": 3, "snapshot": 3, "snapshot-origin": 1,
      "log-writes": 2, "mirror": 2, "raid0": 2, "raid1": 2, "raid5": 2,
      "multipath": 2, "delay": 1, "switch": 1, "unstriped": 1, "verity": 2,
      "flakey": 1, "ebs": 0.5, "zero": 0.3, "error": 0.3})
  text = {
      "crypt": f"crypt aes-xts-plain64 {'0f' * 32} 0 {a} {p.choice([0, 8, 1])} " +
               p.choice(["", "1 allow_discards", "1 sector_size:4096",
                         "2 sector_size:2048 iv_large_sectors",
                         "1 no_write_workqueue"]),
      "integrity": f"integrity {small} 0 - {p.choice('JDB')} "
                   f"{p.choice(['1 internal_hash:crc32c', '2 internal_hash:sha256 block_size:4096', '2 internal_hash:crc32c allow_discards', '2 internal_hash:crc32c interleave_sectors:4096'])}",
      "writecache": f"writecache {p.choice('sp')} {a} {meta} "
                    f"{p.choice(['512', '4096'])} 0",
      "era": f"era {meta} {a} {block}",
      "cache": f"cache {meta} {small} {a} {max(block, 64)} "
               f"{p.choice(['0', '1 writethrough', '1 no_discard_passdown'])} "
               "cleaner 0",
      "clone": f"clone {meta} {small} {a} {block} 1 no_hydration",
      "thin-pool": f"thin-pool {meta} {a} {max(128, block // 128 * 128)} 0 "
                   f"{p.choice(['0', '1 ignore_discard', '1 skip_block_zeroing'])}",
      "snapshot": f"snapshot {a} {small} {p.choice('PN')} "
                  f"{p.choice([8, 16, 64, 4])}",
      "snapshot-origin": f"snapshot-origin {a}",
      "log-writes": f"log-writes {a} {meta}",
      "mirror": f"mirror core 2 {p.choice([128, 1024])} nosync 2 {a} 0 {b} "
                f"{p.choice([0, 8, 1])}",
      "raid0": f"raid raid0 1 {p.choice([8, 128])} 2 - {a} - {b}",
      "raid1": f"raid raid1 2 0 nosync 2 - {a} - {b}",
      "raid5": f"raid raid5_ls 2 {p.choice([8, 64])} nosync 3 - {a} - {b} - {small}",
      "multipath": f"multipath {p.choice(['0', '2 queue_mode bio'])} 0 1 1 "
                   f"round-robin 0 2 1 {a} 1 {b} 1",
      "delay": f"delay {a} {p.choice([0, 8])} 0",
      "switch": f"switch 2 {block} 0 {a} 0 {b} 0",
      "unstriped": f"unstriped 2 {block} {p.choice([0, 1])} {a} 0",
      "verity": f"verity 1 {a} {meta} {p.choice([512, 1024, 4096])} 4096 64 1 "
                f"sha256 {'ab' * 32} -",
      "flakey": f"flakey {a} 0 60 0", "ebs": f"ebs {a} 0 1",
      "zero": "zero", "error": "error"}[kind]
  if kind == "verity":
    length = 512
  return f"0 {length} {text}".rstrip()


def case(p):
  steps, loops, pmem = disks(p)
  small, meta = pmem[0], pmem[1]
  data = loops + [pmem[2]] + ([guest.RAW] if p.chance(40) else []) + (
      guest.RAM if p.chance(20) else [])
  level = data
  for i in range(p.randint(1, 3)):
    # Each has metadata of its own.
    length = p.choice([4096, 8192, 2048])
    at = 65536 * (1 + i)
    steps += [d.dmsetup("create", f"m{i}",
                        stdin=f"0 16384 linear {meta} {at}\n"),
              {"exec": ["dd", "if=/dev/zero", f"of={MAPPER}m{i}", "bs=4096",
                        "count=64"]},
              d.dmsetup("create", f"s{i}",
                        stdin=f"0 32768 linear {small} {at}\n"),
              {"exec": ["dd", "if=/dev/zero", f"of={MAPPER}s{i}", "bs=4096",
                        "count=64"]}]
    steps += [d.dmsetup("create", f"d{i}",
                        stdin=row(p, length, f"{MAPPER}s{i}", f"{MAPPER}m{i}",
                                  level) + "\n"),
              d.dmsetup("table", f"d{i}")]
    level = [f"{MAPPER}d{i}"] + (p.sample(data, 1) if p.chance(30) else [])
    if p.chance(40):
      steps += [d.dmsetup("suspend", f"d{i}"), d.dmsetup("resume", f"d{i}"),
                {"devs": 1}]
  return steps + [d.dmsetup("table"), d.dmsetup("info", "-c")]
