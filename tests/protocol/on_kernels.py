#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
#
# Runs dm_protocol on real kernels, in QEMU, and prints a line for each:
#
#   tests/protocol/on_kernels.py [--oracle PROGRAM] [--keep DIRECTORY] KERNEL...
#
#   --oracle  runs cases on a real kernel, as `PROGRAM --kernel V CASES`;
#             default: kernel-oracle in ../shared/oracle beside the repository
#   --keep    where what the program printed goes, as KERNEL.tap
#
# Exit status: 0 all hold, 1 a check does not, 2 something is missing.
import argparse
import base64
import glob
import gzip
import json
import os
import subprocess
import sys
import tempfile

TOP = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")


def Program(directory):
  """dm_protocol, static; with musl it is small."""
  path = os.path.join(directory, "dm_protocol")
  sources = sorted(glob.glob(os.path.join(TOP, "tests/protocol/*.c")))
  for compiler in ("musl-gcc", "cc"):
    try:
      subprocess.run([compiler, "-static", "-O2", "-I" + TOP, "-o", path] +
                     sources, check=True)
      return open(path, "rb").read()
    except OSError:
      continue
  sys.exit("on_kernels: no compiler: neither musl-gcc nor cc")


def Case(program):
  """Two steps: the program comes through the input of a shell, and is run."""
  packed = base64.b64encode(gzip.compress(program)).decode()
  unpack = ("busybox base64 -d | busybox gunzip >/tmp/dm_protocol &&"
            " busybox chmod +x /tmp/dm_protocol")
  return {"id": "dm_protocol", "kind": "table", "steps": [
      {"exec": ["sh", "-c", unpack], "stdin": packed},
      {"exec": ["/tmp/dm_protocol", "--remove-all", "--privilege"],
       "timeout": 300}]}


def Ask(oracle, kernel, case):
  """What the program printed there."""
  run = subprocess.run([oracle, "--kernel", kernel, case],
                       stdout=subprocess.PIPE)
  try:
    result = json.loads(run.stdout)["result"]
    return result["steps"][-1]["stdout"]
  except (ValueError, KeyError, IndexError):
    return "Bail out! no answer: " + run.stdout.decode()[:1000]


def main():
  parser = argparse.ArgumentParser()
  parser.add_argument("--oracle", default=os.path.join(
      TOP, "..", "shared", "oracle", "kernel-oracle"))
  parser.add_argument("--keep")
  parser.add_argument("kernels", nargs="+", metavar="KERNEL")
  args = parser.parse_args()
  if not os.access(args.oracle, os.X_OK):
    print("on_kernels: no program %s (--oracle)" % args.oracle,
          file=sys.stderr)
    return 2
  failed = False
  with tempfile.TemporaryDirectory() as directory:
    case = os.path.join(directory, "case.jsonl")
    with open(case, "w") as out:
      print(json.dumps(Case(Program(directory))), file=out)
    for kernel in args.kernels:
      text = Ask(args.oracle, kernel, case)
      if args.keep:
        os.makedirs(args.keep, exist_ok=True)
        with open(os.path.join(args.keep, kernel + ".tap"), "w") as out:
          out.write(text)
      lines = text.splitlines()
      version = next((l.split()[-1] for l in lines if l.startswith("# /")),
                     "-")
      bad = [i for i, l in enumerate(lines)
             if l.startswith(("not ok", "Bail out!"))]
      whole = bool(lines) and lines[-1].startswith("1..")
      skipped = sum(" # SKIP " in l for l in lines)
      held = sum(l.startswith("ok ") for l in lines) - skipped
      print("%s %s: %d hold, %d skipped, %d do not" %
            (kernel, version, held, skipped, len(bad)), flush=True)
      for i in bad:
        print("\n".join("  " + l for l in lines[i:i + 2]), flush=True)
      failed = failed or bool(bad) or not whole
  return 1 if failed else 0


if __name__ == "__main__":
  sys.exit(main())
