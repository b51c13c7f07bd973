# SPDX-License-Identifier: Apache-2.0
"""Text and Markdown as the roff of a man page."""
import re


def Escape(text):
  text = text.replace("\\", "\\e").replace("-", "\\-")
  # Else a request.
  return "\\&" + text if text[:1] in ".'" else text


def Spans(text):
  """Markdown within a line."""
  text = re.sub(r"\[([^]]*)\]\([^)]*\)", r"\1", text).replace("**", "")
  return "".join(f"\\fB{Escape(part)}\\fP" if i % 2 else Escape(part)
                 for i, part in enumerate(re.split(r"`([^`]*)`", text)))


def Literal(lines):
  return [".PP", ".RS 4", ".nf"] + [Escape(l) for l in lines] + [".fi", ".RE"]


def Help(text):
  """What --help prints of a verb: paragraphs, and examples set in by two."""
  out = []
  for part in text.strip("\n").split("\n\n"):
    lines = part.split("\n")
    prose = [l for l in lines if not l.startswith("  ")]
    example = [l[2:] for l in lines if l.startswith("  ")]
    if prose:
      out += [".PP", Spans(" ".join(prose))]
    if example:
      out += Literal(example)
  return out


def _Table(lines):
  rows = [[c.strip() for c in l.strip("|").split("|")] for l in lines
          if not re.fullmatch(r"[|\-: ]+", l)]
  out = []
  for row in rows[1:]:
    out += [".TP", Spans(row[0])] + [Spans("; ".join(row[1:]))]
  return out


def Markdown(text):
  """Headings, paragraphs, lists, tables and blocks set in by four; the title
  is left out."""
  out = []
  for part in re.split(r"\n\n+(?!    )|(?<=\S)\n\n(?=    )", text.strip("\n")):
    lines = part.split("\n")
    if lines[0].startswith("<!--") or lines[0].startswith("# "):
      continue
    if lines[0].startswith("## "):
      out.append(".SH " + Escape(lines[0][3:].upper()))
    elif lines[0].startswith("    "):
      out += Literal([l[4:] for l in lines])
    elif lines[0].startswith("|"):
      out += _Table(lines)
    elif re.match(r"\*|\d+\.", lines[0]):
      for item in re.split(r"\n(?=\*|\d+\.)", part):
        tag, text = re.split(r"\s+", item, 1)
        out += [".IP %s 4" % ("\\(bu" if tag == "*" else tag),
                Spans(re.sub(r"\s+", " ", text))]
    else:
      out += [".PP", Spans(" ".join(lines))]
  return out
