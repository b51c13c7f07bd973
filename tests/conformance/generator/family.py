# SPDX-License-Identifier: Apache-2.0
"""The families of cases: each is one file of families/, and nothing else.

A file families/NAME.py defines

  def case(p):           # p: pick.Pick, which decides everything
    return steps         # of a `table` case: a list
    return {"kind": "fsdax", ...}   # or a whole case but for its id

and so adds `--kind NAME`.  One that has kinds of its own besides gives them
names, as in KINDS = {"name": function, ...}.
"""

import importlib
import json
import os
import pkgutil

from . import families
from . import pick

# What a kernel loads, with a line in its log, at the first use in a boot.
MODULES = {
    "multipath": ["dm-round-robin", "dm-queue-length", "dm-service-time"],
    " cache ": ["dm-cache-smq"],
}
# These were there before families had names, which are in their ids since.
UNNAMED = ("table", "fsdax")


def kinds():
  """The function of each kind, by its name."""
  found = {}
  for module in pkgutil.iter_modules([os.path.dirname(families.__file__)]):
    code = importlib.import_module(f"{families.__name__}.{module.name}")
    found.update(code.KINDS if hasattr(code, "KINDS")
                 else {module.name: code.case})
  return found


def load_modules(steps):
  text = json.dumps(steps)
  return [{"exec": ["modprobe", "-a"] + modules}
          for word, modules in MODULES.items() if word in text] + steps


def make(functions, kind, seed, i):
  """Case `i` of a kind and a seed."""
  p = pick.Pick(f"{seed}/{kind}/{i}")
  name = f"live-{seed}-{i}" if kind in UNNAMED else f"live-{seed}-{kind}-{i}"
  if kind == "mixed":
    kind = p.choice(sorted(functions))
  made = functions[kind](p)
  if isinstance(made, list):
    made = {"kind": "table", "steps": load_modules(made)}
  return {"id": name, "tags": ["live", kind], **made}
