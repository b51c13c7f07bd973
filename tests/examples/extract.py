#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
#
# Takes the example out of a header's comment, as a piece that a test includes:
#
#   extract.py OUTDIR dm/dm_ioctl.h ...      writes OUTDIR/dm/dm_ioctl.inc
#
# The comment is the one above the include guard.  Lines indented by three
# spaces are a block; blocks that end as C++ does, with `;` or a brace, are the
# example, the others are tables and grammars.
#
# The piece does what a reader believes it does.  A remark that begins with a
# value becomes an expectation, and a bare call must not be an error:
#
#   dev.ToString();    // "259:1", as ...   EXPECT_EQ(..., "259:1")
#   ctl.DevCreate(io);                      fails if the status is not OK
import os
import re
import sys

# A value, and then the remark ends or says more about it.
VALUE = re.compile(
    r'//\s*("(?:[^"\\]|\\.)*"|-?0x[0-9a-f]+|-?\d+|true|false|E[A-Z0-9]+)'
    r'(?=$|[,:;](?: |$))')
TOKEN = re.compile(r'"(?:[^"\\]|\\.)*"|//.*|.')
CONTROL = re.compile(r"(?:if|for|while|return|switch|else)\b")
# Of a function or method, not of a macro.
CALL = re.compile(r"(?![A-Z_]+\()[(*]*\w[\w:.*\[\]]*(?:->\w+|\)|\(\)|[.:\w])*\(")
DECLARATION = re.compile(r"(?:const )?[\w:]+(?:<.*?>+)?(?: const)?[ *&]+(\w+)"
                         r"(?: = |\{|\(|$)")


def Blocks(text):
  """The C++ of the comment above the guard: [[(line number, text), ...]]."""
  blocks = [[]]
  for number, line in enumerate(text.split("\n"), 1):
    if not line.startswith("//"):
      break
    if line.startswith("//   "):
      blocks[-1].append((number, line[5:]))
    elif blocks[-1]:
      blocks.append([])
  return [b for b in blocks if Cxx(b)]


def Cxx(block):
  codes = [Code(line) for _, line in block if Code(line)]
  return bool(codes) and codes[-1].endswith((";", "{", "}"))


def Code(line):
  return "".join(t for t in TOKEN.findall(line)
                 if not t.startswith("//")).rstrip()


def Depth(code):
  code = re.sub(r'"(?:[^"\\]|\\.)*"', "", code)
  return sum(code.count(c) for c in "({[") - sum(code.count(c) for c in ")}]")


def Statements(block):
  """Runs of lines that end where a statement does."""
  run, depth = [], 0
  for number, line in block:
    run.append((number, line))
    depth += Depth(Code(line))
    if depth == 0 and (Code(line).endswith((";", "}")) or not Code(line)):
      yield run
      run = []
  if run:
    yield run


def Expectation(run):
  """The lines of one statement, with what its remark promises."""
  lines = [line for _, line in run]
  code = " ".join(Code(line).strip() for line in lines)
  last = Code(lines[-1])
  if (not code.endswith(";") or code.count(";") != 1 or CONTROL.match(code)):
    return lines
  value = VALUE.match(lines[-1][len(last):].strip())
  name = DECLARATION.match(code[:-1])
  if value and name:
    lines[-1] = f"{last} DMDAX_SAID({name[1]}, {value[1]});"
  elif value:
    lines[-1] = f"{last[:-1]}), {value[1]});"
    lines[0] = "DMDAX_SAID((" + lines[0]
  elif CALL.match(code) and not name and " = " not in re.sub(
      r"\(.*\)", "", code):
    lines[-1] = f"{last[:-1]}, MustBeOk{{}};"
  return lines


def Extract(header, text):
  """What to include; empty if the header has no example."""
  out = []
  for block in Blocks(text):
    out.append(f'#line {block[0][0]} "{header}"')
    for run in Statements(block):
      out += Expectation(run)
  return "\n".join(out) + "\n" if out else ""


def main():
  outdir = sys.argv[1]
  for header in sys.argv[2:]:
    with open(header) as file:
      piece = Extract(header, file.read())
    if not piece:
      sys.exit(f"{header}: no example in the comment above its guard")
    path = os.path.join(outdir, header[:-len(".h")] + ".inc")
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "w") as file:
      file.write(piece)


if __name__ == "__main__":
  main()
