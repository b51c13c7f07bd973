# SPDX-License-Identifier: Apache-2.0
"""Random choices that one seed decides, and words that are nearly right."""

import random

# Numbers that parsers of numbers disagree on.
ODD_NUMBERS = [
    "-1", "+8", "+0", "0x10", "010", "08", "1.5", "8x", "x", "0", "1", "7",
    "2147483648", "4294967295", "4294967296", "9223372036854775807",
    "18446744073709551608", "18446744073709551615", "18446744073709551616",
    "99999999999999999999", "8,", "8:0", "--8", "1e3",
]
# Words where a path or a dev_t should be.
ODD_DEVICES = [
    "/dev/nope", "/dev", "/dev/null", "259:99", "259:0:0", "259:0x", ":0",
    "259:", "-1:0", "4096:0", "259:1048576", "254:77", "pmem0",
    "pmem1", "/dev/mapper/nope", "/dev/mapper", "0", "x", "/dev/../dev/pmem1",
    "//dev//pmem0", "/dev/pmem0/", "99999999999:0", "259:00001", "10300000",
]


class Pick(random.Random):
  """random.Random with the few questions that generators ask."""

  def chance(self, percent):
    return self.randrange(100) < percent

  def weighted(self, table):
    """table: {value: weight}."""
    return self.choices(list(table), weights=list(table.values()))[0]

  def weighted_call(self, table):
    """table: {weight: function}, the weights all different."""
    return self.choices(list(table.values()), weights=list(table))[0]()

  def sectors(self, most=65536):
    """A number of sectors: mostly whole pages, sometimes not."""
    kind = self.weighted({"page": 6, "power": 4, "any": 3, "tiny": 2})
    if kind == "page":
      return 8 * self.randint(1, max(1, min(most, 8192) // 8))
    if kind == "power":
      return min(most, 1 << self.randint(3, 16))
    if kind == "any":
      return self.randint(1, min(most, 40000))
    return self.randint(1, min(most, 17))

  def offset(self):
    """Where on a device something starts."""
    kind = self.weighted({"zero": 8, "page": 5, "any": 3})
    if kind == "zero":
      return 0
    if kind == "page":
      return 8 * self.randint(1, 2048)
    return self.randint(1, 9000)

  def spoil(self, words):
    """One fault in a list of words."""
    words = list(words)
    how = self.weighted({"number": 6, "device": 4, "drop": 3, "add": 2,
                         "swap": 1, "repeat": 1})
    numbers = [i for i, w in enumerate(words) if w.lstrip("-").isdigit()]
    devices = [i for i, w in enumerate(words) if w.startswith("/dev/")]
    if how == "number" and numbers:
      words[self.choice(numbers)] = self.choice(ODD_NUMBERS)
    elif how == "device" and devices:
      words[self.choice(devices)] = self.choice(ODD_DEVICES)
    elif how == "add" or not words:
      words.insert(self.randint(0, len(words)),
                   self.choice(["0", "1", "x", "/dev/pmem0", "-"]))
    elif how == "swap" and len(words) > 1:
      i = self.randrange(len(words) - 1)
      words[i], words[i + 1] = words[i + 1], words[i]
    elif how == "repeat":
      i = self.randrange(len(words))
      words.insert(i, words[i])
    else:
      words.pop(self.randrange(len(words)))
    return words
