# SPDX-License-Identifier: Apache-2.0
"""What the recording guest has to put a table on."""

PMEM = ["/dev/pmem0", "/dev/pmem1", "/dev/pmem2", "/dev/pmem3", "/dev/pmem4"]
RAW = "/dev/pmem5"  # a raw nvdimm: no DAX
RAM = ["/dev/ram0", "/dev/ram1"]
# Sectors at the front of each pmem that start as zeros in every case.
ZEROED = 65536


def loops(p):
  """Steps that make one or two loop devices, and their paths."""
  steps, paths = [], []
  for i in range(p.randint(1, 2)):
    path = f"/dev/loop{i}"
    steps.append({"loop": path, "mib": p.choice([1, 16, 64]),
                  "bs": p.choice([512, 4096])})
    paths.append(path)
  return steps, paths


def devices(p):
  """Steps and devices for one case: mostly pmem."""
  kind = p.weighted({"pmem": 10, "mixed": 4, "loop": 4, "ram": 2})
  if kind == "pmem":
    return [], p.sample(PMEM, p.randint(1, 3))
  if kind == "mixed":
    return [], p.sample(PMEM, 2) + [p.choice([RAW] + RAM)]
  if kind == "ram":
    return [], RAM
  steps, paths = loops(p)
  return steps, paths + p.sample(PMEM, p.randint(0, 2))
