# SPDX-License-Identifier: Apache-2.0
"""The demo: recorded volumes of a real kernel, translated by dmdax.

Usage: demo.py DMDAX

For every case of tests/conformance/corpus/lvm.*, in each recorded kernel: the
table is what `dmsetup table` printed there, the pages are those a process
touched through a DAX file, and the page frames are what /proc/self/pagemap
showed.  dmdax gets the table and the pages; the two columns must agree.
"""

import json
import pathlib
import subprocess
import sys
import tempfile

CORPUS = pathlib.Path(__file__).resolve().parent.parent.joinpath(
    "tests/conformance/corpus")
MACHINE = CORPUS.parents[2] / "examples/oracle.textproto"
PAGE = 4096


def lines(name):
    with open(CORPUS / name) as file:
        return [json.loads(line) for line in file]


def tables(result):
    """What `dmsetup table` printed: {device: its rows}."""
    found = {}
    for step in result["pre"]:
        for line in step["stdout"].splitlines():
            name, colon, row = line.partition(": ")
            if colon and len(row.split()) > 3 and row.split()[0].isdigit():
                found.setdefault(name, []).append(row)
    return found


def device_page(extents, offset):
    """The page of the device that holds byte `offset` of the file."""
    for e in extents:
        if e["logical"] <= offset < e["logical"] + e["length"]:
            return (e["physical"] + offset - e["logical"]) // PAGE
    return None


def touches(case, result):
    """(file offset, page of the device, page frame the kernel mapped)."""
    for mapping, recorded in zip(case["maps"], result["maps"]):
        extents = result["fiemap"][mapping["file"]]
        for step in recorded["steps"]:
            if step.get("present") and "pfn" in step:
                offset = mapping["off"] + step["off"]
                yield offset, device_page(extents, offset), step


def run(dmdax, state, *words, text=None):
    done = subprocess.run([dmdax, "--state", state, *words], input=text,
                          capture_output=True, text=True)
    if done.returncode != 0:
        sys.exit(f"demo: dmdax {' '.join(words)}: {done.stderr}")
    return done.stdout


def compare(dmdax, kernel, case, result):
    """Prints one case; returns (pages, differences)."""
    pages = differ = 0
    with tempfile.TemporaryDirectory() as state:
        run(dmdax, state, "--kernel", kernel, "machine", "load", str(MACHINE))
        print(f"\nLinux {kernel}, {case['id']}:")
        for name, rows in tables(result).items():
            print("\n".join(f"  {name}: {row}" for row in rows))
            run(dmdax, state, "create", name, text="\n".join(rows) + "\n")
        device = case["dev"].rpartition("/")[2]
        print(f"  {'file offset':>12} {'page':>7}  {'kernel pfn':>10}  "
              f"{'dmdax pfn':>10}  mapped as")
        for offset, page, step in touches(case, result):
            answer = json.loads(
                run(dmdax, state, "--json", "translate", device, str(page)))
            ours, theirs = answer["pages"][0]["pfn"], int(step["pfn"], 16)
            same = ours == theirs
            pages += 1
            differ += not same
            size = "2 MiB" if step["pmd"] else "4 KiB"
            print(f"  {offset:12} {page:7}  {theirs:#10x}  {ours:#10x}  "
                  f"{size}{'' if same else '  DIFFERS'}")
    return pages, differ


def main():
    dmdax = sys.argv[1]
    cases = lines("lvm.cases.jsonl")
    pages = differ = 0
    for kernel in ("6.1", "5.10", "6.12", "7.2"):
        suffix = "" if kernel == "6.1" else "." + kernel
        results = {r["id"]: r["result"]
                   for r in lines(f"lvm.results{suffix}.jsonl")}
        for case in cases:
            p, d = compare(dmdax, kernel, case, results[case["id"]])
            pages += p
            differ += d
    print(f"\n{pages} pages translated, {differ} differ from the kernel")
    sys.exit(differ != 0 or pages == 0)


if __name__ == "__main__":
    main()
