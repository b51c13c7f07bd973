#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
#
# The page that is checked in is the one that its sources build.
#
# Without node only the hash is compared, which the page has of all its sources.
# With node and `npm ci` in tools/draw/page the page is built and compared.
import hashlib
import os
import re
import shutil
import subprocess
import sys


def main():
  root = os.path.dirname(os.path.realpath(sys.argv[1]))
  page = os.path.join(root, "tools/draw/page")
  names = ["build.mjs", "package.json", "package-lock.json"]
  names += ["src/" + name for name in os.listdir(os.path.join(page, "src"))]
  sources = hashlib.sha256()
  for name in sorted(names):
    with open(os.path.join(page, name), encoding="utf-8") as file:
      sources.update(f"{name}\n{file.read()}".encode())
  with open(os.path.join(page, "page.html"), encoding="utf-8") as file:
    text = file.read()
  found = re.search(r"sources: ([0-9a-f]{64})", text)
  problems = []
  if not found or found.group(1) != sources.hexdigest():
    problems.append("page.html is of other sources: in tools/draw/page run "
                    "npm ci && node build.mjs")
  if text.count("@DMDAX_MODEL@") != 1:
    problems.append("page.html has not one place for the model")
  if ')dmdax_page"' in text:
    problems.append("page.html ends the C++ string that it is put into")
  with open(os.path.join(page, "package-lock.json"), encoding="utf-8") as file:
    if "://" in re.sub(r'"(?:url|funding)": "[^"]*"', "", file.read()):
      problems.append("package-lock.json names a registry's host")
  print("\n".join(problems))
  if problems:
    return 1
  node = shutil.which("node")
  if node and os.path.isdir(os.path.join(page, "node_modules")):
    return subprocess.run([node, os.path.join(page, "build.mjs"), "--check"],
                          check=False).returncode
  print("hash compared; not built: no node, or no npm ci in tools/draw/page")
  return 0


if __name__ == "__main__":
  sys.exit(main())
