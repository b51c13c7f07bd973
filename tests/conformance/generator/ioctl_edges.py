# SPDX-License-Identifier: Apache-2.0
"""Cases at the edges of the ioctl protocol.

Buffers that just hold a reply and that just do not, data that starts where it
may not, flags that come back, names without an end.
"""

from . import guest
from . import ioctl_steps

# Reply sizes around 305 (the struct), 312 (with its padding) and what small
# replies of one or two rows need.
SIZES = [305, 306, 311, 312, 313, 316, 319, 320, 321, 327, 328, 329, 336, 340,
         344, 351, 352, 353, 360, 365, 366, 367, 368, 369, 376, 384, 400, 408,
         416, 432, 440, 456, 480, 512, 600, 700]
STARTS = [0, 1, 40, 48, 176, 304, 305, 306, 311, 313, 316, 317, 319, 320, 328,
          336, 352, 4096, 16384, 0x7fffffff, 0x80000000, 0xfffffff8,
          0xffffffff]
ASKING = {
    "TABLE_STATUS": 6, "TABLE_DEPS": 5, "LIST_DEVICES": 5, "LIST_VERSIONS": 2,
    "GET_TARGET_VERSION": 2, "DEV_WAIT": 3, "DEV_STATUS": 3, "TARGET_MSG": 6,
    "DEV_RENAME": 5, "DEV_SET_GEOMETRY": 3, "TABLE_LOAD": 4, "DEV_SUSPEND": 4,
    "DEV_REMOVE": 2, "TABLE_CLEAR": 2, "DEV_ARM_POLL": 1, "DEV_CREATE": 3,
    "REMOVE_ALL": 1, "VERSION": 1,
}
MESSAGES = [
    "@stats_list", "@stats_create - /1", "@stats_create - /3 p a",
    "@stats_create 0+8 8 2 precise_timestamps histogram:1,2,3 prog aux",
    "@stats_print 0", "@stats_print 0 0 1", "@stats_print_clear 0",
    "@stats_clear 0", "@stats_set_aux 0 x", "@stats_delete 0", "@stats_list p",
    "@STATS_LIST", "@stats_create", "@stats_delete 7", "@cancel_deferred_remove",
    "@cancel_deferred_remove x", "hello", "", " ", "\\", "a\\ b", "@", "@ x",
]


def payload(p, command, step):
  """What lies at the data, now and then some bytes behind its start."""
  gap = p.weighted({0: 12, 1: 1, 4: 1, 5: 1, 8: 2})
  if gap:
    step["data_start"] = 312 + gap
  text = b""
  if command == "DEV_RENAME":
    text = p.choice(["d1", "d2", "d0", "U-9", "", "n" * 127, "n" * 128,
                     "control", "..", "a/b", "a b", "\x01"]).encode()
  elif command == "DEV_SET_GEOMETRY":
    text = p.choice(["1 1 1 0", "16 4 8 0", " 1  2 3 4", "1 1 1 0x", "1 1 1 -0",
                     "-1 1 1 1", "65536 256 256 0", "+1 1 1 0", "1,1,1,0",
                     "1 1 1 511", "1 1 1 513"]).encode()
  elif command == "TARGET_MSG":
    text = (p.choice([0, 0, 0, 7, 15, 16, 1 << 63]).to_bytes(8, "little") +
            p.choice(MESSAGES).encode())
  if text and not p.chance(5):
    text += b"\0"
  step["data_hex"] = (b"\0" * gap + text).hex()


def edge(p, devices):
  command = p.weighted(ASKING)
  step = {"ioctl": command}
  ioctl_steps.select(p, step)
  if p.chance(50):
    step.pop("uuid", None)
    step.pop("dev", None)
    step["name"] = p.choice(["d0", "d0", "d1"])
  if command == "TABLE_LOAD":
    step["targets"] = ioctl_steps.rows(p, devices)
    if p.chance(20):
      step["target_count"] = p.choice([0, 1, 2, 3])
  elif command == "GET_TARGET_VERSION":
    step["name"] = p.choice(["linear", "striped", "error", "zero", "nosuch"])
  elif command in ("DEV_RENAME", "DEV_SET_GEOMETRY", "TARGET_MSG"):
    payload(p, command, step)
  elif command == "LIST_DEVICES":
    step["name"] = p.choice(["", "", "d", "d1", "x"])
    step["uuid"] = p.choice(["", "", "U", "u"])
    step.pop("dev", None)
  if p.chance(45):
    step["data_size"] = p.choice(SIZES)
  if p.chance(12):
    step["data_start"] = p.choice(STARTS)
  if p.chance(45):
    step["flags"] = p.sample(ioctl_steps.FLAGS, p.randint(1, 4))
  if command in ("DEV_WAIT", "DEV_ARM_POLL"):
    step["event_nr"] = 4000000  # never the right one: does not wait
  elif p.chance(10):
    step["event_nr"] = p.choice([1, 0x400000, 0xffffffff])
  return step


def case(p):
  steps, devices = guest.devices(p)
  create = {"ioctl": "DEV_CREATE", "name": "d0"}
  if p.chance(50):
    create["uuid"] = p.choice(["U-1", "u" * 128])
  steps.append(create)
  steps.append({"ioctl": "TABLE_LOAD", "name": "d0", "targets": [
      {"start": 0, "len": 16, "type": "linear", "params": devices[0] + " 0"},
      {"start": 16, "len": 16, "type": "zero", "params": ""}]})
  if p.chance(70):
    steps.append({"ioctl": "DEV_SUSPEND", "name": "d0"})
  if p.chance(40):
    steps.append({"ioctl": "DEV_CREATE", "name": "d1", "uuid": "U-2"})
  for _ in range(p.randint(10, 22)):
    steps.append(edge(p, devices))
  steps.append({"ioctl": "LIST_DEVICES"})
  return steps
