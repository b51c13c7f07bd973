#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
#
# Man pages and completions, from the command's own tables:
#
#   reference.py OUT.tar TABLES.json world.md table.md world.proto TARGET.cc...
#
# The tar has what belongs below PREFIX/share.
import io
import json
import sys
import tarfile

sys.dont_write_bytecode = True
from completions import Completions
from man_pages import ManPages
from tables import Tables


def Read(path):
  with open(path) as file:
    return file.read()


def main():
  out, tables, world, table, proto = sys.argv[1:6]
  tables = Tables(json.loads(Read(tables)))
  files = {
      "man/" + path: text
      for path, text in ManPages(tables, {
          "world": Read(world), "table": Read(table), "proto": Read(proto),
          "targets": sys.argv[6:]}).items()
  }
  files.update(Completions(tables))
  with tarfile.open(out, "w") as tar:
    for path in sorted(files):
      entry = tarfile.TarInfo(path)
      data = files[path].encode()
      entry.size = len(data)
      entry.mode = 0o644
      tar.addfile(entry, io.BytesIO(data))


if __name__ == "__main__":
  main()
