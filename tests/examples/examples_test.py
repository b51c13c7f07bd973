#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
#
# Every public header's example is one that a test here compiles.  Reads the
# checkout that it was built from, all of it, so there is no list to keep.
import os
import re
import sys

# The checkout stays as it is.
sys.dont_write_bytecode = True
import extract

TOP = ("base", "mm", "dax", "block", "dm", "iomap", "fs", "process", "state",
       "formats", "import", "embed", "tools")
# Headers that no test can include.
PRIVATE = {
    "dm/targets": "each is its target's own",
}
PIECE = re.compile(r'^#include "tests/examples/(.*)\.inc"$', re.M)


def Read(root, path):
  with open(os.path.join(root, path)) as file:
    return file.read()


def Headers(root):
  for top in TOP:
    for at, dirs, files in os.walk(os.path.join(root, top)):
      folder = os.path.relpath(at, root)
      dirs[:] = sorted(d for d in dirs if f"{folder}/{d}" not in PRIVATE)
      for name in sorted(files):
        if name.endswith(".h"):
          yield f"{folder}/{name}"


def main():
  root = os.path.dirname(os.path.realpath(sys.argv[1]))
  here = os.path.join(root, "tests/examples")
  compiled = {}
  for name in sorted(os.listdir(here)):
    if name.endswith(".cc"):
      for piece in PIECE.findall(Read(here, name)):
        compiled[piece + ".h"] = name
  problems = []
  without = []
  believed = 0  # remarks that are expectations
  headers = list(Headers(root))
  for header in headers:
    piece = extract.Extract(header, Read(root, header))
    believed += piece.count("DMDAX_SAID")
    if piece:
      if header not in compiled:
        problems.append(
            f"{header}: no test compiles its example: add the header to "
            "tests/examples/BUILD.bazel, and to the test beside it\n"
            f'    #include "tests/examples/{header[:-2]}.inc"')
    else:
      without.append(header)
      if header in compiled:
        problems.append(f"{header}: has no example, but "
                        f"tests/examples/{compiled[header]} includes one")
  for problem in problems:
    print(problem)
  print(f"{len(headers)} public headers: {len(compiled)} examples compiled, "
        f"{believed} of their remarks believed, {len(without)} without one, "
        f"{len(problems)} problems")
  # A test that reads nothing would find nothing.
  return 1 if problems or len(compiled) < 100 or believed < 40 else 0


if __name__ == "__main__":
  sys.exit(main())
