# SPDX-License-Identifier: Apache-2.0
"""Man pages: one of the command, one a family of verbs, and of the formats."""
import re

from roff import Escape, Help, Literal, Markdown, Spans


def _Page(name, section, summary, body):
  lines = [
      '.\\" SPDX\\-License\\-Identifier: Apache\\-2.0',
      f'.TH {Escape(name.upper())} {section} "" dmdax dmdax', ".SH NAME",
      f"{Escape(name)} \\- {Spans(summary[:1].lower() + summary[1:])}"
  ]
  return "\n".join(lines + body) + "\n"


def _Options(options):
  out = []
  for o in options:
    names = ", ".join(f"\\fB{Escape(n)}\\fP" for n in o.names) or (
        f"\\fI{Escape(o.word)}\\fP")
    value = f" \\fI{Escape(o.value)}\\fP" if o.names and o.value else ""
    out += [".TP", names + value, Spans(o.help) or "\\&"]
  return out


def _Synopsis(verb):
  if verb.dmsetup is not None:
    # Another way to call it begins with its name once more.
    ways = re.split(rf"\s+{re.escape(verb.name)} ", " " + verb.dmsetup)
    ways = ["[dmsetup's options] " + re.sub(r"\s+", " ", w.strip())
            for w in ways]
  else:
    words = ["[options]"] if verb.options else []
    for w in verb.words:
      word = w.word + ("..." if w.many else "")
      words.append(word if w.required else f"[{word}]")
    ways = [" ".join(words)]
  out = []
  for way in ways:
    out += [".PP", "\\fBdmdax\\fP [global options] "
            f"\\fB{Escape(verb.name)}\\fP " + Escape(way).replace("\\&", "")]
  return out


def _FamilyPage(name, summary, verbs, dmsetup_options):
  verbs = [v for top in verbs for v in top.All()]
  body = [".SH SYNOPSIS"]
  for verb in verbs:
    if not verb.verbs:
      body += _Synopsis(verb)
  body.append(".SH DESCRIPTION")
  for verb in verbs:
    if len(verbs) > 1:
      body.append(".SS " + Escape(verb.name))
    body += Help(verb.help)
    # The options that every verb has are in dmdax(1).
    body += _Options(verb.words + [o for o in verb.options
                                   if o.long != "--help"])
  see_also = ("\\fBdmdax\\fP(1), \\fBdmdax\\-world\\fP(5), "
              "\\fBdmdax\\-table\\fP(5)")
  if verbs[0].dmsetup is not None:
    body += [".SH DMSETUP'S OPTIONS", "They mean what \\fBdmsetup\\fP(8) says: "
             + ", ".join(f"\\fB{Escape(o['name'])}\\fP" +
                         (" \\fIvalue\\fP" if o["value"] else "")
                         for o in dmsetup_options) + "."]
    see_also += ", \\fBdmsetup\\fP(8)"
  body += [".SH SEE ALSO", see_also]
  return _Page(name, 1, summary, body)


def _FamilyName(family):
  if family[0].dmsetup is not None:
    return "dmdax-dmsetup", "dmsetup's verbs, with dmsetup's options"
  return "dmdax-" + family[0].path[0], family[0].summary


def _Command(tables):
  body = [
      ".SH SYNOPSIS", "\\fBdmdax\\fP [global options] \\fIVERB\\fP ...",
      ".SH DESCRIPTION",
      "Given a machine (persistent memory, block devices) and device\\-mapper "
      "tables, \\fBdmdax\\fP tells what the kernel would do: whether it takes "
      "a table, which page frame each page gets, which faults get huge pages, "
      "and what stands in their way.  It needs neither root nor hardware, and "
      "touches no disk.", ".SH VERBS"
  ]
  for family in tables.families:
    page, _ = _FamilyName(family)
    body.append(f".SS In \\fB{Escape(page)}\\fP(1)")
    for verb in family:
      body += [".TP", f"\\fB{Escape(verb.name)}\\fP", Spans(verb.summary)]
  body += [".SH GLOBAL OPTIONS"] + _Options(tables.global_options)
  body += [
      ".SH EXIT STATUS", "0: done; 1: refused or failed; 2: a command line "
      "that makes no sense, or (of \\fBcheck\\fP) what is required does not "
      "hold.", ".SH SEE ALSO",
      ", ".join(f"\\fB{Escape(_FamilyName(f)[0])}\\fP(1)"
                for f in tables.families) +
      ", \\fBdmdax\\-world\\fP(5), \\fBdmdax\\-table\\fP(5), \\fBdmsetup\\fP(8)"
  ]
  return _Page("dmdax", 1, "the Linux device-mapper with DAX, in user space",
               body)


def _Schema(proto):
  """The messages of world.proto, with what is said of each field."""
  out = []
  text = proto[proto.index("message World"):]
  for block in re.split(r"\n\n", text):
    out += Literal(block.strip("\n").split("\n"))
  return out


def _Grammars(sources):
  """{target: the comment at the top of its source}."""
  grammars = {}
  for source in sources:
    text = open(source).read()
    if "DM_REGISTER_TARGET" not in text:
      continue
    comment = []
    for line in text.split("\n")[2:]:
      if not line.startswith("//"):
        break
      comment.append(line[3:])
    named = re.match(r"([a-z-]+): ", comment[0])
    if named:
      grammars[named[1]] = comment
  return grammars


def _TablePage(tables, markdown, sources):
  body = [".SH DESCRIPTION"] + Markdown(markdown) + [".SH TARGETS"]
  grammars = _Grammars(sources)
  for target in sorted(tables.targets, key=lambda t: t["name"]):
    body.append(".SS " + Escape(target["name"]))
    comment = grammars.get(target["name"])
    if comment is None:
      raise SystemExit(f"no source begins with '// {target['name']}: '")
    body += Literal(comment + ["", target["example"]])
  body += [".SH SEE ALSO", "\\fBdmdax\\fP(1), \\fBdmdax\\-world\\fP(5)"]
  return _Page("dmdax-table", 5, "tables of device-mapper, in any form", body)


def _WorldPage(markdown, proto):
  body = ([".SH DESCRIPTION"] + Markdown(markdown) + [".SH FIELDS"] +
          _Schema(proto) +
          [".SH SEE ALSO", "\\fBdmdax\\fP(1), \\fBdmdax\\-table\\fP(5)"])
  return _Page("dmdax-world", 5, "a machine as a file", body)


def ManPages(tables, documents):
  """{path below the folder of man pages: text}."""
  pages = {"man1/dmdax.1": _Command(tables)}
  for family in tables.families:
    name, summary = _FamilyName(family)
    pages[f"man1/{name}.1"] = _FamilyPage(name, summary, family,
                                              tables.dmsetup_options)
    for verb in family:
      pages.setdefault(f"man1/dmdax-{verb.path[0]}.1", f".so man1/{name}.1\n")
  pages["man5/dmdax-table.5"] = _TablePage(tables, documents["table"],
                                           documents["targets"])
  pages["man5/dmdax-world.5"] = _WorldPage(documents["world"],
                                           documents["proto"])
  return pages
