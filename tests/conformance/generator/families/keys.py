# SPDX-License-Identifier: Apache-2.0
"""crypt: keys that go and come, and what is read meanwhile."""

from .. import dmsetup_steps as d
from .. import guest
from ..story_steps import MAPPER, create, load


def case(p):
  disk = p.choice(guest.PMEM[:4])
  steps = d.stamp([disk])
  size = p.choice([16, 32, 64])
  cipher = p.choice(["aes-xts-plain64", "aes-xts-plain64", "aes-cbc-essiv:sha256",
                     "aes-cbc-plain", "aes-ecb", "cipher_null-ecb",
                     "capi:xts(aes)-plain64", "aes-xts-plain64be",
                     "aes-cbc-null", "aes-ctr-plain64"])
  if "null" in cipher and "ecb" in cipher:
    key = lambda: "-"
  else:
    key = lambda: p.choice(["0f", "a5", "00"]) * size
  options = p.choice(["", "", " 1 sector_size:4096", " 1 allow_discards",
                      " 2 sector_size:4096 iv_large_sectors",
                      " 1 no_read_workqueue", " 2 same_cpu_crypt "
                      "submit_from_crypt_cpus"])
  table = lambda: (f"0 2048 crypt {cipher} {key()} {p.choice([0, 0, 1, 8])} "
                   f"{disk} 0{options}")
  steps.append(create("c", table()))
  suspended = False
  for _ in range(p.randint(4, 12)):
    kind = p.weighted({"io": 8, "suspend": 4, "resume": 4, "wipe": 3, "set": 4,
                       "ask": 6, "load": 2, "odd": 2, "above": 1})
    if kind == "io":
      steps += [] if suspended else [p.weighted({
          "r": 3, "w": 3, "low": 1, "where": 1})]
      if steps and isinstance(steps[-1], str):
        what = steps.pop()
        at = 8 * p.randrange(64)
        steps.append({
            "r": {"pread": MAPPER + "c", "off": at * 512, "bytes": 4096},
            "w": {"pwrite": MAPPER + "c", "off": at * 512, "bytes": 4096},
            "low": {"pread": disk, "off": at * 512, "bytes": 4096},
            "where": {"whereis": MAPPER + "c", "sectors": [at]}}[what])
    elif kind == "suspend":
      steps.append(d.dmsetup("suspend", "c"))
      suspended = True
    elif kind == "resume":
      steps.append(d.dmsetup("resume", "c"))
      suspended = False
    elif kind == "wipe":
      steps.append(d.dmsetup("message", "c", "0", *p.choice(
          [["key", "wipe"], ["key wipe"], ["key", "wipe", "x"]])))
    elif kind == "set":
      steps.append(d.dmsetup("message", "c", "0", "key", "set", p.choice(
          [key(), key(), "00", "-", "zz" * size, key() + "0"])))
    elif kind == "load":
      steps.append(load("c", table()))
    elif kind == "odd":
      steps.append(d.dmsetup("message", "c", "0", p.choice(
          ["key", "key set", "KEY wipe", "key drop", "hello"])))
    elif kind == "above":
      steps += [create("n", f"0 1024 linear {MAPPER}c 0"),
                d.dmsetup("remove", "n")]
    if kind == "ask" or p.chance(20):
      steps.append(d.dmsetup(*p.choice([
          ["table", "c"], ["table", "--showkeys", "c"], ["status", "c"],
          ["table", "--inactive", "--showkeys", "c"], ["info", "c"]])))
  return steps + [d.dmsetup("resume", "c"),
                  d.dmsetup("table", "--showkeys", "c"),
                  d.dmsetup("status", "c")]
