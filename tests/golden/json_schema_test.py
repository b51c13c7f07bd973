#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
#
# All that --json prints is what docs/schema/ says: the answers in the scripts
# and documents given, and what each verb says to a bare `dmdax --json VERB`.
# A key that no schema names, a kind without a schema and a schema without an
# answer are failures.
import json
import os
import re
import subprocess
import sys
import tempfile

import jsonschema

JSON_OPTION = re.compile(r"(?<!\S)--json(?!\S)")
COMMON = "common.schema.json"


def Strict(schema):
  """The same schema, for objects that have no other keys than it names; what
  the answers have in common is looked up in it."""
  if isinstance(schema, list):
    return [Strict(part) for part in schema]
  if isinstance(schema, str):
    return schema.removeprefix(COMMON)
  if not isinstance(schema, dict):
    return schema
  strict = {key: Strict(part) for key, part in schema.items()}
  if "properties" in strict and isinstance(strict.get("type"), str):
    strict.setdefault("additionalProperties", False)
  return strict


def Schemas(paths):
  schemas = {}
  for path in paths:
    with open(path) as file:
      schema = json.load(file)
    jsonschema.Draft202012Validator.check_schema(schema)
    schemas[os.path.basename(path).removesuffix(".schema.json")] = Strict(schema)
  common = schemas.pop("common")
  for schema in schemas.values():
    schema.setdefault("$defs", {}).update(common["$defs"])
  return schemas


def Steps(path):
  """(place, command, standard output) of each command in a script."""
  with open(path) as file:
    lines = file.read().split("\n")
  inside = not path.endswith(".md")  # of a script, all of it
  step = None
  for number, line in enumerate(lines, 1):
    if path.endswith(".md") and line.startswith("```"):
      inside = line == "```console"
    elif not inside:
      continue
    elif line.startswith("$ "):
      if step:
        yield step
      step = (f"{path}:{number}", line[2:], [])
      continue
    elif step and line and not line.startswith(("> ", "! ", "? ", "# ")):
      step[2].append(line)
      continue
    elif line.startswith("> ") and step and not step[2]:
      step = (step[0], step[1] + "\n" + line[2:], step[2])
      continue
    elif line.startswith(("! ", "? ")):
      continue
    if step:
      yield step
      step = None
  if step:
    yield step


class Checker:

  def __init__(self, schemas):
    self.schemas = schemas
    self.seen = {}
    self.problems = []

  def Check(self, place, text):
    try:
      answer = json.loads(text)
    except ValueError as error:
      self.problems.append(f"{place}: not one JSON value: {error}")
      return
    kind = answer.get("kind") if isinstance(answer, dict) else None
    if kind not in self.schemas:
      self.problems.append(f"{place}: no schema for kind {kind!r}")
      return
    self.seen[kind] = self.seen.get(kind, 0) + 1
    validator = jsonschema.Draft202012Validator(self.schemas[kind])
    for error in validator.iter_errors(answer):
      where = "/".join(str(part) for part in error.absolute_path)
      self.problems.append(f"{place}: {kind} {where}: {error.message[:200]}")


def Verbs(dmdax):
  text = subprocess.run([dmdax, "--help"], capture_output=True, text=True,
                        check=True).stdout
  # Groups of verbs have a title each; options begin with a dash.
  listed = text[text.index("--json"):]
  return sorted(set(re.findall(r"^  ([a-z][a-z_-]*)(?:  |$)", listed, re.M)))


def main():
  dmdax = os.path.abspath(sys.argv[1])
  schemas = Schemas([p for p in sys.argv[2:] if p.endswith(".schema.json")])
  checker = Checker(schemas)
  for path in sys.argv[2:]:
    if path.endswith(".schema.json"):
      continue
    for place, command, output in Steps(path):
      # What went through a pipe or to a file is not JSON, or not here.
      piped = re.search(r"[|>]", re.sub(r"'[^']*'", "", command))
      if JSON_OPTION.search(command) and not piped:
        if path.endswith(".md") and "{" in output:
          # Documents show standard error in front, without a mark.
          output = output[output.index("{"):]
        checker.Check(place, "\n".join(output))
  verbs = Verbs(dmdax)
  if len(verbs) < 40:
    checker.problems.append(f"--help lists {verbs} alone")
  with tempfile.TemporaryDirectory() as folder:
    # A server answers when it ends, which it does not by itself.
    for verb in sorted(set(verbs) - {"serve"}):
      command = [dmdax, "--state", os.path.join(folder, "state"), "--json", verb]
      said = subprocess.run(command, capture_output=True, text=True, cwd=folder,
                            stdin=subprocess.DEVNULL)
      checker.Check(f"dmdax --json {verb}", said.stdout)
  for kind in sorted(set(schemas) - set(checker.seen)):
    checker.problems.append(f"{kind}.schema.json: no answer is of this kind")
  for problem in checker.problems:
    print(problem)
  print(f"{sum(checker.seen.values())} answers of {len(checker.seen)} kinds, "
        f"{len(checker.problems)} problems")
  return 1 if checker.problems or not checker.seen else 0


sys.exit(main())
