# SPDX-License-Identifier: Apache-2.0
"""Statistics of regions, and the I/O that they count."""

from .. import dmsetup_steps as d
from .. import guest
from ..story_steps import MAPPER, create, io, swap


def case(p):
  disk = p.choice(guest.PMEM[:4])
  steps = d.stamp([disk])
  steps += [create("low", f"0 4096 linear {disk} 0"),
            create("top", f"0 2048 striped 2 16 {MAPPER}low 0 {MAPPER}low 2048")]

  for _ in range(p.randint(5, 14)):
    name = p.choice(["low", "top"])
    region = p.choice([0, 0, 1, 2, 7, "x", ""])
    text = p.weighted({
        f"@stats_create {p.choice(['-', '0+512', '512+64', '100+1', '4000+200', 'x', '-1'])} "
        f"{p.choice(['/1', '/4', '64', '16', '1000', '/0', 'x', '0'])}"
        f"{p.choice(['', '', ' prog', ' prog aux', ' 1 precise_timestamps', ' 1 histogram:1,2,5', ' 2 precise_timestamps histogram:100'])}": 8,
        "@stats_list": 3, "@stats_list prog": 1,
        f"@stats_delete {region}": 2, f"@stats_clear {region}": 2,
        f"@stats_print {region}": 5, f"@stats_print_clear {region}": 3,
        f"@stats_print {region} 0 1": 1, f"@stats_print {region} 1 9": 1,
        f"@stats_set_aux {region} {p.choice(['-', 'a', ''])}": 1,
        "@stats_nope": 0.5, "@stats_create": 0.5})
    steps += p.weighted_call({
        10: lambda: [d.dmsetup("message", name, "0", *text.split())],
        8: lambda: [io(p, MAPPER + name, 2048)],
        1: lambda: swap(p, name, f"0 {p.choice([2048, 1024])} linear {disk} 8"),
    })
  return steps + [d.dmsetup("message", "top", "0", "@stats_list"),
                  d.dmsetup("message", "low", "0", "@stats_list")]
