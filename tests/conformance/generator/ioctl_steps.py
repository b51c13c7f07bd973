# SPDX-License-Identifier: Apache-2.0
"""Cases of raw ioctls: every command, with fields that fit and that do not."""

from . import guest
from . import tables
from . import targets

COMMANDS = {
    "DEV_CREATE": 8, "TABLE_LOAD": 10, "DEV_SUSPEND": 9, "DEV_STATUS": 4,
    "TABLE_STATUS": 6, "TABLE_DEPS": 3, "LIST_DEVICES": 3, "DEV_RENAME": 4,
    "DEV_REMOVE": 3, "TABLE_CLEAR": 2, "TARGET_MSG": 3, "REMOVE_ALL": 1,
    "DEV_SET_GEOMETRY": 2, "VERSION": 1, "DEV_WAIT": 1, "DEV_ARM_POLL": 1,
    "GET_TARGET_VERSION": 1, "LIST_VERSIONS": 1,
}
FLAGS = ["readonly", "suspend", "persistent_dev", "status_table",
         "active_present", "inactive_present", "buffer_full", "skip_bdget",
         "skip_lockfs", "noflush", "query_inactive", "uevent_generated",
         "uuid", "secure_data", "data_out", "deferred_remove",
         "internal_suspend", "ima"]
NAMES = ["d0", "d0", "d0", "d1", "", "a/b", "x" * 127, "d" * 128, "\u00e9"]
UUIDS = ["", "", "", "U-1", "U-2", "u" * 128, "u" * 129]


def dev_number(minor):
  """huge_encode_dev() of 254:minor."""
  return (minor & 0xff) | (254 << 8) | ((minor & ~0xff) << 12)


def rows(p, devices):
  """Target specs of TABLE_LOAD."""
  specs, start = [], 0
  for _ in range(p.weighted({1: 8, 2: 3, 3: 1, 0: 1})):
    length = p.sectors()
    line = tables.row(p, start, length, targets.SIMPLE, devices, 0)
    words = line.split(" ", 3)
    params = words[3] if len(words) > 3 else ""
    if p.chance(15):
      params = " ".join(p.spoil(params.split()))
    spec = {"start": start, "len": length, "type": words[2],
            "params": params}
    if p.chance(10):
      odd(p, spec)
    specs.append(spec)
    start += length
  return specs


def odd(p, spec):
  """One oddity that only bytes can say."""
  what = p.choice(["next", "no_nul", "start", "len", "type", "space"])
  if what == "next":
    spec["next"] = p.choice([0, 1, 8, 39, 40, 44, 4096, 0x7fffffff,
                             0xfffffff8, 0xffffffff])
  elif what == "no_nul":
    spec["no_nul"] = True
  elif what == "start":
    spec["start"] = p.choice([1, 8, (1 << 54), (1 << 64) - 8])
  elif what == "len":
    spec["len"] = p.choice([0, 1 << 54, (1 << 63), (1 << 64) - 1])
  elif what == "type":
    spec["type"] = p.choice(["", "x", "linear ", "t" * 16, "striped\t"])
  else:
    spec["params"] = p.choice([" ", "\t", "\\", "\\ ", "\u00a0", "\n"]).join(
        [""] + spec["params"].split())


def select(p, step):
  """How the step says which device it is about."""
  how = p.weighted({"name": 16, "uuid": 3, "dev": 3, "both": 1,
                    "name+dev": 1, "none": 1})
  if "name" in how or how == "both":
    step["name"] = p.choice(NAMES)
  if how in ("uuid", "both"):
    step["uuid"] = p.choice(UUIDS)
  if "dev" in how:
    step["dev"] = p.choice([dev_number(0), dev_number(1), dev_number(300),
                            259 << 8, 1])


def data_for(p, command, step):
  if command == "DEV_RENAME":
    step["data"] = p.choice(["d1", "d2", "d0", "", "a/b", "U-9", "n" * 127,
                             "n" * 128, "n" * 129])
    if p.chance(30):
      step["flags"] = ["uuid"]
  elif command == "TARGET_MSG":
    sector = p.choice([0, 0, 8, 1 << 40, (1 << 64) - 1])
    text = p.choice([b"hello\0", b"\0", b"", b"@cancel_deferred_remove\0",
                     b"a b  c\0", b"no nul", b" \0", b"@x\0"])
    step["data_hex"] = (sector.to_bytes(8, "little") + text).hex()
  elif command == "DEV_SET_GEOMETRY":
    step["data"] = p.choice(["1 1 1 0", "65535 255 255 0", "65536 1 1 0",
                             "1 256 1 0", "1 1 256 0", "1 1 1", "x", "",
                             "1 1 1 2", "0 0 0 0", "1 1 1 0 5",
                             "1 1 1 99999999999999999999"])
  elif command == "GET_TARGET_VERSION":
    step["name"] = p.choice(["linear", "striped", "nosuch", "", "Linear"])


def ioctl(p, devices):
  command = p.weighted(COMMANDS)
  if p.chance(2):
    return {"ioctl": p.choice([18, 19, 100, 255])}
  step = {"ioctl": command}
  select(p, step)
  if command == "DEV_CREATE":
    step["name"] = p.choice(NAMES)
    if p.chance(25):
      step["uuid"] = p.choice(UUIDS)
  if command == "TABLE_LOAD":
    step["targets"] = rows(p, devices)
    if p.chance(8):
      step["target_count"] = p.choice([0, 1, 2, 5, 0xffffffff])
  data_for(p, command, step)
  if command == "DEV_SUSPEND" and p.chance(35):
    step["flags"] = ["suspend"]
  if command == "TABLE_STATUS" and p.chance(60):
    step["flags"] = ["status_table"]
  if p.chance(25):
    step["flags"] = step.get("flags", []) + p.sample(FLAGS, p.randint(1, 3))
  if command in ("DEV_WAIT", "DEV_ARM_POLL"):
    step["event_nr"] = 4000000  # never the right one: does not wait
  header(p, step)
  return step


def header(p, step):
  """Sizes and versions that are not what they should be."""
  if p.chance(6):
    # Not above what the recording program has allocated.
    step["data_size"] = p.choice([0, 1, 304, 305, 306, 312, 313, 320, 352,
                                  400, 512, 4096])
  if p.chance(3):
    step["data_start"] = p.choice([0, 304, 305, 308, 320, 4096, 16000])
  if p.chance(3):
    step["version"] = p.choice([[4, 0, 1], [4, 99, 0], [5, 0, 0], [3, 0, 0],
                                [4, 47, 0], [4, 48, 99]])


def case(p):
  steps, devices = guest.devices(p)
  steps.append({"ioctl": "DEV_CREATE", "name": "d0"})
  if p.chance(70):
    steps.append({"ioctl": "TABLE_LOAD", "name": "d0",
                  "targets": rows(p, devices)})
  for _ in range(p.randint(4, 14)):
    steps.append(ioctl(p, devices))
  steps.append({"ioctl": "LIST_DEVICES"})
  return steps
