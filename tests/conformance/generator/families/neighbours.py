# SPDX-License-Identifier: Apache-2.0
"""What lies beside the recorded cases: one of them with something changed.

The recordings ask what somebody thought of; an answer that was learnt by heart
is wrong one step beside.  A number, a word, a device, a step or a target is
another's here; of a mapping, the stack, the file system, the file and what is
done to it come from different cases.
"""

import copy
import glob
import json
import os

from .. import guest
from .. import pick

CORPUS = os.path.join(os.path.dirname(os.path.realpath(__file__)),
                      "../../corpus/*.cases.jsonl")
DEVICES = guest.PMEM[:4] + [guest.RAW] + guest.RAM
# Kernels crash on writecache in pmem mode over what is no DAX, and files of
# these sizes do not fit the guest's patience.
LEFT_OUT = ("65TiB", "lvm")


def recorded():
  """The cases of the corpus by their kind and their file."""
  found = {}
  for path in sorted(glob.glob(CORPUS)):
    name = os.path.basename(path).split(".")[0]
    if name.startswith("mount") or name.startswith("advise"):
      name = "mount"
    with open(path) as lines:
      for case in map(json.loads, lines):
        if case.get("reboot") or any(w in case["id"] for w in LEFT_OUT):
          continue
        if case.get("steps") or case.get("maps"):
          found.setdefault((case["kind"], name), []).append(case)
  return found


RECORDED = recorded()


def lines_of(step):
  return step["stdin"].split("\n") if "stdin" in step else []


def words_by_target():
  """The words that a target's lines have, by its name; and its messages."""
  words = {}
  for (kind, _), cases in RECORDED.items():
    if kind != "table":
      continue
    for case in cases:
      for step in case["steps"]:
        for line in lines_of(step):
          parts = line.split()
          if len(parts) > 2:
            words.setdefault(parts[2], set()).update(parts[3:])
  return {target: sorted(all_words) for target, all_words in words.items()}


WORDS = words_by_target()


def number(p, word):
  value = int(word)
  near = [value + 1, value - 1, value * 2, value // 2, value + 8, value + 7,
          0, 1]
  return p.choice(pick.ODD_NUMBERS) if p.chance(25) else str(p.choice(near))


def other_device(p, word):
  """Another device for this one, or what is none."""
  if p.chance(15):
    return p.choice(pick.ODD_DEVICES)
  return p.choice([d for d in DEVICES if d != word])


def changed_line(p, line):
  """A line of a table with one thing changed."""
  words = line.split()
  if len(words) < 3:
    return line
  numbers = [i for i, w in enumerate(words) if w.isdigit() and i > 0]
  devices = [i for i, w in enumerate(words) if w.startswith("/dev/")]
  how = p.weighted({"number": 6, "device": 3, "word": 4, "add": 3, "spoil": 2})
  if how == "number" and numbers:
    i = p.choice(numbers)
    words[i] = number(p, words[i])
  elif how == "device" and devices:
    i = p.choice(devices)
    words[i] = other_device(p, words[i])
  elif how in ("word", "add") and WORDS.get(words[2]):
    other = p.choice(WORDS[words[2]])
    i = p.randint(3, len(words))
    words[i:i + (how == "word")] = [other]
  else:
    words[3:] = p.spoil(words[3:])
  return " ".join(words)


def change_table(p, steps):
  """One line of one table is another."""
  have = [s for s in steps if lines_of(s)]
  if not have:
    return
  step = p.choice(have)
  lines = lines_of(step)
  full = [i for i, line in enumerate(lines) if line.strip()]
  if full:
    i = p.choice(full)
    lines[i] = changed_line(p, lines[i])
    step["stdin"] = "\n".join(lines)


def change_number(p, steps):
  """One number of a message, of an I/O or of a raw ioctl is another."""
  places = []
  for step in steps:
    for key in ("off", "bytes", "mib", "bs", "target_count", "data_size", "dev"):
      if isinstance(step.get(key), int):
        places.append((step, key))
    for target in step.get("targets", []):
      places += [(target, "start"), (target, "len")]
    args = step.get("dmsetup", [])
    places += [(args, i) for i, w in enumerate(args) if i and w.isdigit()]
  if not places:
    change_table(p, steps)
    return
  where, key = p.choice(places)
  old = where[key]
  if key == "bs":
    where[key] = p.choice([512, 1024, 2048, 4096])
  elif key == "mib":
    where[key] = p.choice([1, 2, 8, 16, 64])
  elif key in ("off", "bytes"):
    where[key] = max(512, old + p.choice([512, -512, 4096, old]) // 512 * 512)
  elif isinstance(old, int):
    where[key] = max(0, p.choice([old + 1, old - 1, old * 2, old + 8, 0]))
  else:
    where[key] = number(p, old)


def names(steps):
  found = []
  for step in steps:
    args = step.get("dmsetup", [])
    if len(args) > 1 and args[0] == "create" and not args[1].startswith("-"):
      found.append(args[1])
  return found or ["d0"]


def a_step(p, steps):
  """Something more that is done to one of the devices."""
  name = p.choice(names(steps))
  loads = [s["stdin"] for s in steps if lines_of(s)]
  return p.choice([
      {"dmsetup": ["suspend", name]}, {"dmsetup": ["resume", name]},
      {"dmsetup": ["suspend", "--noflush", name]},
      {"dmsetup": ["suspend", "--nolockfs", name]},
      {"dmsetup": ["clear", name]}, {"dmsetup": ["deps", name]},
      {"dmsetup": ["remove", name]}, {"dmsetup": ["wipe_table", name]},
      {"dmsetup": ["rename", name, "r9"]}, {"dmsetup": ["table", "--inactive", name]},
      {"dmsetup": ["status", "--noflush", name]}, {"dmsetup": ["table", "--showkeys", name]},
      {"dmsetup": ["message", name, "0", p.choice(["", "x", "flush", "@stats_list", "help"])]},
      {"dmsetup": ["info", "-c", name]}, {"dmsetup": ["ls", "--tree"]},
      {"dmsetup": ["ls", "--target", p.choice(["linear", "striped", "zero"])]},
      {"dmsetup": ["load", name], "stdin": p.choice(loads or ["0 8 zero\n"])},
      {"dmsetup": ["reload", name, "--readonly"], "stdin": p.choice(loads or ["0 8 zero\n"])},
      {"pread": "/dev/mapper/" + name, "off": 0, "bytes": 4096},
      {"pwrite": "/dev/mapper/" + name, "off": 4096, "bytes": 4096},
  ])


def stays_suspended(steps):
  """Whether an I/O of these steps would wait for ever."""
  asleep = set()
  for step in steps:
    args = [w for w in step.get("dmsetup", []) if not w.startswith("-")]
    if args[:1] == ["suspend"]:
      asleep.add("any")
    elif args[:1] in (["resume"], ["remove"], ["remove_all"]):
      asleep.discard("any")
    elif asleep and ("pread" in step or "pwrite" in step or "whereis" in step
                     or "stamp" in step or "exec" in step or "mkfs" in step):
      return True
  return False


def change_steps(p, steps):
  how = p.weighted({"drop": 2, "repeat": 2, "swap": 2, "more": 6})
  i = p.randrange(len(steps))
  if how == "drop" and len(steps) > 2:
    steps.pop(i)
  elif how == "repeat":
    steps.insert(i, copy.deepcopy(steps[i]))
  elif how == "swap" and i:
    steps[i - 1], steps[i] = steps[i], steps[i - 1]
  else:
    steps.insert(p.randint(1, len(steps)), a_step(p, steps))


def follow(p, steps):
  """Steps of another case go on where these end."""
  steps += copy.deepcopy(some(p, "table")["steps"])


def some(p, kind, fits=lambda case: True):
  """A case of this kind, as often as not of the file that is named so."""
  files = [n for k, n in sorted(RECORDED)
           if k == kind and any(map(fits, RECORDED[k, n]))]
  name = p.weighted({n: 8 if n == kind else 4 if n == "rules" else
                        8 / len(files) for n in files})
  return p.choice(list(filter(fits, RECORDED[kind, name])))


def table(p):
  while True:
    case = copy.deepcopy(some(p, "table"))
    steps = case["steps"]
    for _ in range(p.randint(1, 3)):
      p.weighted({change_table: 8, change_number: 3, change_steps: 5,
                  follow: 1})(p, steps)
    for name in sorted(set(names(steps)))[:3]:
      steps += [{"dmsetup": [word, name]} for word in ("table", "status", "info")]
    text = json.dumps(steps)
    if "writecache p" not in text and not stays_suspended(steps):
      break
  made = {"kind": "table", "steps": steps}
  made.update({k: case[k] for k in ("reset_ns", "timeout") if k in case})
  return made


# What of a case makes the stack, the file system, the file.
STACK = ("pre", "dm", "after_dm", "dev", "reset_ns", "post")
FILE_SYSTEM = ("fs", "mkfs", "mount")


def change_touches(p, maps, others):
  """Touches at other places, more of them, other flags."""
  what = p.choice(maps)
  touches = what.get("touch", [])
  how = p.weighted({"place": 4, "kind": 3, "more": 5, "flags": 3, "prot": 1,
                    "where": 2, "swap": 2})
  if how == "more":
    more = [t for m in others for t in m.get("touch", []) if t[0] != "t"]
    if more:
      touches.insert(p.randint(0, len(touches)), p.choice(more))
  elif how == "flags":
    what["flags"] = p.choice(["shared", "private", "validate,sync",
                              "shared,populate", "private,populate"])
  elif how == "prot":
    what["prot"] = p.choice(["r", "w", "rw", "n", "rx", "rwx"])
  elif how == "where":
    key = p.choice(["off", "len", "addr_off", "align"])
    what[key] = {"off": p.choice([0, 4096, 1 << 20, 1 << 21]),
                 "len": p.choice([4096, 1 << 20, 1 << 21, 3 << 20, 8 << 20]),
                 "addr_off": p.choice([4096, 1 << 20]), "align": 0}[key]
  elif touches:
    i = p.randrange(len(touches))
    kind, at, rest = touches[i].partition("@")
    if how == "swap":
      j = p.randrange(len(touches))
      touches[i], touches[j] = touches[j], touches[i]
    elif how == "place" and rest.split(":")[0].isdigit():
      offset, colon, length = rest.partition(":")
      offset = max(0, int(offset) + p.choice(
          [4096, -4096, 1 << 20, 1 << 21, -(1 << 21)]))
      touches[i] = f"{kind}@{offset}{colon}{length}"
    elif how == "kind" and kind in ("r", "w", "tr", "tw"):
      touches[i] = kind[:-1] + ("w" if kind[-1] == "r" else "r") + at + rest


def sectors(case):
  """How long the device below the file system is; None: the table says not."""
  for dm in reversed(case.get("dm", [])):
    rows = dm["table"].strip().split("\n")
    words = rows[-1].split()
    if case["dev"].endswith("/" + dm["name"]) and len(words) > 2:
      return int(words[0]) + int(words[1])
  return None


def mapping(p, kind="fsdax"):
  """A stack, a file system, a file and a mapping of different cases."""
  on_device = lambda case: "dev" in case
  stack, system, files = [
      some(p, "fsdax" if kind == "trace" and p.chance(60) else kind, on_device)
      for _ in range(3)]
  maps = some(p, kind, on_device)
  same = p.randrange(16)
  # At least two of the four are one case's.
  stack = maps if same & 1 else stack
  system = stack if same & 2 or system["fs"] == "xfs" and (
      (sectors(stack) or 0) < 700000) else system
  files = maps if same & 4 else files
  made = {"kind": kind}
  made.update({k: stack[k] for k in STACK if k in stack})
  made.update({k: system[k] for k in FILE_SYSTEM if k in system})
  made["ops"] = files.get("ops", [])
  made["maps"] = maps["maps"]
  made = copy.deepcopy(made)
  made.pop("post", None)
  if kind == "trace":
    made["maps"] = made["maps"][:1]
  for _ in range(p.randint(0, 3)):
    change_touches(p, made["maps"], some(p, kind, on_device)["maps"])
  return made


def device(p):
  """device-dax: a namespace of one case, mappings of another."""
  resets = lambda case: "reset_ns" in case
  case, other = [copy.deepcopy(some(p, "devdax", resets)) for _ in range(2)]
  path = case["maps"][0]["file"]
  if p.chance(60):
    case["maps"] = other["maps"]
    for what in case["maps"]:
      what["file"] = path
  for _ in range(p.randint(1, 3)):
    change_touches(p, case["maps"], other["maps"])
  return {k: case[k] for k in ("kind", "pre", "maps", "reset_ns", "post")
          if k in case}


KINDS = {
    "neighbours": table,
    "neighbours-fsdax": mapping,
    "neighbours-devdax": device,
    "neighbours-trace": lambda p: mapping(p, "trace"),
}
