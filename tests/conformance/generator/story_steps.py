# SPDX-License-Identifier: Apache-2.0
"""What the stories of stacks share: tables that come and go, I/O, questions."""

from . import dmsetup_steps as d

MAPPER = "/dev/mapper/"


def create(name, table, *options):
  return d.dmsetup("create", *options, name, stdin=table + "\n")


def load(name, table, *options):
  return d.dmsetup("load", *options, name, stdin=table + "\n")


def swap(p, name, table, *options):
  """A reload, with or without a suspend before it."""
  first = p.choice([[], [], [d.dmsetup("suspend", name)],
                    [d.dmsetup("suspend", "--noflush", name)]])
  return first + [load(name, table, *options), d.dmsetup("resume", name)]


def io(p, path, sectors):
  """A read or write of whole pages, or where some sectors come from."""
  at = 8 * p.randrange(max(1, sectors // 8))
  count = min(p.choice([8, 8, 8, 16, 64]), max(8, sectors - at))
  return p.weighted_call({
      4: lambda: {"pwrite": path, "off": at * 512, "bytes": count * 512},
      3: lambda: {"pread": path, "off": at * 512, "bytes": count * 512},
      2: lambda: {"whereis": path, "sectors": [at, at + 1, at + 7]},
  })


def ask(p, name):
  return d.dmsetup(*p.choice([
      ["status", name], ["status", name], ["table", name], ["info", name],
      ["deps", name], ["status"], ["info", "-c"], ["table", "--inactive", name],
      ["status", "--inactive", name], ["status", "--noflush", name],
      ["info", "--inactive", name],
      ["info", "-c", "--noheadings", "-o",
       "name,attr,open,segments,events,uuid,devnos_used,tables_loaded,suspended,"
       "readonly,device_count,names_using_dev", name]]))
