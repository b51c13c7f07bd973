# SPDX-License-Identifier: Apache-2.0
"""Constructors word by word: options, counts, orders, conflicts, ranges.

The targets here take option words, or read what lies on their disks; the disks
are blank.  Each function takes (pick, devices, length) and returns the words
after the type; most are right, and one or two are nearly right.
"""

import functools

from . import crypto_words
from . import guest
from . import raid_words
from . import targets
from .dmsetup_steps import dmsetup

HEX = "0123456789abcdef"
# What prints a line in the log when it is first used in a boot.
MODULES = ["dm-round-robin", "dm-queue-length", "dm-service-time", "raid1",
           "raid0", "raid10", "raid456", "dm-raid", "dm-integrity", "dm-verity",
           "scsi_dh_alua"]


def some(p, options, most):
  """A few of the lists in `options`, joined; seldom one of them twice."""
  words = []
  for _ in range(p.randint(0, most)):
    words += p.choice(options)
  return words


def counted(p, words):
  """A count and its words; seldom a wrong count."""
  return [str(len(words) + p.weighted({0: 60, 1: 1, -1: 1}))] + words


def number(p, *usual):
  """A number; seldom an odd one."""
  return p.choice(["0", "1", "x", "-1", "4294967295", "4294967296",
                   "18446744073709551615"]) if p.chance(3) else str(
                       p.choice(usual))


def device(p, devices):
  return "/dev/nope" if p.chance(2) else p.choice(devices)


def verity_options(p, devices):
  fec = [["use_fec_from_device", device(p, devices)],
         ["fec_roots", number(p, 2, 2, 24, 25, 1)],
         ["fec_blocks", number(p, 1034, 1034, 300, 100000)],
         ["fec_start", number(p, 1034, 600, 0)]]
  plain = [[w] for w in (
      "ignore_corruption", "restart_on_corruption", "panic_on_corruption",
      "ignore_zero_blocks", "check_at_most_once", "try_verify_in_tasklet",
      "restart_on_error", "panic_on_error", "Ignore_Zero_Blocks",
      "nothing")] + [["root_hash_sig_key_desc", "d"]]
  how = p.weighted({"plain": 10, "fec": 4, "part": 2})
  if how == "plain":
    return some(p, plain, 4)
  if how == "part":
    return some(p, plain + fec, 4)
  p.shuffle(fec)
  words = some(p, plain, 2)
  return sum(fec, words if p.chance(50) else []) + some(p, plain[:5], 1)


def verity(p, devices, length):
  algorithm = p.weighted({"sha256": 30, "sha1": 2, "sha224": 2, "md5": 1,
                          "crc32c": 1, "nosuch": 1, "SHA256": 1,
                          "hmac(sha256)": 1, "crc32": 1})
  size = {"sha1": 20, "sha224": 28, "md5": 16, "crc32c": 4, "crc32": 4}.get(
      algorithm, 32)
  digest = (p.choice(["ab", "00", "AB"]) * size)[p.weighted({0: 40, 1: 1, 2: 1}):]
  if p.chance(4):
    digest = digest[:-1] + "x"
  data, tree = p.choice(devices), p.choice(devices)
  block = p.weighted({4096: 16, 1024: 3, 512: 2, 8192: 1, 1000: 1})
  hash_block = block if p.chance(85) else p.choice([4096, 1024, 512, 8192])
  blocks = -(-length * 512 // max(512, block)) + p.weighted({0: 16, 8: 4, -1: 1})
  words = [number(p, 1, 1, 1, 0), data, tree, str(block), str(hash_block),
           number(p, blocks), number(p, 1, 0, 1024, 1024, 200000), algorithm, digest,
           p.weighted({"-": 12, "cd" * 32: 8, "CD": 3, "abc": 1, "xx": 1,
                       "cd" * 300: 1})]
  if p.chance(75):
    words += counted(p, verity_options(p, devices))
  return words


def integrity(p, devices, length):
  hashes = ["crc32c", "crc32c", "crc32", "sha256", "sha1", "md5",
            "hmac(sha256):" + "ab" * 32, "hmac(sha256)", "hmac(sha1):0x",
            "sha256:abab", "nosuch", ""]
  options = [
      [f"internal_hash:{p.choice(hashes)}"],
      ["journal_sectors:" + number(p, 8, 1000, 8096, 100000)],
      ["interleave_sectors:" + number(p, 32768, 1, 64, 100, 1 << 31)],
      ["buffer_sectors:" + number(p, 128, 1, 8, 7, 65536)],
      ["journal_watermark:" + number(p, 50, 0, 100, 101)],
      ["commit_time:" + number(p, 10000, 0, 100)],
      ["block_size:" + number(p, 512, 1024, 4096, 8192, 1000)],
      ["sectors_per_bit:" + number(p, 32768, 1, 100, 1024)],
      ["bitmap_flush_interval:" + number(p, 10000, 1, 0)],
      ["journal_crypt:" + p.choice(["ctr(aes):" + "ab" * 32, "nosuch:ab",
                                    "cbc(aes):" + "ab" * 16, "ctr(aes)"])],
      ["journal_mac:" + p.choice(["hmac(sha256):" + "ab" * 32, "sha256",
                                  "nosuch", "crc32c"])],
      ["meta_device:" + device(p, devices)],
      ["recalculate"], ["reset_recalculate"], ["allow_discards"],
      ["fix_padding"], ["fix_hmac"], ["legacy_recalculate"], ["nothing"],
      ["Recalculate"]]
  words = [] if p.chance(20) else list(options[0])
  words += some(p, options[1:] if words and p.chance(90) else options, 3)
  mode = p.weighted({"J": 8, "D": 4, "B": 4, "R": 2, "I": 2, "x": 1, "JJ": 1})
  return [device(p, devices), number(p, 0, 0, 0, 8, 3),
          p.weighted({"-": 8, "4": 4, "8": 1, "32": 2, "0": 1, "1": 1,
                      "x": 1, "256": 1, "4096": 1}), mode] + counted(p, words)


def multipath_features(p):
  return some(p, [
      ["queue_if_no_path"], ["retain_attached_hw_handler"],
      ["pg_init_retries", number(p, 1, 50, 51)],
      ["pg_init_delay_msecs", number(p, 0, 60000, 60001)],
      ["queue_mode", p.choice(["bio", "rq", "mq", "BIO", "x"])],
      ["queue_mode"], ["nothing"]], 3)


def multipath_group(p, devices):
  selector = p.weighted({"round-robin": 4, "queue-length": 4,
                         "service-time": 4, "nosuch": 1, "Round-Robin": 1})
  paths = p.randint(1, 3)
  each = p.weighted({0: 4, 1: 4, 2: 3, 3: 1})
  words = [selector] + counted(p, ["x"] * p.weighted({0: 12, 1: 1}))
  words += [str(paths + p.weighted({0: 15, 1: 1})), str(each)]
  for _ in range(paths):
    words += [device(p, devices)] + [
        number(p, 1, 1, 2, 100, 101) for _ in range(each)]
  return words


def multipath(p, devices, length):
  handler = p.weighted({(): 10, ("alua",): 2, ("nosuch",): 1,
                        ("alua", "1"): 1, ("emc", "1", "0"): 1})
  groups = p.randint(1, 2)
  words = counted(p, multipath_features(p)) + counted(p, list(handler))
  words += [str(groups + p.weighted({0: 20, 1: 1, -1: 1})),
            number(p, 1, 1, 1, groups, groups + 1)]
  for _ in range(groups):
    words += multipath_group(p, devices)
  return words


def vdo(p, devices, length):
  size = p.weighted({16777216 // 4096: 6, 100: 1})
  words = [p.weighted({"V4": 12, "V3": 1, "V2": 1, "V5": 1, "v4": 1}),
           device(p, devices), number(p, size, size, 5000, 2000),
           number(p, 4096, 4096, 512, 1000), number(p, 32768, 128, 100, 32),
           number(p, 16380, 1, 16381, 0, 500)]
  option = lambda: p.choice([
      ["ack", number(p, 1, 0, 100, 101)], ["bio", number(p, 4, 101, 100)],
      ["bioRotationInterval", number(p, 64, 1024, 1025)],
      ["cpu", number(p, 2, 100, 101)],
      ["hash", number(p, 1, 0, 101)], ["logical", number(p, 1, 60, 61)],
      ["physical", number(p, 1, 16, 17)],
      ["maxDiscard", number(p, 1500, 1, 0, 1 << 20)],
      ["deduplication", p.choice(["on", "off", "On", "x"])],
      ["compression", p.choice(["on", "off", "x"])],
      ["nothing", "1"], ["ack"]])
  for _ in range(p.randint(0, 3)):
    words += option()
  return words


def flakey(p, devices, length):
  words = [device(p, devices), number(p, 0, 0, 8), number(p, 0, 600, 1),
           number(p, 600, 0, 5)]
  return words + counted(p, targets.flakey_features(p) if p.chance(60) else some(
      p, [["corrupt_bio_byte", number(p, 1, 224), p.choice("rw"), "7", "0"],
          ["random_read_corrupt", number(p, 0, 5, 1000000000)],
          ["random_write_corrupt", number(p, 0, 5)], ["error_reads"],
          ["error_writes"], ["drop_writes"], ["corrupt_bio_byte", "1", "r"]], 3))


TARGETS = {
    crypto_words.crypt: 8, verity: 6, integrity: 6, raid_words.raid: 7,
    multipath: 4, vdo: 2, flakey: 2, targets.delay: 1, targets.log_writes: 1}


def disks(p):
  """Two or three loop devices, and seldom pmem beside them."""
  steps, paths = [], []
  bs = p.weighted({512: 8, 4096: 1})
  for i in range(p.randint(2, 3)):
    mib = p.weighted({16: 12, 64: 2, 1: 1})
    paths.append(f"/dev/loop{i}")
    steps.append({"loop": paths[-1], "mib": mib, "bs": bs})
  if p.chance(15):
    paths[0] = p.choice(guest.PMEM[:3])
  return steps, paths


def length_of(p, kind):
  if kind == "integrity":
    return p.choice([2048, 8192, 100, 16000, 30000, 7856, 1])
  return p.choice([2048, 8192, 8192, 16, 1000, 4099, 40000])


def after(p, kind, words):
  """What is asked of a row that may have been loaded."""
  steps = [dmsetup("table", "d0"), dmsetup("status", "d0")]
  # What goes on in the background has ended.
  if kind == "raid" or any(w.endswith("recalculate") for w in words):
    steps = [{"sleep": 1}] + steps
  if kind in ("crypt", "integrity") and p.chance(40):
    steps.append(dmsetup("table", "--showkeys", "d0"))
  # A block that verity does not trust restarts or stops the guest if told to.
  stops = any(w.lower().startswith(("restart_on", "panic_on")) for w in words)
  if kind in ("verity", "integrity", "flakey") and p.chance(40) and not stops:
    steps.append({"pread": "/dev/mapper/d0", "off": 0, "bytes": 4096})
  if p.chance(20):
    steps.append(dmsetup("info", "-c", "--noheadings", "-o", "name,events,open", "d0"))
  return steps


def case(p, only=None):
  """One table of one row, of target type `only` or of any."""
  steps, paths = disks(p)
  make = p.weighted(TARGETS)
  if only:
    make = next(t for t in TARGETS if targets.type_name(t) == only)
  kind = targets.type_name(make)
  words = make(p, paths, length := length_of(p, kind))
  if p.chance(8):
    words = p.spoil(words)
  if kind == "crypt":
    steps += crypto_words.keys(p)
  flags = ["-r"] if (kind == "verity") != p.chance(2) else []
  text = " ".join(["0", str(length), kind] + words) + "\n"
  steps.append(dmsetup("create", *flags, "d0", stdin=text))
  steps += after(p, kind, words)
  if kind == "crypt" and p.chance(50):
    steps += crypto_words.messages(p)
  return [{"exec": ["modprobe", "-a"] + MODULES}] + steps


# `grammar`, and each of its targets alone.
KINDS = {"grammar": case}
for _make in TARGETS:
  _name = targets.type_name(_make)
  KINDS[f"grammar-{_name}"] = functools.partial(case, only=_name)
