# SPDX-License-Identifier: Apache-2.0
"""What cryptsetup asks for: LUKS volumes that open, sleep, grow, are
reencrypted through a hot zone and close."""

from .. import dmsetup_steps as d
from .. import guest
from ..story_steps import MAPPER, ask, create, io, load

SIZE, OFFSET = 4096, 512
UUID = "0123456789abcdef0123456789abcdef"
KEYS = ["0f" * 64, "a5" * 64]


class Volume:
  def __init__(self, p, disk):
    self.p, self.disk, self.size = p, disk, SIZE
    self.keyring = p.chance(35)
    self.key = p.choice(KEYS)
    # The guest keeps keys from one case to the next.
    self.name = "cryptsetup:%032x-d0" % p.getrandbits(128)
    self.options = p.choice(
        ["", "", " 1 allow_discards", " 2 allow_discards same_cpu_crypt",
         " 2 no_read_workqueue no_write_workqueue", " 1 sector_size:4096",
         " 2 sector_size:4096 iv_large_sectors", " 1 high_priority"])

  def keyword(self, key=None):
    return f":64:logon:{self.name}" if self.keyring else key or self.key

  def row(self, start, length, key=None, iv=None):
    iv = start if iv is None else iv
    return (f"{start} {length} crypt aes-xts-plain64 {self.keyword(key)} {iv} "
            f"{self.disk} {OFFSET + start}{self.options}")

  def table(self):
    return self.row(0, self.size)


def reencrypt(p, v):
  """The hot zone: what is behind it is new, what is before it still old."""
  at = 8 * p.randint(1, v.size // 16)
  zone = 8 * p.randint(1, 32)
  if at + zone >= v.size:
    zone = 8
  other = [k for k in KEYS if k != v.key][0]
  overlay = (f"0 {at} linear {MAPPER}luks-cf 0\n{at} {v.size - at} linear "
             f"{MAPPER}luks-cr 0".replace("luks-cr 0", f"luks-cr {at}"))
  steps = [create("luks-cf", v.row(0, v.size, other)),
           create("luks-cr", v.row(0, v.size)),
           d.dmsetup("suspend", "luks"),
           load("luks", overlay, *p.choice([[], ["--readonly"]])),
           d.dmsetup("resume", "luks"), d.dmsetup("table"), d.dmsetup("deps")]
  steps += [io(p, MAPPER + "luks", v.size) for _ in range(p.randint(1, 3))]
  moved = (f"0 {at + zone} linear {MAPPER}luks-cf 0\n{at + zone} "
           f"{v.size - at - zone} linear {MAPPER}luks-cr {at + zone}")
  steps += p.choice([[], [d.dmsetup("suspend", "--noflush", "luks")]])
  steps += [load("luks", moved), d.dmsetup("resume", "luks"), ask(p, "luks")]
  steps += [d.dmsetup("remove", p.choice(["luks-cf", "luks-cr"])),
            load("luks", v.row(0, v.size, other)), d.dmsetup("resume", "luks"),
            d.dmsetup("remove", "luks-cf"), d.dmsetup("remove", "luks-cr")]
  return steps


def integrity_below(p, disk):
  """LUKS2 with authentication: crypt over integrity."""
  tag = p.choice([16, 32, 48])
  mode = p.choice("JJDB")
  return [
      {"exec": ["dd", "if=/dev/zero", f"of={disk}", "bs=4096", "count=64"]},
      create("luks_dif", f"0 8 integrity {disk} 0 {tag} {mode} "
             f"{p.choice(['0', '1 journal_sectors:64', '1 block_size:4096'])}",
             "-u", f"CRYPT-SUBDEV-{UUID}-luks_dif"),
      d.dmsetup("status", "luks_dif"), d.dmsetup("table", "luks_dif"),
      d.dmsetup("remove", p.choice(["--deferred", "--retry"]), "luks_dif"),
      create("luks_dif", f"0 {SIZE} integrity {disk} 0 {tag} {mode} 0"),
      create("auth", f"0 {SIZE} crypt "
             f"{p.choice(['aes-gcm-random', 'capi:gcm(aes)-random'])} "
             f"{'0f' * 32} 0 {MAPPER}luks_dif 0 1 integrity:{tag}:aead"),
      d.dmsetup("table", "auth"), d.dmsetup("deps", "auth")]


def case(p):
  disk = p.choice(guest.PMEM[:4])
  v = Volume(p, disk)
  steps = d.stamp([disk])
  if v.keyring and p.chance(85):
    steps.append({"addkey": ["logon", v.name, 64]})
  steps += [create("luks", v.table(), "-u", f"CRYPT-LUKS2-{UUID}-luks",
                   *p.choice([[], [], ["--readonly"], ["--addnodeoncreate"]]))]
  asleep = False
  for _ in range(p.randint(4, 9)):
    def sleep():
      nonlocal asleep
      asleep = True
      wipe = d.dmsetup("message", "luks", "0", "key wipe")
      return [d.dmsetup("suspend", *p.choice([[], ["--noflush"]]), "luks"),
              wipe, d.dmsetup("status", "luks"), d.dmsetup("table", "luks"),
              d.dmsetup("table", "--showkeys", "luks"),
              *([d.dmsetup("resume", "luks")] if p.chance(30) else [])]

    def wake():
      nonlocal asleep
      asleep = False
      return [d.dmsetup("message", "luks", "0", f"key set {v.keyword()}"),
              d.dmsetup("resume", "luks")]

    def resize():
      v.size = p.choice([SIZE, SIZE + 8, 2 * SIZE, SIZE - 64, SIZE + 1])
      return [load("luks", v.table()), d.dmsetup("table", "--inactive", "luks"),
              d.dmsetup("suspend", "luks"), d.dmsetup("resume", "luks")]
    if asleep:
      steps += p.choice([wake, wake, lambda: [ask(p, "luks")]])()
      continue
    steps += p.weighted_call({
        6: lambda: [io(p, MAPPER + "luks", v.size)],
        3: sleep, 2.5: resize, 2: lambda: [ask(p, "luks")],
        1.8: lambda: [d.dmsetup("table", "--showkeys", "luks")],
        1.7: lambda: [{"open": MAPPER + "luks", "mode": p.choice(["r", "excl"])},
                      d.dmsetup("remove", *p.choice([["--deferred"], []]),
                                "luks"),
                      d.dmsetup("info", "luks"), {"close": MAPPER + "luks"},
                      {"sleep": 0.1}, d.dmsetup("info", "-c")],
        1.5: lambda: reencrypt(p, v),
        1: lambda: [d.dmsetup("wipe_table", "--force", "luks")],
    })
  if asleep:
    steps += [d.dmsetup("message", "luks", "0", f"key set {v.keyword()}"),
              d.dmsetup("resume", "luks")]
  if p.chance(25):
    steps += integrity_below(p, "/dev/pmem4")
  return steps + [d.dmsetup("status"), d.dmsetup("table"),
                  d.dmsetup("remove", "--retry", "luks"),
                  d.dmsetup("info", "-c")]
