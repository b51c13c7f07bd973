# SPDX-License-Identifier: Apache-2.0
"""Caches that are used: the same blocks again, writes, and what is counted."""

from .. import dmsetup_steps as d
from ..story_steps import MAPPER, create, io
from .messages import zeroed


def case(p):
  meta, fast, slow = "/dev/pmem0", "/dev/pmem1", "/dev/pmem2"
  steps = [zeroed(meta), zeroed(fast)] + d.stamp([slow])
  kind = p.choice(["cache", "writecache", "writecache"])
  length = 8192
  if kind == "cache":
    mode = p.choice(["0", "1 writethrough", "1 writeback", "1 passthrough",
                     "1 metadata2"])
    table = (f"0 {length} cache {meta} {fast} {slow} 64 {mode} "
             f"{p.choice(['smq 0', 'cleaner 0'])}")
  else:
    block = p.choice([4096, 4096, 512])
    # Times that a step may take would tell how fast the guest is.
    options = p.choice(["0", "0", "2 autocommit_blocks 4",
                        "2 autocommit_time 60000", "2 writeback_jobs 2",
                        "1 cleaner", "2 max_age 60000", "1 metadata_only",
                        "1 nofua", "2 pause_writeback 1000"])
    table = (f"0 {length} writecache {p.choice('ssp')} {slow} {fast} {block} "
             f"{options}")
  steps += [create("top", table), d.dmsetup("status", "top")]
  hot = [8 * p.randrange(length // 8) for _ in range(p.randint(1, 3))]
  for _ in range(p.randint(4, 14)):
    at = p.choice(hot)
    steps += p.weighted_call({
        10: lambda: [{"pwrite": f"{MAPPER}top", "off": at * 512,
                      "bytes": 4096}],
        9: lambda: [{"pread": f"{MAPPER}top", "off": at * 512,
                     "bytes": 4096}] * p.choice([1, 1, 3]),
        4: lambda: [io(p, f"{MAPPER}top", length)],
        5: lambda: [d.dmsetup("status", "top")],
        2: lambda: [d.dmsetup("message", "top", "0", p.choice(
            ["flush", "flush_on_suspend", "clear_stats"]))]
             if kind == "writecache" else [],
        1.9: lambda: [{"sleep": 2}],
        1.8: lambda: [d.dmsetup("suspend", "top"), d.dmsetup("resume", "top"),
                      d.dmsetup("status", "top")],
        1.7: lambda: [d.dmsetup("remove", "top"), create("top", table),
                      d.dmsetup("status", "top")],
    })
  return steps + [{"whereis": slow, "sectors": [hot[0]]},
                  d.dmsetup("status"), d.dmsetup("info", "-c")]
