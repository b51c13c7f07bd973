#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
#
# The house is as docs/architecture.md draws it.  Reads the #include lines of
# every source and the BUILD file of every folder, and fails on
#
#   * an include that climbs or crosses: one that the table of folders in
#     docs/architecture.md does not allow;
#   * an include that a target does not declare: whose owner is not among the
#     target's own `deps`, or keeps it to itself;
#   * an include of ours that is no header's path from the top, so that nobody
#     could tell where it leads;
#   * a folder that is not in the table, and a row that names one below it;
#   * a source that no target has;
#   * a class of one name in two headers: a program that has both runs the
#     functions of one on the objects of the other, and no linker says so.
#
# It reads the checkout that it was built from, all of it, so there is no list
# of files to keep.
import collections
import os
import re
import sys

# Below these anything may be included.
FREE = ("bench", "bazel", "docs", "examples", "tests", "third_party")
# Who owns a header of somebody else.
SYSTEM = (
    ("CLI/", "@cli11//:cli11"),
    ("absl/", "@com_google_absl//:absl"),
    ("archive.h", "@libarchive//:libarchive"),
    ("archive_entry.h", "@libarchive//:libarchive"),
    ("zlib.h", "@zlib//:zlib"),
    ("benchmark/", "@com_github_google_benchmark//:benchmark"),
    ("ext2fs/", "@ext2fs//:ext2fs"),
    ("gmock/", "@com_google_googletest//:gtest"),
    ("google/protobuf/", "@com_google_protobuf//:protobuf"),
    ("gtest/", "@com_google_googletest//:gtest"),
    ("nlohmann/", "@nlohmann_json//:nlohmann_json"),
    ("openssl/", "@openssl//:crypto"),
    ("re2/", "@re2//:re2"),
)
INCLUDE = re.compile(r'^\s*#\s*include\s+["<]([^">]+)[">]', re.M)
RULES = ("cc_library", "cc_binary", "cc_test", "dmdax_examples_test",
         "dmdax_fuzz_test")

Rule = collections.namedtuple("Rule", "label srcs hdrs deps")


class BuildFile:
  """The cc rules of one BUILD file; Starlark's subset of Python runs as such."""

  def __init__(self, root, package):
    self.root = root
    self.package = package
    self.rules = []
    names = {rule: self.Add for rule in RULES}
    names.update(glob=self.Glob, select=lambda cases: [])
    names["cc_proto_library"] = self.AddProto
    # What a `load` brings is a constant or one of RULES.
    names["load"] = lambda *words, **_: None
    source = open(os.path.join(root, package, "BUILD.bazel")).read()
    exec(compile(source, package, "exec"), _Defaults(names))

  def Glob(self, patterns, exclude=(), **_):
    found = set()
    top = os.path.join(self.root, self.package)
    for at, dirs, files in os.walk(top):
      # A folder with a BUILD file is a package of its own.
      dirs[:] = [d for d in dirs if not os.path.exists(
          os.path.join(at, d, "BUILD.bazel"))]
      for name in files:
        path = os.path.relpath(os.path.join(at, name), top)
        if (any(Matches(path, p) for p in patterns) and
            not any(Matches(path, p) for p in exclude)):
          found.add(path)
    return sorted(found)

  def Label(self, word):
    if word.startswith("@"):
      return word
    if word.startswith(":"):
      return "//" + self.package + word
    if word.startswith("//") and ":" not in word:
      return word + ":" + word.rsplit("/", 1)[-1]
    return word

  def Add(self, name="", srcs=(), hdrs=(), deps=(), **_):
    self.rules.append(Rule(
        "//" + self.package + ":" + name,
        [self.package + "/" + s for s in srcs if not s.startswith((":", "/"))],
        [self.package + "/" + h for h in hdrs],
        [self.Label(d) for d in deps]))

  def AddProto(self, name, deps, **_):
    header = name.replace("_cc_proto", ".pb.h")
    self.Add(name=name, hdrs=[header])


class _Defaults(dict):
  """Every other function of a BUILD file does nothing."""

  def __missing__(self, name):
    if name in ("False", "True", "None", "len", "range", "str", "list"):
      raise KeyError(name)
    return [] if name.isupper() else (lambda *words, **named: None)


def Matches(path, pattern):
  regex = re.escape(pattern).replace(r"\*\*/", "(.*/)?").replace(
      r"\*", "[^/]*")
  return re.fullmatch(regex, path) is not None


def Picture(root):
  """The table of folders: {folder: those it may include}, lowest first."""
  picture = {}
  problems = []
  text = open(os.path.join(root, "docs/architecture.md")).read()
  for row in re.findall(r"^\| `([a-z/_]+)/` \|[^|]*\| ([^|]*) \|$", text, re.M):
    folder, may = row
    names = set() if may == "nothing of ours" else set(may.split(", "))
    if may == "everything":
      names = set(picture)
    for name in sorted(names - set(picture)):
      problems.append(f"docs/architecture.md: {folder} may include {name}, "
                      "which is not above it in the table")
    picture[folder] = names
  if len(picture) < 10:
    problems.append("docs/architecture.md: where is the table of folders?")
  return picture, problems


def FolderOf(path, picture):
  """The row that a file belongs to: the longest folder it lies in."""
  at = os.path.dirname(path)
  while at and at not in picture:
    at = os.path.dirname(at)
  return at


def CheckIncludes(root, rules, picture):
  owners = {}
  private = set()  # headers that are their target's own
  facades = {}  # targets of no file pass on what they depend on
  for rule in rules:
    for header in rule.hdrs + [s for s in rule.srcs if s.endswith(".h")]:
      owners.setdefault(header, set()).add(rule.label)
    private.update(s for s in rule.srcs if s.endswith(".h"))
    if not rule.srcs and not rule.hdrs:
      facades[rule.label] = rule.deps
  problems = []
  for rule in rules:
    declared = {rule.label} | set(rule.deps)
    for label in list(declared):
      declared |= set(facades.get(label, ()))
    # gtest with its main() is gtest.
    declared |= {d[:-len("_main")] for d in declared if d.endswith("_main")}
    for source in rule.srcs + rule.hdrs:
      if source.endswith(".pb.h") or not source.endswith((".cc", ".h", ".c")):
        continue
      if not os.path.exists(os.path.join(root, source)):
        problems.append(f"{rule.label}: there is no {source}")
        continue
      folder = FolderOf(source, picture)
      top = source.split("/")[0]
      for header in INCLUDE.findall(
          open(os.path.join(root, source), errors="replace").read()):
        owner = owners.get(header, set()) | {
            label for prefix, label in SYSTEM if header.startswith(prefix)}
        if not owner:
          # Ours all the same: a source, or a header by another path.
          beside = os.path.join(os.path.dirname(source), header)
          if any(os.path.isfile(os.path.join(root, path))
                 for path in (header, beside)):
            problems.append(f"{source}: includes {header}, which is not the "
                            "path of a header from the top of the checkout")
          continue  # else the C++ library's or the system's
        if header in private and rule.label not in owner:
          problems.append(f"{source}: includes {header}, which is private to "
                          f"{' and '.join(sorted(owner))}")
        elif not owner & declared:
          problems.append(f"{source}: includes {header}, but {rule.label} "
                          f"does not declare {' or '.join(sorted(owner))}")
        below = FolderOf(header, picture)
        if top in FREE or not below or below == folder:
          continue
        if below not in picture.get(folder, ()):
          problems.append(f"{source}: includes {header}; by the table of "
                          f"docs/architecture.md {folder} may not include "
                          f"{below}")
  return problems


CLASS = re.compile(r"^(?:struct|class|union|enum(?: class)?) (\w+)\b(?!::)[^;=(]*\{",
                   re.M)
NAMESPACE = re.compile(r"^namespace ([\w:]+) \{", re.M)


def CheckNames(root, sources):
  """One name is one class, in all headers of a namespace."""
  where = collections.defaultdict(set)
  for source in sources:
    if not source.endswith(".h") or source.split("/")[0] in FREE:
      continue
    text = open(os.path.join(root, source), errors="replace").read()
    spaces = NAMESPACE.findall(text)
    for name in CLASS.findall(text):
      where[spaces[0] if spaces else "", name].add(source)
  return [f"{name} is a class of {' and of '.join(sorted(files))}"
          for (_, name), files in where.items() if len(files) > 1]


def main():
  # The checkout: where the BUILD file that Bazel gave us a link to is.
  root = os.path.dirname(os.path.realpath(sys.argv[1]))
  picture, problems = Picture(root)
  rules = []
  sources = set()
  for at, dirs, files in os.walk(root):
    dirs[:] = sorted(d for d in dirs
                     if not d.startswith((".", "bazel-")) and d != "rules_cc")
    package = os.path.relpath(at, root)
    if "BUILD.bazel" in files and package != ".":
      rules += BuildFile(root, package).rules
    for name in files:
      if name.endswith((".cc", ".h")):
        sources.add(os.path.join(package, name))
  problems += CheckIncludes(root, rules, picture)
  problems += CheckNames(root, sources)
  owned = {s for rule in rules for s in rule.srcs + rule.hdrs}
  for source in sorted(sources - owned):
    problems.append(f"{source}: no target has it")
  for source in sorted(sources):
    if source.split("/")[0] not in FREE and not FolderOf(source, picture):
      problems.append(f"{source}: its folder is not in the table of "
                      "docs/architecture.md")
  for folder in picture:
    if not os.path.isdir(os.path.join(root, folder)):
      problems.append(f"docs/architecture.md: there is no folder {folder}")
  for problem in sorted(set(problems)):
    print(problem)
  print(f"{len(sources)} sources, {len(rules)} targets, "
        f"{len(set(problems))} problems")
  # A test that reads nothing would find nothing.
  return 1 if problems or len(sources) < 300 or len(rules) < 100 else 0


if __name__ == "__main__":
  sys.exit(main())
