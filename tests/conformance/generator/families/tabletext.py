# SPDX-License-Identifier: Apache-2.0
"""The text of tables: what scripts and editors make of them."""

from .. import dmsetup_steps as d
from .. import guest

NUMBERS = ["8", "08", "0x8", "+8", "-8", "8.0", "1e1", "8k", "0", "00",
           "18446744073709551615", "18446744073709551616", "18446744073709551624",
           "99999999999999999999999", "9007199254740992", "36028797018963967",
           "36028797018963968", "", "x", "8,", "0b1", "\u0663"]


def line(p, start, length, disk):
  kind = p.choice(["linear", "linear", "linear", "zero", "error", "striped"])
  words = {"linear": [disk, str(8 * p.randint(0, 9))],
           "striped": ["1", "8", disk, "0"]}.get(kind, [])
  begin, size = str(start), str(length)
  if p.chance(18):
    begin = p.choice(NUMBERS)
  if p.chance(18):
    size = p.choice(NUMBERS)
  if words and p.chance(15):
    words[-1] = p.choice(NUMBERS)
  if p.chance(8):
    words.insert(p.randint(0, len(words)), p.choice(["", "#", "extra", "\\ "]))
  fields = [begin, size, kind] + words
  if p.chance(6):
    fields = fields[:p.randint(0, 3)]
  return p.choice([" ", " ", " ", "  ", "\t", " \t "]).join(fields)


def table(p, disk):
  lines, start = [], 0
  for _ in range(p.weighted({1: 5, 2: 4, 3: 2, 0: 0.5})):
    length = 8 * p.randint(1, 64)
    lines.append(line(p, start, length, disk))
    start += length + p.weighted({0: 12, 8: 1, -8: 1})
  if p.chance(25):
    lines.insert(p.randint(0, len(lines)), p.choice(
        ["# a comment", "#", "", " ", "\t", "  # indented", "0 8", "d0:",
         "d0: 0 8 zero", "a" * 300, "0 8 zero # behind", "\\"]))
  if p.chance(10):
    lines = [p.choice([" ", "\t", "  "]) + one for one in lines]
  if p.chance(10):
    lines = [one + p.choice([" ", "\t", "\r", " #c", "#c"]) for one in lines]
  if p.chance(8):
    p.shuffle(lines)
  return "\n".join(lines) + p.weighted({"\n": 10, "": 3, "\n\n": 1, "\r\n": 1})


def concise(p, disk):
  """NAME,UUID,MINOR,FLAGS,TABLE[,TABLE...][;...]"""
  devices = []
  for i in range(p.weighted({1: 4, 2: 3, 3: 1})):
    name = p.choice([f"c{i}", f"c{i}", "c\\,x", "c\\;y", "", "c 1", "c/1"])
    uuid = p.choice(["", "", f"U-{i}", "u\\,u", "U-0"])
    minor = p.choice(["", "", "", "5", "x", "1048576", "-1"])
    flags = p.choice(["rw", "ro", "", "rw", "x", "RO"])
    rows = [line(p, 0, 16, disk)]
    if p.chance(25):
      rows.append(line(p, 16, 16, disk))
    fields = [name, uuid, minor, flags] + rows
    if p.chance(12):
      fields = fields[:p.randint(1, 4)]
    devices.append(p.choice([",", ",", ",", ", ", " ,"]).join(fields))
  return p.choice([";", ";", "; ", "\n"]).join(devices) + p.choice(["", "", ";"])


def case(p):
  disk = p.choice(guest.PMEM[:4])
  steps, made = [], 0
  for _ in range(p.randint(3, 7)):
    name = f"d{made}"
    kind = p.weighted({"stdin": 6, "table": 3, "load": 3, "concise": 2.5,
                       "concise stdin": 1})
    text = table(p, disk)
    if kind == "stdin":
      steps.append(d.dmsetup("create", name, stdin=text))
      made += 1
    elif kind == "table":
      steps.append(d.dmsetup("create", name, "--table", text.rstrip("\n")))
      made += 1
    elif kind == "load":
      steps.append(d.dmsetup("load", "d0", stdin=text))
    elif kind == "concise":
      steps.append(d.dmsetup("create", "--concise", concise(p, disk)))
    else:
      steps.append(d.dmsetup("create", "--concise", stdin=concise(p, disk)))
    steps.append(p.choice([d.dmsetup("table"), d.dmsetup("table", "--inactive"),
                           d.dmsetup("table", "--concise"),
                           d.dmsetup("info", "-c")]))
  return steps + [d.dmsetup("table"), d.dmsetup("table", "--concise"),
                  d.dmsetup("info")]
