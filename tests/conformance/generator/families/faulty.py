# SPDX-License-Identifier: Apache-2.0
"""Legs that fail and come back below a target that has several."""

from .. import dmsetup_steps as d
from .. import guest
from ..story_steps import MAPPER, ask, create, io, swap

LEGS = 4096


def case(p):
  disks = p.sample(guest.PMEM[:4], 3)
  steps = d.stamp(disks)
  good = [f"0 {LEGS} linear {disk} 0" for disk in disks]
  half = [f"0 1024 linear {disk} 0" for disk in disks]
  bad = f"0 {LEGS} error"
  if p.chance(40):
    # flakey: up, and down with its features.
    good = [f"0 {LEGS} flakey {disk} 0 60 0" for disk in disks]
    half = [f"0 {LEGS} flakey {disk} 0 0 60 {words}" for disk, words in zip(
        disks, p.sample(["", "1 error_writes", "1 error_reads"], 3))]
  for i, table in enumerate(good):
    steps.append(create(f"l{i}", table))
  legs = [f"{MAPPER}l{i}" for i in range(3)]
  kind = p.weighted({"mirror": 7, "multipath": 5, "striped": 4, "linear": 1,
                     "raid0": 1})
  if kind == "mirror":
    log = p.choice(["core 2 128 nosync", "core 1 128",
                    f"disk 2 {legs[2]} 128", f"disk 3 {legs[2]} 128 nosync"])
    count = 2 if "disk" in log else p.randint(2, 3)
    table = (f"0 2048 mirror {log} {count} "
             f"{' '.join(f'{leg} 0' for leg in legs[:count])}" +
             # With handle_errors alone a write that fails waits for ever.
             p.choice(["", " 2 handle_errors keep_log"]))
  elif kind == "multipath":
    groups = p.choice([1, 2, 3])
    text = [f"{p.choice(['round-robin', 'queue-length', 'service-time'])} 0 "
            f"{len(legs[g::groups])} 0 {' '.join(legs[g::groups])}"
            for g in range(groups)]
    features = p.choice(["0", "2 queue_mode bio", "2 pg_init_retries 5"])
    table = f"0 2048 multipath {features} 0 {groups} 1 {' '.join(text)}"
  elif kind == "raid0":
    table = "0 3072 raid raid0 1 64 3 " + " ".join(f"- {leg}" for leg in legs)
  elif kind == "striped":
    table = f"0 3072 striped 3 16 {' '.join(f'{leg} 0' for leg in legs)}"
  else:
    table = (f"0 1024 linear {legs[0]} 0\n1024 1024 linear {legs[1]} 512\n"
             f"2048 1000 linear {legs[2]} 0")
  steps += [create("top", table), {"sleep": 1}, d.dmsetup("status", "top")]
  for _ in range(p.randint(4, 10)):
    i = p.randrange(3)
    steps += p.weighted_call({
        12: lambda: [io(p, MAPPER + "top", 2048)],
        5: lambda: swap(p, f"l{i}", p.choice([bad, bad, half[i]])),
        3: lambda: swap(p, f"l{i}", good[i]),
        4: lambda: [d.dmsetup("status", "top")],
        3.5: lambda: [ask(p, "top")],
        2: lambda: [d.dmsetup("suspend", "top"), ask(p, "top"),
                    d.dmsetup("resume", "top"), {"sleep": 1}],
        1.9: lambda: swap(p, "top", table) + [{"sleep": 1}],
        1.8: lambda: [d.dmsetup("wait", "top", 0)]
             if kind == "mirror" and p.chance(30) else [],
        1.7: lambda: [d.dmsetup("message", "top", "0", *p.choice(
            [[f"fail_path", legs[i]], ["reinstate_path", legs[i]],
             ["switch_group", "1"], ["disable_group", "1"]]))]
             if kind == "multipath" else [],
    })
    if p.chance(25):
      steps.append(d.dmsetup("status", "top"))
  return steps + [d.dmsetup("status"), d.dmsetup("info", "-c"),
                  d.dmsetup("table", "top")]
