# SPDX-License-Identifier: Apache-2.0
"""What command_tables.cc prints, as man pages and completions want it."""
import re


class Option:
  """An option, or (with no names) a positional word."""

  def __init__(self, table):
    self.names = table["names"]
    self.word = table["word"]
    self.help = table["help"].split("\n")[0]
    self.required = table["required"]
    self.many = table["many"]
    # "TEXT:{PTE,PMD}", "PAGES:{dax->0,pmd->1}", "FLOAT:SECONDS", "DIR"
    value = table["value"]
    choice = re.search(r"\{(.*)\}", value)
    self.choices = ([c.split("->")[0] for c in choice[1].split(",")]
                    if choice else [])
    self.value = value.split(":")[0 if choice else -1].split(" ")[0]
    if len(self.choices) > 6:
      self.help += ": " + ", ".join(self.choices)
    elif choice:
      self.value = "|".join(self.choices)

  @property
  def long(self):
    return self.names[-1]


class Verb:

  def __init__(self, table, before, global_names):
    self.path = before + [table["name"]]
    self.help = table["help"]
    # dmsetup's usage of it, if it is one of its verbs.
    self.dmsetup = table.get("dmsetup")
    options = [Option(o) for o in table["options"]]
    self.words = [o for o in options if not o.names and self.dmsetup is None]
    self.options = [o for o in options
                    if o.names and o.long not in global_names]
    self.verbs = [Verb(v, self.path, global_names) for v in table["verbs"]]

  @property
  def name(self):
    return " ".join(self.path)

  @property
  def summary(self):
    """The first sentence."""
    text = re.sub(r"\s+", " ", self.help.split("\n\n")[0])
    return re.split(r"[.:;] ", text + " ")[0].rstrip(". ")

  def All(self):
    """Itself and the verbs below it."""
    yield self
    for verb in self.verbs:
      yield from verb.All()

  def NamesDevice(self):
    return ("<device>" in (self.dmsetup or "") or
            any("DEVICE" in w.word for w in self.words))


class Tables:

  def __init__(self, tables):
    self.global_options = [Option(o) for o in tables["global"]]
    names = {o.long for o in self.global_options}
    self.families = [[Verb(v, [], names) for v in family]
                     for family in tables["families"]]
    self.dmsetup_options = tables["dmsetup_options"]
    self.targets = tables["targets"]
    self.kernels = tables["kernels"]
    for option in self.global_options:
      if option.long == "--kernel":
        option.choices = self.kernels

  def Verbs(self):
    for family in self.families:
      for verb in family:
        yield from verb.All()
