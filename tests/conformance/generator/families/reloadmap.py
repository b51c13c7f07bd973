# SPDX-License-Identifier: Apache-2.0
"""Tables replaced, suspended and removed under a mapped file."""

from .. import fsdax_case


def reload(p, dm):
  """One shell line that does something to a device below the file."""
  below = p.choice(dm)
  name, table = below["name"], below["table"]
  moved = table
  words = table.split("\n")[0].split(" ")
  if words[2] == "linear" and "\n" not in table:
    start = int(words[4]) + p.choice([8, 4096, 2048, -8, 0])
    moved = " ".join(words[:4] + [str(max(start, 0))])
  length = sum(int(line.split()[1]) for line in table.split("\n"))
  new = p.weighted({moved: 6, table: 3, f"0 {length} error": 2,
                    f"0 {length} zero": 1}).replace("\n", "\\n")
  load = f"printf '{new}\\n' | dmsetup load {name}"
  if "\\n" not in new:
    load = f"echo '{new}' | dmsetup load {name}"
  return p.weighted({
      f"dmsetup suspend {name} && {load} && dmsetup resume {name}": 5,
      f"dmsetup suspend --noflush {name} && {load} && dmsetup resume {name}": 2,
      f"dmsetup suspend --nolockfs {name} && {load} && dmsetup resume {name}": 2,
      f"{load} && dmsetup resume {name}": 4,
      f"dmsetup suspend {name} && dmsetup resume {name}": 2,
      f"dmsetup wipe_table {name}": 1,
      f"dmsetup clear {name}": 1,
      f"dmsetup remove {name}": 2,
      f"dmsetup rename {name} {name}x && dmsetup rename {name}x {name}": 1,
  })


def case(p):
  made = fsdax_case.case(p)
  # A line of several rows needs printf, which the guest's shell has and the
  # runner's has not.
  one_row = [dm for dm in made["dm"] if "\n" not in dm["table"]]
  if not one_row:
    return {"kind": "fsdax", **made}
  for mapping in made["maps"]:
    touches = mapping["touch"]
    for _ in range(p.randint(1, 3)):
      at = p.randint(1, len(touches))
      touches.insert(at, "sh:" + reload(p, one_row))
  return {"kind": "fsdax", **made}
