#!/usr/bin/env -S python3 -B
# SPDX-License-Identifier: Apache-2.0
"""What `dmdax check` tells to type about files and mounts is typed.

    fs_cures_test.py DMDAX CASES [WORD]

CASES has a machine in each paragraph, a World below lines that begin with '#':

    # A title.
    # first: a script that makes the rest of the machine
    # mount: DEVICE DIRECTORY [OPTIONS]
    # check: what is asked about
    # fails: programs, each of which fails once while the list is typed
    # refused: what is said instead of a list
    # stops: the list ends without a change
    # same: a script that prints the same before and behind it

'@' is a directory of the host.  WORD: only the cases with it in their title.

LVM2, e2fsprogs, util-linux, sfdisk and coreutils are the real ones, on a machine of `dmdax
run`; fs_mount.py stands for the kernel's mounts.  A person saves what the list
says goes, types the list, and restores in place.  Then the same check must hold
as promised, and all files, names, links and options must be as before.  Between
the commands nothing may be lost that was not told to go.
"""

import concurrent.futures
import json
import os
import random
import re
import shlex
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
DMDAX = os.path.abspath(sys.argv[1])
PROGRAMS = ("mount umount fallocate xfs_io cat dd mkfs.ext4 mkfs.ext2 mkfs.xfs look save restore "
            "swapon swapoff").split()
# Those that a list may change.
DAX_OPTIONS = re.compile(r"dax(=.*)?|stripe=.*|sunit=.*|swidth=.*|data=journal|noalign|sb=.*")


def make_tree(top):
    """Files of all kinds."""
    numbers = random.Random(1)
    os.makedirs(os.path.join(top, "db/deep er"))
    os.mkdir(os.path.join(top, "empty"))

    def put(name, data, mode=0o644):
        path = os.path.join(top, name)
        with open(path, "wb") as file:
            file.write(data)
        os.chmod(path, mode)
        return path

    big = put("data", numbers.randbytes((4 << 20) + 1000), 0o640)
    put("a name", b"hello\n", 0o600)
    put("db/deep er/two", numbers.randbytes(2 << 20))
    os.link(put("db/one", b"one\n"), os.path.join(top, "db/again"))
    os.symlink("db/one", os.path.join(top, "link"))
    with open(put("hole", b"begin"), "r+b") as file:
        file.seek(3 << 20)
        file.write(b"end")
    try:
        os.setxattr(big, "user.kind", b"big")
    except OSError:
        pass  # the directory of the host has none
    try:
        os.chown(big, 1234, 5678)
    except OSError:
        pass  # we are nobody


class Case:
    def __init__(self, paragraph, directory):
        self.directory = directory
        lines = paragraph.strip("\n").split("\n")
        words = [line[1:].strip() for line in lines if line.startswith("#")]
        self.title = words[0]
        self.world = self.placed("\n".join(line for line in lines if not line.startswith("#")) + "\n")
        self.given = {"first": [], "mount": [], "check": [], "fails": [], "refused": [], "stops": [], "same": []}
        for line in words[1:]:
            name, value = line.split(": ", 1)
            self.given[name].append(value)
        self.subject = self.placed(self.given["check"][0])
        self.mounts = {}
        for line in self.given["mount"]:
            device, at, *options = shlex.split(self.placed(line))
            self.mounts[at] = (device, *options)

    def placed(self, text):
        return text.replace("@", self.directory)


class Machine:
    """A case's machine, with its file systems mounted."""

    def __init__(self, case, fails=""):
        self.case = case
        home = os.path.join(case.directory, "rehearsal" + fails)
        tools, tree = os.path.join(home, "bin"), os.path.join(home, "tree")
        os.makedirs(tools)
        for name in PROGRAMS:
            path = os.path.join(tools, name)
            with open(path, "w") as file:
                file.write(f'#!/bin/sh\nexec python3 -B "{HERE}/fs_mount.py" {name} "$@"\n')
            os.chmod(path, 0o755)
        make_tree(tree)
        self.home = home
        self.env = dict(os.environ, DMDAX_STATE=os.path.join(home, "state"), TMPDIR=home, LC_ALL="C", TREE=tree,
                        REHEARSAL=home, DMDAX=DMDAX, PATH=tools + ":/usr/sbin:/usr/bin:/sbin:/bin")
        self.env.pop("LVM_SYSTEM_DIR", None)
        world = os.path.join(home, "machine.textproto")
        with open(world, "w") as out:
            out.write(case.world)
        self.dmdax("machine", "load", world)
        for script in case.given["first"]:
            self.typed(case.placed(script), check=True)
        for at, (device, *options) in case.mounts.items():
            os.makedirs(at, exist_ok=True)
            self.typed(shlex.join(["mount", *(["-o", options[0]] if options else []), device, at]), check=True)
        if fails:
            self.env["REHEARSAL_FAILS"] = fails

    def dmdax(self, *words, check=True):
        done = subprocess.run([DMDAX, *words], env=self.env, capture_output=True, text=True)
        assert not check or done.returncode == 0, f"{words}: {done.stdout}{done.stderr}"
        return done

    def typed(self, script, check=False):
        done = self.dmdax("run", "--root", "--door=preload", "--", "sh", "-c", script, check=False)
        assert not check or done.returncode == 0, f"{script}\n{done.stdout}{done.stderr}"
        return done

    def asked(self):
        """The kernels' answers of each subject."""
        done = self.dmdax("--json", "check", "--", self.case.subject, check=False)
        found = []

        def look_in(value):
            if isinstance(value, dict):
                found.extend(value.get("kernels", [])[:1])
                for inner in value.values():
                    look_in(inner)
            elif isinstance(value, list):
                for inner in value:
                    look_in(inner)

        look_in(json.loads(done.stdout))
        assert found, done.stdout
        return found

    def large(self):
        """{subject: bytes in large pages} of all that can be asked about."""
        done = self.dmdax("--json", "check", check=False)
        answer = json.loads(done.stdout)
        found = {}
        for subject in answer.get("subjects", []):
            shares = subject["kernels"][0].get("bytes", {})
            found[subject["name"]] = shares.get("pmd", 0) + shares.get("pud", 0)
        return found

    def table(self):
        with open(os.path.join(self.home, "mounts.json")) as file:
            return json.load(file)

    def look_words(self, mounts):
        return shlex.join(["look"] + [f"{at}={self.case.mounts[at][0]}" for at in mounts])

    def look(self, mounts):
        return json.loads(self.typed(self.look_words(mounts), check=True).stdout)

    def mount_anew(self):
        """So that the model sees what the devices have by now."""
        table = self.table()
        script = [shlex.join(["umount", at]) for at in sorted(table, reverse=True)]
        for at in sorted(table):
            options = table[at]["options"]
            script.append(shlex.join(["mount", *(["-o", options] if options else []), table[at]["device"], at]))
        self.typed(" && ".join(script), check=True)

    def end(self):
        table = self.table()
        self.env.pop("REHEARSAL_FAILS", None)
        if table:
            self.typed(" && ".join(shlex.join(["umount", at]) for at in sorted(table, reverse=True)), check=True)


def check_same(title, before, after, moment):
    for at, files in before.items():
        for path in sorted(set(files) | set(after[at])):
            # What was cut off may leave the copy that it was about to make.
            if moment is not None and path not in files and re.search(r"\.new\d*$", path):
                continue
            was, now = files.get(path), after[at].get(path)
            assert was == now, f"{title}: {moment}: {at}/{path}: {was}\n  became {now}"


def plan_of(machine):
    case = machine.case
    first = machine.asked()
    assert not all(answer["holds"] for answer in first), f"{case.title}: holds already"
    plans = [answer["plan"] for answer in first if answer.get("plan")]
    if case.given["refused"]:
        assert not any(plan.get("commands") for plan in plans), f"{case.title}: {plans}"
        text = json.dumps(first)
        assert case.given["refused"][0] in text, f"{case.title}: {text}"
        return first, None
    plans = [plan for plan in plans if plan.get("commands")]
    assert plans, f"{case.title}: no list\n{json.dumps(first, indent=1)}"
    # Each subject may have a list of its own: they are typed one after another.
    return first, {
        "commands": [command for plan in plans for command in plan["commands"]],
        "goes": [name for plan in plans for name in plan.get("goes", [])],
        "remark": "; ".join(plan.get("remark", "") for plan in plans),
    }


def rehearse(case):
    machine = Machine(case)
    before, large = machine.look(case.mounts), machine.large()
    same = [machine.typed(script, check=True).stdout for script in case.given["same"]]
    first, plan = plan_of(machine)
    if plan is None:
        machine.end()
        return
    if case.given["stops"]:
        done = machine.typed(" &&\n".join(plan["commands"]))
        assert done.returncode != 0, f"{case.title}: it does not stop"
        check_same(case.title, before, machine.look(case.mounts), None)
        machine.end()
        return
    commands = [re.sub(r"echo '[^']*' >> /etc/udev/[^ ]*", "true", c) for c in plan["commands"]]
    goes = [at for at in case.mounts if at in plan["goes"]]
    stays = [at for at in case.mounts if at not in plan["goes"]]
    saved = {at: os.path.join(machine.home, f"saved{i}") for i, at in enumerate(goes)}
    script = [shlex.join(["save", at, to]) for at, to in saved.items()]
    for number, command in enumerate(commands, 1):
        script.append(command)
        if stays:
            script.append(f"{machine.look_words(stays)} > {machine.home}/after{number}")
    script += [shlex.join(["restore", at, to]) for at, to in saved.items()]
    listed = " &&\n".join(script)
    done = machine.typed(listed)
    assert done.returncode == 0, f"{case.title}:\n{listed}\n{done.stdout}{done.stderr}"
    for number in range(1, len(commands) + 1) if stays else []:
        with open(f"{machine.home}/after{number}") as file:
            check_same(case.title, {at: before[at] for at in stays}, json.load(file), f"after command {number}")
    for script, printed in zip(case.given["same"], same):
        now = machine.typed(script, check=True).stdout
        assert now == printed, f"{case.title}:\n{listed}\n{script}\n{printed}  became\n{now}"
    machine.mount_anew()
    check_same(case.title, before, machine.look(case.mounts), None)
    for at, (_, *options) in case.mounts.items():
        def kept(text):
            return [word for word in text.split(",") if word and not DAX_OPTIONS.fullmatch(word)]
        now = machine.table().get(at)
        assert now, f"{case.title}: {at} is not mounted"
        was = kept(",".join(options))
        if "remount,ro behind" in plan["remark"]:
            was = [word for word in was if word != "ro"]
        assert kept(now["options"]) == was, f"{case.title}: {at}: {now['options']}"
    for answer, now in zip(first, machine.asked()):
        # What has no list of its own may become better by those of others.
        wrong = (now["holds"] != answer["cured_holds"] if "plan" in answer
                 else now["holds"] < answer["holds"])
        assert not wrong, f"{case.title}:\n{listed}\n{json.dumps(now, indent=1)}"
        for size in ("pud", "pmd"):
            least = answer.get("cured", answer["bytes"])[size]
            assert now["bytes"][size] >= least, f"{case.title}:\n{listed}\n{size} {least}: {json.dumps(now, indent=1)}"
    for name, bytes_now in machine.large().items():
        assert bytes_now >= large.get(name, 0), f"{case.title}:\n{listed}\n{name}: {large[name]} became {bytes_now}"
    machine.end()
    for program in " ".join(case.given["fails"]).split():
        fail_once(case, program)


def fail_once(case, program):
    """The list stops there, and what it did not name is whole."""
    machine = Machine(case, program)
    before = machine.look(case.mounts)
    plan = plan_of(machine)[1]
    done = machine.typed(" &&\n".join(plan["commands"] + ["echo THE END"]))
    assert done.returncode != 0 and "THE END" not in done.stdout, f"{case.title}: {program} fails, and it goes on"
    stays = [at for at in case.mounts if program == "umount" or at not in plan["goes"]]
    check_same(f"{case.title}: {program} fails", {at: before[at] for at in stays}, machine.look(stays), None)
    machine.end()


def carried_out(paragraph):
    with tempfile.TemporaryDirectory() as directory:
        case = Case(paragraph, directory)
        start = time.monotonic()
        try:
            rehearse(case)
            failure = ""
        except AssertionError as error:
            failure = str(error)
        return f"{time.monotonic() - start:5.1f} s  {case.title}", failure


def main():
    word = sys.argv[3] if len(sys.argv) > 3 else ""
    with open(sys.argv[2]) as cases:
        paragraphs = [p for p in cases.read().split("\n\n") if "# check:" in p and word in p.split("\n")[0]]
    # Most of a case is programs that wait for one another.
    with concurrent.futures.ThreadPoolExecutor(2 * (os.cpu_count() or 1)) as pool:
        done = list(pool.map(carried_out, paragraphs))
    for told, failure in done:
        print(told, failure, sep="\n" if failure else "")
    assert len(done) >= 25 or word, len(done)
    failed = sum(bool(failure) for _, failure in done)
    print(f"{len(done) - failed} lists carried out, {failed} failed")
    sys.exit(failed != 0)


main()
