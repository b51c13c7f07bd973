#!/usr/bin/env -S python3 -B
# SPDX-License-Identifier: Apache-2.0
"""What `dmdax check` tells to type is typed, into the real programs.

    cures_test.py DMDAX CASES

CASES has a machine in each paragraph, in the text of dmsetup or of a World,
below a line that begins with '#', of which the last word is what is checked.
Behind 'first:' stands a script that makes the rest of the machine.
The commands of the plan run on that machine with `dmdax run`; then the same
check must hold, and give what was promised.  What was not in the plan's list of
what goes must be as it was, and nothing else may have fewer large pages.
"""

import json
import os
import re
import subprocess
import sys
import tempfile

DMDAX = os.path.abspath(sys.argv[1])


def run(env, *words, check=True):
    done = subprocess.run([DMDAX, *words], env=env, capture_output=True, text=True)
    if check and done.returncode != 0:
        raise AssertionError(f"{words}: {done.returncode}\n{done.stdout}{done.stderr}")
    return done


def asked(env, subject):
    answer = run(env, "--json", "check", "--", subject, check=False)
    return json.loads(answer.stdout)


def large_bytes(env):
    """The bytes in large pages of all that can be asked about."""
    answer = run(env, "--json", "check", check=False)
    found = {}
    for subject in json.loads(answer.stdout).get("subjects", []):
        shares = subject["kernels"][0].get("bytes", {})
        found[subject["name"]] = shares.get("pmd", 0) + shares.get("pud", 0)
    return found


def kernel_of(answer):
    found = []

    def walk(value):
        if isinstance(value, dict):
            if "kernels" in value:
                found.append(value["kernels"][0])
            for inner in value.values():
                walk(inner)
        elif isinstance(value, list):
            for inner in value:
                walk(inner)

    walk(answer)
    assert found, answer
    return found[0]


def tables(env):
    lines = run(env, "table", "--manglename", "none").stdout.splitlines()
    return {line.split(": ", 1)[0]: line for line in lines if ": " in line}


def write(path, text):
    with open(path, "w") as out:
        out.write(text)


def rehearse(title, text, directory):
    subject = title.split()[-1]
    env = dict(os.environ, DMDAX_STATE=os.path.join(directory, "state"), TMPDIR=directory,
               LC_ALL="C", PATH="/usr/sbin:/usr/bin:/sbin:/bin")
    env.pop("LVM_SYSTEM_DIR", None)
    path = os.path.join(directory, "machine")
    os.mkdir(path)
    write(os.path.join(path, "w.textproto" if "{" in text else "table"), text)
    if "{" not in text:
        # A table does not say whether a namespace is raw.
        pmems = sorted(set(re.findall(r"/dev/(pmem\d+)\b", text)))
        listed = [{"name": name, "type": "disk", "dax": True} for name in pmems]
        write(os.path.join(path, "lsblk.json"), json.dumps({"blockdevices": listed}))
    run(env, "machine", "load", path if "{" not in text else os.path.join(path, "w.textproto"))
    if "first:" in title:
        script = title.split("first:", 1)[1].rsplit(":", 1)[0]
        run(env, "run", "--root", "--door=preload", "--", "sh", "-ec", script)
    before = tables(env)
    large = large_bytes(env)
    first = kernel_of(asked(env, subject))
    assert not first["holds"], f"{title}: holds already"
    plan = first["plan"]
    script = " &&\n".join(plan["commands"])
    # udev's rules are files of the host.
    script = re.sub(r"echo '[^']*' >> /etc/udev/[^ ]*", "true", script)
    done = run(env, "run", "--root", "--door=preload", "--", "sh", "-c", script, check=False)
    assert done.returncode == 0, f"{title}:\n{script}\n{done.stdout}{done.stderr}"
    second = kernel_of(asked(env, subject))
    assert second["holds"] == first["cured_holds"], f"{title}:\n{script}\n{second}"
    for size in ("pud", "pmd"):
        assert second["bytes"][size] >= first["cured"][size], f"{title}: {size}\n{second}"
    for name, bytes_now in large_bytes(env).items():
        assert bytes_now >= large.get(name, 0), f"{title}:\n{script}\n{name}: {large[name]} became {bytes_now}"
    after = tables(env)
    for name, line in before.items():
        if name not in plan["goes"] and name != subject:
            assert after.get(name) == line, f"{title}: {line}\n  became {after.get(name)}"


def main():
    with open(sys.argv[2]) as cases:
        paragraphs = [p for p in cases.read().split("\n\n") if p.strip()]
    count = 0
    for paragraph in paragraphs:
        lines = paragraph.strip("\n").split("\n")
        title = " ".join(line[1:].strip() for line in lines if line.startswith("#"))
        text = "\n".join(line for line in lines if not line.startswith("#")) + "\n"
        if not text.strip():
            continue
        with tempfile.TemporaryDirectory() as directory:
            rehearse(title, text, directory)
        count += 1
    assert count >= 8, count
    print(f"{count} plans carried out")


main()
