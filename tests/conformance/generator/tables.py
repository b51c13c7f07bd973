# SPDX-License-Identifier: Apache-2.0
"""Table text: rows that adjoin, or nearly."""

from . import targets


def row(p, start, length, kinds, devices, broken):
  """One line; `broken` is the chance in percent of a fault in it."""
  make = p.weighted(kinds)
  kind = targets.type_name(make)
  words = list(make(p, devices, length))
  begin, size = str(start), str(length)
  if p.chance(broken):
    what = p.weighted({"params": 12, "type": 1, "start": 1, "length": 1})
    if what == "params":
      words = p.spoil(words)
    elif what == "type":
      kind = p.choice(["nosuch", "Linear", "linear2", "lin-ear", "linea",
                       "snapshot-merge", "a" * 15, "a" * 16, "a" * 17])
    elif what == "start":
      begin = str(start + p.choice([-1, 1, 8]))
    else:
      size = p.choice(["0", "-1", str(1 << 54), str(length - 1), "x"])
  return " ".join([begin, size, kind] + words)


def table(p, kinds, devices, broken=12, rows=None):
  """Text of a table of a few rows, and its length in sectors."""
  rows = rows or p.weighted({1: 10, 2: 4, 3: 3, 4: 1, 6: 1})
  lines, start = [], 0
  for _ in range(rows):
    length = p.sectors()
    lines.append(row(p, start, length, kinds, devices, broken))
    start += length
  return "\n".join(lines) + "\n", start
