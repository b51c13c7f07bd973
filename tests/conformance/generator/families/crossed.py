# SPDX-License-Identifier: Apache-2.0
"""What programs do to files and mappings, crossed with what lies below.

A story of another family, on a stack of several levels and a file system with
features and mount options of its own.
"""

from .. import fsdax_case
from . import livemap

STORIES = ["fileops", "writes", "priv", "shift", "others", "place", "several"]
MKFS = {
    "ext4": [["-O", "bigalloc"], ["-O", "^has_journal"], ["-O", "^extent,^64bit"],
             ["-O", "quota"], ["-O", "metadata_csum_seed"], ["-O", "ea_inode"],
             ["-O", "^64bit"], ["-O", "casefold"], [],
             ["-E", "stride=512,stripe_width=512"],
             ["-E", "stride=16,stripe_width=32"], ["-I", "128"],
             ["-g", "8192"], ["-i", "65536"]],
    "xfs": [["-m", "reflink=0"], ["-m", "reflink=0,finobt=0"],
            ["-m", "reflink=0,rmapbt=1"], ["-m", "reflink=0", "-d", "su=2m,sw=1"],
            ["-m", "reflink=0", "-d", "agcount=8"],
            ["-m", "reflink=0", "-d", "extszinherit=512"],
            ["-m", "reflink=0", "-i", "size=1024"]],
    "ext2": [[], ["-g", "8192"], ["-I", "128"]],
}
OPTIONS = {
    "ext4": ["", "", "data=writeback", "nodelalloc", "noauto_da_alloc",
             "discard", "lazytime", "dioread_nolock", "stripe=512",
             "nobarrier", "noload", "sb=1"],
    "xfs": ["", "", "allocsize=64k", "largeio", "inode32", "wsync", "noalign",
            "swalloc", "lazytime", "nodiscard", "filestreams"],
    "ext2": ["", "", "nouid32", "errors=continue", "lazytime"],
}
ALWAYS = {"ext4": "dax=always", "xfs": "dax=always", "ext2": "dax"}


def case(p):
  made = livemap.KINDS[p.choice([s for s in STORIES if s in livemap.KINDS])](p)
  fs = made["fs"]
  sectors = 720896 if fs == "xfs" else p.choice([262144, 393216])
  stack = fsdax_case.Stack(p, sectors)
  made["dm"], made["dev"] = stack.dm, "/dev/mapper/" + stack.dm[-1]["name"]
  made["mkfs"] = p.choice(MKFS[fs])
  dax = p.weighted({ALWAYS[fs]: 8, "dax=inode": 1 if fs != "ext2" else 0,
                    "": 1})
  made["mount"] = ",".join(o for o in [dax, p.choice(OPTIONS[fs])] if o)
  return made
