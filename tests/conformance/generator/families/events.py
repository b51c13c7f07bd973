# SPDX-License-Identifier: Apache-2.0
"""What counts as an event, and who waits for it."""

from .. import dmsetup_steps as d
from ..story_steps import MAPPER, create, io, load, swap
from .messages import zeroed

LENGTH = 4096


def case(p):
  a, b, c = "/dev/pmem0", "/dev/pmem1", "/dev/pmem2"
  steps = [zeroed(b), zeroed(c)] + d.stamp([a])
  good = f"0 {LENGTH} flakey {a} 0 60 0"
  bad = p.choice([f"0 {LENGTH} error", f"0 {LENGTH} flakey {a} 0 0 60",
                  f"0 {LENGTH} flakey {a} 0 0 60 1 error_writes"])
  small = p.choice([64, 128, 640])
  steps += [create("l", good), create("s", f"0 {small} linear {b} 0")]
  kind = p.choice(["snapshot", "thin-pool", "mirror", "multipath", "linear",
                   "origin", "cache", "era", "crypt", "writecache", "raid1"])
  table = {
      "snapshot": f"0 {LENGTH} snapshot {MAPPER}l {MAPPER}s {p.choice('PNP')} 8",
      "thin-pool": f"0 {LENGTH} thin-pool {b} {c} 128 "
                   f"{p.choice([0, 10, 31, 32, 100])} 1 error_if_no_space",
      "mirror": f"0 {LENGTH} mirror core 2 128 nosync 2 {MAPPER}l 0 {c} 0 "
                "2 handle_errors keep_log",
      "multipath": f"0 {LENGTH} multipath 2 queue_mode bio 0 2 1 round-robin 0 "
                   f"1 0 {MAPPER}l round-robin 0 1 0 {c}",
      "linear": f"0 {LENGTH} linear {MAPPER}l 0",
      "origin": f"0 {LENGTH} snapshot-origin {MAPPER}l",
      "cache": f"0 {LENGTH} cache {b} {c} {MAPPER}l 128 0 cleaner 0",
      "era": f"0 {LENGTH} era {b} {MAPPER}l 128",
      "crypt": f"0 {LENGTH} crypt aes-xts-plain64 {'0f' * 32} 0 {MAPPER}l 0",
      "writecache": f"0 {LENGTH} writecache s {MAPPER}l {c} 4096 0",
      "raid1": f"0 {LENGTH} raid raid1 2 0 nosync 2 - {MAPPER}l - {c}"}[kind]
  steps += [create("top", table), {"sleep": 1}]
  used = "top"
  if kind == "thin-pool":
    steps += [d.dmsetup("message", "top", "0", "create_thin 0"),
              create("t", f"0 {2 * LENGTH} thin {MAPPER}top 0")]
    used = "t"
  messages = {"multipath": [["fail_path", c], ["reinstate_path", c],
                            ["switch_group", "2"], ["disable_group", "1"]],
              "raid1": [["check"], ["repair"]], "era": [["checkpoint"]],
              "writecache": [["flush"]],
              "thin-pool": [["create_thin 1"], ["set_transaction_id 0 1"]]}
  for _ in range(p.randint(4, 10)):
    steps += p.weighted_call({
        10: lambda: [io(p, MAPPER + used, LENGTH)] * p.choice([1, 1, 3]),
        5: lambda: [d.dmsetup("info", "-c")],
        4: lambda: [d.dmsetup("wait", "top", p.choice([0, 0, 1])),
                    d.dmsetup("info", "top")] if p.chance(25) else [
                        d.dmsetup("info", "top")],
        3: lambda: swap(p, "l", p.choice([bad, good])),
        2: lambda: [d.dmsetup("message", "top", "0", *p.choice(
            messages.get(kind, [["hello"]])))],
        1.9: lambda: [load("top", table), d.dmsetup("resume", "top"),
                      {"sleep": 1}],
        1.8: lambda: [d.dmsetup("rename", "top", "top2"),
                      d.dmsetup("rename", "top2", "top")],
        1.7: lambda: [d.dmsetup("suspend", "top"), d.dmsetup("resume", "top")],
        1.6: lambda: [d.dmsetup("clear", "top")],
        1.5: lambda: [{"ioctl": p.choice(["LIST_DEVICES", "DEV_ARM_POLL",
                                          "DEV_STATUS"]), "name": "top"}],
        1.4: lambda: [d.dmsetup("wipe_table", used)] if p.chance(30) else [],
    })
  return steps + [load("l", good), d.dmsetup("resume", "l"),
                  d.dmsetup("info", "-c"), d.dmsetup("status")]
