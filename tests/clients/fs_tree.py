# SPDX-License-Identifier: Apache-2.0
"""Directories of the host: copied in place, and told from one another."""

import hashlib
import os
import shutil
import stat


def walk(at, skip=()):
    """{"a/b": its stat} below a directory, without what is in mounts there."""
    found = {}
    for directory, names, files in os.walk(at):
        for name in names + files:
            path = os.path.join(directory, name)
            found[os.path.relpath(path, at)] = os.lstat(path)
        names[:] = [n for n in names if os.path.join(directory, n) not in skip]
    return found


def copy(source, to, skip=()):
    """All below one directory, in place: no file loses the blocks it has."""
    found, links = walk(source, skip), {}
    for path in sorted(found, key=lambda path: (path.count("/"), path)):
        st, old, new = found[path], os.path.join(source, path), os.path.join(to, path)
        if stat.S_ISDIR(st.st_mode):
            os.makedirs(new, exist_ok=True)
        elif stat.S_ISLNK(st.st_mode):
            os.symlink(os.readlink(old), new)
        elif st.st_ino in links:
            if os.path.exists(new):
                os.unlink(new)
            os.link(links[st.st_ino], new)
            continue
        else:
            links[st.st_ino] = new
            with open(old, "rb") as file:
                data = file.read()
            with open(new, "r+b" if os.path.exists(new) else "w+b") as file:
                file.write(data)
                file.truncate(len(data))
        shutil.copystat(old, new, follow_symlinks=False)
        own(new, st.st_uid, st.st_gid)
    for path in sorted(found, reverse=True):  # what was made in them changed them
        if stat.S_ISDIR(found[path].st_mode):
            shutil.copystat(os.path.join(source, path), os.path.join(to, path))


def own(path, uid, gid):
    try:
        os.chown(path, uid, gid, follow_symlinks=False)
    except OSError:
        pass  # nobody may


def seen(paths):
    """What tells one state of files from another: {path: words}."""
    found, links = {}, {}
    for path, (st, real) in sorted(paths.items()):
        words = [oct(st.st_mode), st.st_uid, st.st_gid]
        if stat.S_ISLNK(st.st_mode):
            words = [os.readlink(real)]
        elif stat.S_ISREG(st.st_mode):
            with open(real, "rb") as file:
                words += [st.st_size, hashlib.sha256(file.read()).hexdigest()]
            words += [links.setdefault(st.st_ino, path)]
            words += [[n, os.getxattr(real, n).decode()] for n in sorted(os.listxattr(real)) if n.startswith("user.")]
        found[path] = words
    return found
