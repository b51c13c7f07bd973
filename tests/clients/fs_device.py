# SPDX-License-Identifier: Apache-2.0
"""An ext4 file system on a device of the machine, by the real debugfs.

Nothing here mounts anything: names, inodes and extents are read and changed
where they lie, so that all data goes through the tables of the machine.
"""

import os
import re
import stat
import subprocess
import tempfile

DAX_FLAG = 0x02000000
EXTENT = re.compile(r"\s*(\d+)/\s*(\d+)\s+\d+/\s*\d+\s+(\d+) -\s+\d+\s+(\d+) -\s+\d+\s+(\d+)( Uninit)?")


def quoted(path):
    return '"' + path.replace('"', '""') + '"'


def kind_of(device):
    """Which file system is there, by its magic number, or ""."""
    with open(device, "rb") as file:
        head = file.read(4096)
    if head[:4] == b"XFSB":
        return "xfs"
    # Mirrors: union swap_header of include/linux/swap.h (6.1).
    if head[4086:] == b"SWAPSPACE2":
        return "swap"
    return "ext4" if head[1080:1082] == b"\x53\xef" else ""


def identity(device):
    """[UUID, label] of a file system or swap, where each keeps them."""
    places = {"xfs": (32, 108, 12), "ext4": (1128, 1144, 16), "swap": (1036, 1052, 16), "": (0, 0, 0)}
    uuid, label, most = places[kind_of(device)]
    with open(device, "rb") as file:
        head = file.read(4096)
    return [head[uuid:uuid + 16].hex(), head[label:label + most].rstrip(b"\0").decode()] if most else []


def xfs_uuid(device):
    return identity(device)[0]


class Node:
    def __init__(self, ino, mode, uid, gid):
        self.ino, self.mode, self.uid, self.gid = ino, mode, uid, gid


class Ext4:
    def __init__(self, device):
        self.device = device
        head = subprocess.run(["dumpe2fs", "-h", device], capture_output=True, text=True, check=True).stdout
        self.block = int(re.search(r"^Block size: +(\d+)", head, re.M)[1])
        cluster = re.search(r"^Cluster size: +(\d+)", head, re.M)
        self.cluster = int(cluster[1]) // self.block if cluster else 1
        stripe = re.search(r"^RAID stripe width: +(\d+)", head, re.M)
        self.stripe = int(stripe[1]) if stripe else 0

    def ask(self, commands, write=False):
        """What each command prints."""
        if not commands:
            return []
        with tempfile.NamedTemporaryFile("w") as script:
            script.write("\n".join(commands) + "\n")
            script.flush()
            words = ["debugfs"] + (["-w"] if write else []) + ["-f", script.name, self.device]
            done = subprocess.run(words, capture_output=True, text=True)
        errors = done.stderr.splitlines()[1:]  # the first is the version
        if done.returncode or errors:
            raise AssertionError(f"debugfs {self.device}: {commands[:3]}: {errors[:5]}")
        return [text.split("\n", 1)[-1] for text in ("\n" + done.stdout).split("\ndebugfs: ")[1:]]

    def change(self, commands):
        return self.ask(commands, write=True)

    def tree(self):
        """{"a/b": Node} of all but the root and lost+found."""
        found, level = {}, {"": 2}
        while level:
            below = {}
            answers = self.ask([f"ls -p <{ino}>" for ino in level.values()])
            for directory, text in zip(level, answers):
                for line in text.splitlines():
                    if not line.startswith("/"):
                        continue
                    ino, mode, uid, gid, name = line.split("/")[1:6]
                    path = os.path.join(directory, name)
                    if name in (".", "..") or path == "lost+found" or ino == "0":
                        continue
                    found[path] = Node(int(ino), int(mode, 8), int(uid), int(gid))
                    if stat.S_ISDIR(found[path].mode):
                        below[path] = int(ino)
            level = below
        return found

    def all_extents(self, inos):
        """{inode: [(block of the file, block of the device, count, written)]}"""
        found = {ino: [] for ino in inos}
        for ino, text in zip(inos, self.ask([f"ex <{ino}>" for ino in inos])):
            for line in text.splitlines():
                match = EXTENT.match(line)
                if match and match[1] == match[2]:  # a leaf of the tree
                    found[ino].append((int(match[3]), int(match[4]), int(match[5]), not match[6]))
        return found

    def extents(self, ino):
        return self.all_extents([ino])[ino]

    def flags(self, inos):
        texts = self.ask([f"stat <{ino}>" for ino in inos])
        return {ino: int(re.search(r"Flags: 0x([0-9a-f]+)", text)[1], 16) for ino, text in zip(inos, texts)}

    def sizes(self, inos):
        texts = self.ask([f"stat <{ino}>" for ino in inos])
        return {ino: int(re.search(r"Size: (\d+)", text)[1]) for ino, text in zip(inos, texts)}

    def targets(self, inos):
        """Where symbolic links lead; these are all short."""
        texts = self.ask([f"stat <{ino}>" for ino in inos])
        return {ino: re.search(r'Fast link dest: "(.*)"', text)[1] for ino, text in zip(inos, texts)}

    def attributes(self, inos):
        texts = self.ask([f"ea_list <{ino}>" for ino in inos])
        return {ino: dict(re.findall(r'^  (user\.\S+) \(\d+\) = "(.*)"$', text, re.M)) for ino, text in zip(inos, texts)}

    def dump(self, paths):
        """{inode: file of the host}"""
        self.ask([f"dump <{ino}> {quoted(path)}" for ino, path in paths.items()])

    def free(self):
        text = subprocess.run(["dumpe2fs", self.device], capture_output=True, text=True, check=True).stdout
        runs = []
        for ranges in re.findall(r"^  Free blocks: (.*)$", text, re.M):
            for run in filter(None, ranges.split(", ")):
                first, _, last = run.partition("-")
                runs.append((int(first), int(last or first) + 1))
        return runs

    def allocate(self, ino, first, count, stripe):
        """Blocks for what of [first, +count) has none, as the kernel gives
        them: a whole stripe from a multiple of it on, if there is one, anything
        else from wherever there is room.  False: there is not so much."""
        has = {lblk + i for lblk, _, length, _ in self.extents(ino) for i in range(length)}
        wanted = [block for block in range(first, first + count) if block not in has]
        runs = self.free()
        if sum(end - start for start, end in runs) < len(wanted):
            return False
        places = []
        if stripe and len(wanted) == count and count % stripe == 0:
            for start, end in runs:
                start += -start % stripe
                if start + count <= end:
                    places = list(range(start, start + count))
                    break
        if not places:
            whole = [run for run in runs if run[1] - run[0] >= len(wanted)]
            for start, end in whole or runs:
                places += range(start, min(end, start + len(wanted) - len(places)))
        if wanted:
            # Taken first: the tree of extents gets blocks while it grows.
            self.change([f"setb {place}" for place in places if place % self.cluster == 0] + [f"eo <{ino}>"] +
                        [f"set_bmap {block} {place}" for block, place in zip(wanted, places)] + ["ec"])
            # Of what it does not count debugfs frees nothing.
            had = int(re.search(r"Blockcount: (\d+)", self.ask([f"stat <{ino}>"])[0])[1])
            self.change([f"sif <{ino}> blocks {had + len(wanted) * self.block // 512}"])
        return True

    def write(self, ino, data, extents):
        """The file's bytes, into the blocks that it has, and some more where
        there is something in a hole."""
        zero = bytes(self.block)
        covered = {}
        for lblk, place, length, written in extents:
            for i in range(length):
                covered[lblk + i] = (place + i, written)
        needs = [b for b in range(-(-len(data) // self.block))
                 if b not in covered and data[b * self.block:(b + 1) * self.block].rstrip(b"\0")]
        if needs:
            for block in needs:
                if not self.allocate(ino, block, 1, 0):
                    raise AssertionError(f"{self.device} is full")
            return self.write(ino, data, self.extents(ino))
        with open(self.device, "r+b", buffering=0) as device:
            for block, (place, written) in sorted(covered.items()):
                piece = data[block * self.block:(block + 1) * self.block]
                assert written or not piece.rstrip(b"\0"), "data for unwritten blocks"
                if written:
                    os.pwrite(device.fileno(), piece.ljust(self.block, b"\0") or zero, place * self.block)
            os.fsync(device.fileno())
        return None

    def repair(self):
        """The counts that debugfs leaves as they were."""
        done = subprocess.run(["e2fsck", "-fy", self.device], capture_output=True, text=True)
        assert done.returncode in (0, 1), done.stdout + done.stderr
        # That would be a fault of what stands here for the kernel.
        assert "multiply-claimed" not in done.stdout, f"{self.device}: debugfs gave blocks twice"
