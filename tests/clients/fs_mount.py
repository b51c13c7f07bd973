# SPDX-License-Identifier: Apache-2.0
"""What stands for the kernel's mounts while a list is rehearsed.

    NAME ARGUMENTS...     NAME: mount, umount, fallocate, xfs_io, cat, mkfs.ext4,
                          dd, look, save, restore, swapon, swapoff

A directory has the files of a mounted device.  Their bytes come from the
device, and go back when it is unmounted; blocks are given by `fallocate` at
once.  The model is told of each mount, so that a device that is mounted is busy.
Of xfs only what mkfs made is real: its files are kept beside it, for the file
system with just this UUID.
"""

import json
import os
import shutil
import stat
import subprocess
import sys

import fs_device
from fs_tree import copy, own, seen, walk

HOME = os.environ["REHEARSAL"]
TABLE = os.path.join(HOME, "mounts.json")
FAILS = os.environ.get("REHEARSAL_FAILS", "")


def fail(text):
    print(text, file=sys.stderr)
    sys.exit(1)


def mounts():
    if not os.path.exists(TABLE):
        return {}
    with open(TABLE) as file:
        return json.load(file)


def keep(table):
    with open(TABLE, "w") as file:
        json.dump(table, file)


def dmdax(*words):
    done = subprocess.run([os.environ["DMDAX"], *words], capture_output=True, text=True)
    if done.returncode:
        fail(f"dmdax {words}: {done.stdout}{done.stderr}")


def model(words, kind, device, at, options):
    how = ["--scan"] if kind == "ext4" else ["-t", kind]
    dmdax("mount", *how, device, at, *(["-o", options] if options else []), *words)


def inner(at):
    return [path for path in mounts() if path != at and path.startswith(at + "/")]


def xfs_store(device):
    path = os.path.join(HOME, "xfs-" + fs_device.xfs_uuid(device))
    os.makedirs(path, exist_ok=True)
    return path


def fill(at, device):
    """The directory gets what is on the device.  {inode here: inode there}"""
    fs = fs_device.Ext4(device)
    tree, inodes, first = fs.tree(), {}, {}
    files = [p for p, n in tree.items() if stat.S_ISREG(n.mode)]
    for path in files:
        first.setdefault(tree[path].ino, path)
    links = [n.ino for n in tree.values() if stat.S_ISLNK(n.mode)]
    targets = fs.targets(links)
    for path in sorted(tree):
        if stat.S_ISDIR(tree[path].mode):
            os.mkdir(os.path.join(at, path))
        elif stat.S_ISLNK(tree[path].mode):
            os.symlink(targets[tree[path].ino], os.path.join(at, path))
    fs.dump({ino: os.path.join(at, path) for ino, path in first.items()})
    attributes = fs.attributes(list(first))
    for path in files:
        ino, here = tree[path].ino, os.path.join(at, path)
        if first[ino] != path:
            os.link(os.path.join(at, first[ino]), here)
            continue
        inodes[str(os.lstat(here).st_ino)] = ino
        for name, value in attributes[ino].items():
            try:
                os.setxattr(here, name, value.encode())
            except OSError:
                pass  # not in this directory of the host
    for path in sorted(tree, reverse=True):
        node, here = tree[path], os.path.join(at, path)
        own(here, node.uid, node.gid)
        if not stat.S_ISLNK(node.mode):
            os.chmod(here, stat.S_IMODE(node.mode))
    return inodes


def names_back(fs, at, mount):
    """The device gets the names that are here.  {inode there: path here}"""
    here, there = walk(at, inner(at)), fs.tree()
    inodes = mount["inodes"]

    def same(path):
        st, node = here.get(path), there.get(path)
        if st is None or node is None or stat.S_IFMT(st.st_mode) != stat.S_IFMT(node.mode):
            return False
        return not stat.S_ISREG(st.st_mode) or inodes.get(str(st.st_ino)) == node.ino

    changes = []
    for path in sorted(there, reverse=True):
        if not same(path):
            changes.append(("rmdir " if stat.S_ISDIR(there[path].mode) else "unlink ") + fs_device.quoted("/" + path))
    fresh = [path for path in sorted(here) if not same(path)]
    for path in fresh:
        st, name = here[path], fs_device.quoted("/" + path)
        if stat.S_ISDIR(st.st_mode):
            changes.append(f"mkdir {name}")
        elif stat.S_ISLNK(st.st_mode):
            changes.append(f"symlink {name} {fs_device.quoted(os.readlink(os.path.join(at, path)))}")
    fs.change(changes)
    for path in fresh:
        if not stat.S_ISREG(here[path].st_mode):
            continue
        number = str(here[path].st_ino)
        if number in inodes:
            fs.change([f"ln <{inodes[number]}> {fs_device.quoted('/' + path)}"])
            continue
        directory, name = os.path.split("/" + path)
        text = fs.change([f"cd {fs_device.quoted(directory)}", f"write /dev/null {fs_device.quoted(name)}"])[1]
        inodes[number] = int(text.split("Allocated inode: ")[1].split()[0])
    files = {}
    for path, st in sorted(here.items()):
        if stat.S_ISREG(st.st_mode):
            files.setdefault(inodes[str(st.st_ino)], path)
    lost = {n.ino for n in there.values() if stat.S_ISREG(n.mode)} | set(inodes.values())
    lost -= set(files)
    fs.change([f"sif <{ino}> links_count {here[path].st_nlink}" for ino, path in files.items()] +
              [f"kill_file <{ino}>" for ino in sorted(lost)])
    mount["inodes"] = {number: ino for number, ino in inodes.items() if ino not in lost}
    return files


def write_back(at, mount):
    fs = fs_device.Ext4(mount["device"])
    files = names_back(fs, at, mount)
    changes, sizes, extents = [], fs.sizes(list(files)), fs.all_extents(list(files))
    for ino, path in files.items():
        with open(os.path.join(at, path), "rb") as file:
            data = file.read()
        if len(data) < sizes[ino]:
            fs.change([f"punch <{ino}> {-(-len(data) // fs.block)} {sizes[ino] // fs.block}"])
            extents[ino] = fs.extents(ino)
        fs.write(ino, data, extents[ino])
        changes.append(f"sif <{ino}> size {len(data)}")
        for name in os.listxattr(os.path.join(at, path)):
            if name.startswith("user."):
                value = os.getxattr(os.path.join(at, path), name).decode()
                changes.append(f"ea_set <{ino}> {name} {value}")
    for path, node in fs.tree().items():
        st = os.lstat(os.path.join(at, path))
        changes.append(f"sif <{node.ino}> mode 0{st.st_mode:o}")
        changes += [f"sif <{node.ino}> uid {st.st_uid}", f"sif <{node.ino}> gid {st.st_gid}"]
    fs.change(changes)
    fs.repair()


def empty(at):
    for name in os.listdir(at):
        path = os.path.join(at, name)
        shutil.rmtree(path) if os.path.isdir(path) and not os.path.islink(path) else os.unlink(path)


def do_mount(words):
    options, places = "", []
    while words:
        word = words.pop(0)
        if word in ("-o", "-t"):
            options = words.pop(0) if word == "-o" else (words.pop(0), options)[1]
        elif word != "--":
            places.append(word)
    table = mounts()
    if len(places) == 1:
        mount, added = table[places[0]], options.split(",")
        if added[0] != "remount":
            fail("mount: it is in no fstab")
        mount["options"] = ",".join(filter(None, [mount["options"], *added[1:]]))
        return keep(table)
    device, at = places
    if at in table or not os.path.isdir(at) or os.listdir(at):
        fail(f"mount: {at} is no empty directory")
    if any(os.path.realpath(device) == os.path.realpath(m["device"]) for m in table.values()):
        fail(f"mount: {device} is mounted")
    kind = fs_device.kind_of(device)
    if not kind:
        fail(f"mount: no file system on {device}")
    model([], kind, device, at, options)
    table[at] = {"device": device, "options": options, "kind": kind, "inodes": {}}
    if kind == "xfs":
        copy(xfs_store(device), at)
    else:
        table[at]["inodes"] = fill(at, device)
    return keep(table)


def do_umount(words):
    at, table = words[-1], mounts()
    if at not in table or inner(at):
        fail(f"umount: {at}: not mounted, or busy")
    mount = table.pop(at)
    dmdax("umount", at)  # e2fsck wants the device for itself
    if mount["kind"] == "xfs":
        empty(xfs_store(mount["device"]))
        copy(at, xfs_store(mount["device"]))
    else:
        write_back(at, mount)
    empty(at)
    keep(table)


def mount_of(path):
    path = os.path.abspath(path)
    found = max((at for at in mounts() if path.startswith(at + "/")), key=len, default=None)
    return found or fail(f"{path} is on no mount")


def do_fallocate(words):
    kept, offset, length = False, 0, None
    while len(words) > 1:
        word = words.pop(0)
        if word == "-n":
            kept = True
        else:
            value = words.pop(0)
            value = int(value[:-3]) << 20 if value.endswith("MiB") else int(value)
            offset, length = (value, length) if word == "-o" else (offset, value)
    path, table = words[0], mounts()
    at = mount_of(path)
    mount = table[at]
    if "ro" in mount["options"].split(","):
        fail(f"fallocate: cannot open {path}: Read-only file system")
    with open(path, "ab"):
        pass
    size = os.path.getsize(path)
    if mount["kind"] == "ext4":
        fs = fs_device.Ext4(mount["device"])
        names_back(fs, at, mount)
        keep(table)
        ino = mount["inodes"][str(os.stat(path).st_ino)]
        given = [o[7:] for o in mount["options"].split(",") if o.startswith("stripe=")]
        stripe = int(given[-1]) if given else fs.stripe
        first = offset // fs.block
        if not fs.allocate(ino, first, -(-(offset + length) // fs.block) - first, stripe):
            fail("fallocate: fallocate failed: No space left on device")
        if not kept:
            fs.change([f"sif <{ino}> size {max(size, offset + length)}"])
    if not kept:
        os.truncate(path, max(size, offset + length))


def do_xfs_io(words):
    path, table = words[-1], mounts()
    at = mount_of(path)
    mount = table[at]
    if "-f" in words:
        with open(path, "ab"):
            pass
    if "chattr +x" in words and mount["kind"] == "ext4":
        fs = fs_device.Ext4(mount["device"])
        names_back(fs, at, mount)
        keep(table)
        ino = mount["inodes"][str(os.stat(path).st_ino)]
        fs.change([f"sif <{ino}> flags {fs.flags([ino])[ino] | fs_device.DAX_FLAG:#x}"])


def do_cat(words):
    """The kernel has a file of each ext4 that is mounted."""
    if not words[0].startswith("/proc/fs/ext4/"):
        os.execv("/bin/cat", ["cat", *words])
    number = os.stat("/dev/" + words[0].split("/")[4]).st_rdev
    if all(m["kind"] != "ext4" or os.stat(m["device"]).st_rdev != number for m in mounts().values()):
        fail(f"cat: {words[0]}: No such file or directory")


def do_mkfs(name, words):
    if any(word in (m["device"] for m in mounts().values()) for word in words):
        fail(f"{name}: it is mounted")
    for word in words if name == "mkfs.xfs" else []:
        if word.startswith("uuid="):
            # One with the UUID of another has none of its files.
            shutil.rmtree(os.path.join(HOME, "xfs-" + word[5:].replace("-", "")), ignore_errors=True)
    real = shutil.which(name, path="/usr/sbin:/sbin:/usr/bin:/bin")
    os.execv(real, [name, *words])


def do_dd(words):
    # The copy's place is full after a piece.
    done = subprocess.run(["/bin/dd", *words, *(["count=1"] if FAILS == "dd" else [])])
    sys.exit(1 if FAILS == "dd" else done.returncode)


def do_swap(words):
    """swapon and swapoff take what mkswap has written."""
    if fs_device.kind_of(words[-1]) != "swap":
        fail(f"{words[-1]}: no swap")


def do_look(words):
    """Prints what each DIRECTORY=DEVICE has: here if it is mounted, else there."""
    answer, table = {}, mounts()
    for word in words:
        at, device = word.split("=", 1)
        if at in table:
            skip, real, temporary = inner(at), at, None
        else:
            real = temporary = os.path.join(HOME, "look")
            skip = ()
            os.mkdir(real)
            kind = fs_device.kind_of(device)
            if kind == "xfs":
                copy(xfs_store(device), real)
            elif kind:
                fill(real, device)
        answer[at] = seen({path: (st, os.path.join(real, path)) for path, st in walk(real, skip).items()})
        answer[at]["(UUID and label)"] = fs_device.identity(device)
        if temporary:
            shutil.rmtree(temporary)
    print(json.dumps(answer))


def main():
    name, words = os.path.basename(sys.argv[1]), sys.argv[2:]
    count = os.path.join(HOME, "count-" + name)
    if FAILS == name and name != "dd":
        # fallocate does so the second time, when something is there already.
        if name == "umount" or os.path.exists(count):
            fail(f"{name}: fails")
        open(count, "w").close()
    if name.startswith("mkfs"):
        do_mkfs(name, words)
    elif name in ("save", "restore"):
        at, to = words if name == "save" else reversed(words)
        os.makedirs(to, exist_ok=True)
        if name == "restore":
            for path, st in walk(at).items():
                there = os.path.join(to, path)
                if stat.S_ISLNK(st.st_mode) and os.path.islink(there):
                    os.unlink(there)
        copy(at, to, inner(at))
    else:
        {"mount": do_mount, "umount": do_umount, "fallocate": do_fallocate, "xfs_io": do_xfs_io,
         "cat": do_cat, "dd": do_dd, "look": do_look, "swapon": do_swap, "swapoff": do_swap}[name](words)


main()
