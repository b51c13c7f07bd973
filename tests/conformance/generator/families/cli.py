# SPDX-License-Identifier: Apache-2.0
"""The grammar of dmsetup's own command line."""

from .. import dmsetup_steps as d
from .. import guest
from .. import tables
from .. import targets

VERBS = ["create", "load", "reload", "remove", "remove_all", "suspend",
         "resume", "clear", "rename", "message", "ls", "info", "deps",
         "status", "table", "wait", "mknodes", "mangle", "targets", "version",
         "setgeometry", "splitname", "stats", "udevcookies", "help",
         "measure", "nosuch", "", "wipe_table"]
OPTIONS = [["--noheadings"], ["-c"], ["-C"], ["-o", "name"],
           ["-o", "name,uuid,attr"], ["-o", "all"], ["-o", "nosuch"],
           ["-o", "+events"], ["-O", "name"], ["-O", "-minor"], ["-S",
           "name=d0"], ["--separator", ":"], ["--nameprefixes"], ["--rows"],
           ["--unquoted"], ["-u", "U-1"], ["-j", "254"], ["-m", "0"],
           ["--major", "254"], ["--minor", "0"], ["-r"], ["--readonly"],
           ["--readahead", "auto"], ["--readahead", "none"],
           ["--readahead", "+16"], ["--readahead", "x"],
           ["--table", "0 8 zero"], ["--notable"], ["--inactive"],
           ["--force"], ["--deferred"], ["--retry"], ["--noflush"],
           ["--nolockfs"], ["--noopencount"], ["--target", "linear"],
           ["--exec", "true"], ["--tree"], ["--verifyudev"], ["--noudevsync"],
           ["--noudevrules"], ["--addnodeoncreate"], ["--addnodeonresume"],
           ["--manglename", "none"], ["--manglename", "hex"],
           ["--manglename", "auto"], ["--manglename", "x"], ["--setuuid"],
           ["--showkeys"], ["--checks"], ["-v"], ["--yes"], ["-y"],
           ["--bogus"], ["--concise"], ["--uuid", "U-2"], ["--help"],
           ["--version"], ["--options", "devno"], ["--options", "blkdevname"],
           ["--options", "devname"], ["--count", "1"], ["--interval", "1"]]
NAMES = ["d0", "d0", "d1", "nope", "a b", "254:0", "/dev/mapper/d0",
         "/dev/dm-0", "dm-0", "d0/", "-", "--", "d\\x200", "\u00e4"]


def command(p, devices):
  verb = p.choice(VERBS)
  words = [verb]
  for option in p.sample(OPTIONS, p.weighted({0: 4, 1: 5, 2: 4, 3: 1})):
    at = p.choice([0, len(words), len(words)])
    words[at:at] = option
  for _ in range(p.weighted({0: 3, 1: 8, 2: 3, 3: 1})):
    words.append(p.choice(NAMES))
  # These ask nothing of the device-mapper, or never end.
  if "stats" in words or "udevcookies" in words or "wait" in words:
    return d.ask(p, "d0")
  text, _ = tables.table(p, {targets.linear: 1, targets.zero: 1}, devices, 10, 1)
  return d.dmsetup(*words, stdin=text)


def case(p):
  devices = p.sample(guest.PMEM, 2)
  steps = [d.dmsetup("create", "d0", *p.choice([[], ["-u", "U-1"]]),
                     stdin=f"0 16 linear {devices[0]} 0\n")]
  if p.chance(50):
    steps.append(d.dmsetup("create", p.choice(["d1", "a b"]),
                           stdin="0 8 linear /dev/mapper/d0 0\n8 8 zero\n"))
  return steps + [command(p, devices) for _ in range(p.randint(4, 10))]
