# SPDX-License-Identifier: Apache-2.0
"""What mkfs and mount are told: ext4, xfs and ext2 with many options."""

from .. import fsdax_case

MIB = 1 << 20
EXT4_FEATURES = ["quota", "project", "quota,project", "encrypt", "verity",
                 "casefold", "bigalloc", "^has_journal", "^extent", "inline_data",
                 "metadata_csum_seed", "64bit", "^64bit", "ea_inode", "large_dir",
                 "sparse_super2", "meta_bg,^resize_inode", "mmp"]
EXT4_OPTIONS = ["data=journal", "data=ordered", "data=writeback", "commit=5",
                "errors=remount-ro", "errors=continue", "nobarrier", "barrier=1",
                "delalloc", "nodelalloc", "usrquota", "grpquota", "prjquota",
                "quota", "noquota", "stripe=512", "discard", "lazytime",
                "acl", "noacl", "nouid32", "journal_checksum", "noload",
                "inode_readahead_blks=32", "max_dir_size_kb=1", "foo", "DAX",
                "dax=", "dax=yes", "nodax", "commit=x", "data=x", "minixdf",
                "auto_da_alloc", "block_validity", "i_version", "resuid=0",
                "dioread_nolock", "mb_optimize_scan=1", "nombcache", "abort",
                "usrjquota=a.u,jqfmt=vfsv0", "jqfmt=vfsv1", "sb=1", "bsddf",
                "inlinecrypt", "nobh", "oldalloc"]
XFS_OPTIONS = ["logbufs=8", "logbsize=32k", "wsync", "noalign", "swalloc",
               "nouuid", "grpid", "allocsize=64k", "inode64", "inode32", "ikeep",
               "noikeep", "largeio", "nolargeio", "attr2", "noattr2",
               "filestreams", "noquota", "uquota", "gquota", "pquota", "quota",
               "usrquota", "uqnoenforce", "discard", "nodiscard", "foo", "DAX",
               "dax=", "dax=yes", "nodax", "barrier", "logbufs=9",
               "allocsize=3k", "norecovery", "sunit=8,swidth=8", "logbufs=x"]
EXT2_OPTIONS = ["nouid32", "sb=1", "errors=continue", "acl", "nobh", "xip",
                "debug", "minixdf", "grpid", "oldalloc", "usrquota", "quota",
                "data=ordered", "commit=5", "delalloc", "foo", "dax=always",
                "dax=never", "noload", "journal_checksum", "barrier"]


def mkfs(p, fs):
  if fs == "xfs":
    words = ["-m", p.choice(["reflink=0", "reflink=1", "reflink=0",
                             "reflink=0,finobt=0", "reflink=0,crc=0"])]
    if p.chance(50):
      words += ["-b", "size=" + p.choice(["1024", "2048", "4096", "8192",
                                          "16384", "65536"])]
    return words
  words = []
  if p.chance(45):
    words += ["-b", p.choice(["1024", "2048", "4096", "8192"])]
  if fs == "ext4" and p.chance(60):
    words += ["-O", p.choice(EXT4_FEATURES)]
  return words


def mount(p, fs):
  options = p.sample({"ext4": EXT4_OPTIONS, "xfs": XFS_OPTIONS,
                      "ext2": EXT2_OPTIONS}[fs], p.weighted({0: 3, 1: 5, 2: 3}))
  dax = p.weighted({"dax=always": 8, "dax": 3, "dax=inode": 3, "dax=never": 2,
                    "": 2, "dax=Always": 1})
  if dax:
    options.insert(p.randint(0, len(options)), dax)
  return ",".join(options)


def device(p):
  kind = p.weighted({"plain": 8, "odd": 2, "ro": 1, "nodax": 2, "mixed": 1})
  size = 720896
  start = {"odd": p.choice([1, 4, 7]), "plain": 8 * p.randint(0, 512)}.get(kind, 0)
  if kind == "nodax":
    return f"0 {size} delay /dev/pmem4 0 0"
  if kind == "mixed":
    return f"0 {size - 8} linear /dev/pmem4 0\n{size - 8} 8 linear /dev/ram0 0"
  return f"0 {size} linear /dev/pmem4 {start}"


def case(p):
  fs = p.weighted({"ext4": 6, "xfs": 5, "ext2": 3})
  made = {"dm": [{"name": "d0", "table": device(p)}], "dev": "/dev/mapper/d0",
          "fs": fs, "mkfs": mkfs(p, fs), "mount": mount(p, fs),
          "ops": [["write", "f", 0, 4 * MIB]],
          "maps": [{"file": "f", "prot": "rw", "flags": "shared", "off": 0,
                    "len": 4 * MIB, "touch": [
                        fsdax_case.touch(p, 4 * MIB) for _ in range(3)]}]}
  return {"kind": "fsdax", **made}
