# SPDX-License-Identifier: Apache-2.0
"""dmstats: regions that come and go, and what is counted of the I/O."""

from .. import dmsetup_steps as d
from .. import guest
from ..story_steps import MAPPER, create, io, swap

LENGTH = 2048
# Areas of one sector: what a kernel counts, and what it has memory for.
MANY = [8388608, 8388609, 1 << 40, 1 << 57, 153722867280912383, (1 << 64) - 1]


def table(p, legs):
  a, b = legs
  half = 8 * p.randint(1, LENGTH // 8 - 1)
  return p.choice([
      f"0 {LENGTH} linear {a} 0",
      f"0 {half} linear {a} 0\n{half} {LENGTH - half} linear {b} 64",
      f"0 {LENGTH} striped 2 {p.choice([8, 16, 128])} {a} 0 {b} 0",
      f"0 {LENGTH} striped 1 {p.choice([8, 12, 256])} {a} 8",
      f"0 {half} error\n{half} {LENGTH - half} linear {a} 0",
      f"0 {half} zero\n{half} {LENGTH - half} linear {a} 0",
      f"0 {LENGTH} flakey {a} 0 0 60 1 {p.choice(['drop_writes', 'error_writes'])}",
      f"0 {LENGTH} delay {a} 0 0",
      f"0 {LENGTH} crypt aes-xts-plain64 {'0f' * 32} 0 {a} 0",
      f"0 {LENGTH} mirror core 2 128 nosync 2 {a} 0 {b} 0",
      f"0 {LENGTH} snapshot {a} {b} N 8",
      f"0 {LENGTH} snapshot-origin {a}",
      f"0 {LENGTH} raid raid0 1 {p.choice([8, 64])} 2 - {a} - {b}",
      f"0 {LENGTH} switch 2 {p.choice([8, 64])} 0 {a} 0 {b} 0",
      f"0 {LENGTH} unstriped 2 {p.choice([8, 16])} 0 {a} 0",
      f"0 {LENGTH} log-writes {a} {b}",
  ])


def region(p):
  """The words of @stats_create."""
  at = p.choice([0, 8, 64, 100, LENGTH - 8, LENGTH, 1 << 40])
  where = p.weighted({"-": 4, f"{at}+{p.choice([1, 8, 64, LENGTH, 0])}": 4,
                      f"{at}": 0.3, "x+1": 0.2, f" {at}+8": 0.2,
                      f"{at}+8 ": 0.2, "-1+8": 0.2, "18446744073709551615+2":
                      0.2, f"0+{p.choice(MANY)}": 0.5})
  step = p.weighted({"/1": 3, "/3": 2, "/7": 1, "/0": 0.3, "8": 2, "64": 2,
                     "100": 1, "0": 0.3, "x": 0.2, "/4294967295": 0.3,
                     "18446744073709551615": 0.3})
  features = p.weighted({
      "": 6, "1 precise_timestamps": 1.5, "1 histogram:1,10,100": 1.5,
      "2 precise_timestamps histogram:1000,1000000": 1, "0": 0.7, "1": 0.2,
      "1 nosuch": 0.3, "1 histogram:": 0.3, "1 histogram:5,5": 0.3,
      "1 histogram:5,4": 0.2, "1 histogram:0,4": 0.3, "1 histogram:1,": 0.3,
      "2 histogram:1 histogram:2": 0.3, "1 HISTOGRAM:7": 0.3,
      "1 histogram:18446744073709551615": 0.2, "9 precise_timestamps": 0.2})
  who = p.weighted({"": 4, "prog": 3, "prog aux": 3, "- -": 0.5, "prog a b":
                    0.4, "dmstats -": 0.5})
  return " ".join(w for w in ["@stats_create", where, step, features, who] if w)


def message(p):
  i = p.choice([0, 0, 0, 1, 1, 2, 3])
  a, n = p.choice([0, 1, 2, 5]), p.choice([1, 2, 100, 0])
  return p.weighted({
      "@stats_list": 3, "@stats_list prog": 1.5, "@stats_list nosuch": 0.4,
      "@stats_list a b": 0.3, f"@stats_print {i}": 6,
      f"@stats_print {i} {a} {n}": 2, f"@stats_print {i} {a}": 0.3,
      f"@stats_print {i} - -": 0.4, f"@stats_print {i} {a} -": 0.4,
      f"@stats_print_clear {i}": 2, f"@stats_print_clear {i} {a} {n}": 1,
      f"@stats_clear {i}": 1, f"@stats_delete {i}": 1,
      f"@stats_set_aux {i} {p.choice(['new', '-', 'x y', 'a,b=c'])}": 1,
      f"@stats_delete {p.choice(['x', '-1', '4294967296', ''])}": 0.4,
      "@stats_nosuch": 0.3, "@STATS_PRINT 0": 0.3})


def case(p):
  legs = p.sample(guest.PMEM[:4], 2)
  steps = d.stamp(legs) + [create("d0", table(p, legs))]
  path = MAPPER + "d0"
  if p.chance(25):
    steps.append(create("top", f"0 {LENGTH} linear {path} 0"))
    if p.chance(60):
      path = MAPPER + "top"
  names = ["d0", "d0", path[len(MAPPER):]]
  for _ in range(p.randint(1, 3)):
    steps.append(d.dmsetup("message", p.choice(names), "0", region(p)))
  for _ in range(p.randint(4, 9)):
    if p.chance(50):
      steps.append(io(p, path, LENGTH))
    elif p.chance(8):
      steps += swap(p, "d0", table(p, legs))
    elif p.chance(10):
      steps.append(d.dmsetup("message", p.choice(names), "0", region(p)))
    else:
      steps.append(d.dmsetup("message", p.choice(names), "0", message(p)))
  return steps + [d.dmsetup("message", "d0", "0", "@stats_list"),
                  d.dmsetup("message", "d0", "0", "@stats_print 0")]
