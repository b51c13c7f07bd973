# SPDX-License-Identifier: Apache-2.0
"""Thin devices: snapshots, origins elsewhere, pools that change."""

from .. import dmsetup_steps as d
from ..story_steps import MAPPER, ask, create, io, swap
from .messages import zeroed


def case(p):
  meta, data, elsewhere = "/dev/pmem0", "/dev/pmem1", "/dev/pmem2"
  steps = [zeroed(meta)] + d.stamp([elsewhere])
  block = 128 * p.choice([1, 1, 2, 3])
  size = block * p.choice([4, 8, 64])

  def pool(features=None, length=None):
    length = length or size
    features = features or p.choice([
        "1 error_if_no_space", "1 error_if_no_space",
        "2 error_if_no_space skip_block_zeroing",
        "2 error_if_no_space ignore_discard",
        "2 error_if_no_space no_discard_passdown",
        "2 error_if_no_space read_only"])
    return f"0 {length} thin-pool {meta} {data} {block} {p.choice([0, 1, 4])} {features}"

  steps.append(create("pool", pool("1 error_if_no_space")))
  ids = p.sample(range(20), 3)
  for i in ids[:p.randint(1, 3)]:
    steps.append(d.dmsetup("message", "pool", "0", f"create_thin {i}"))
  length = block * p.choice([2, 4, 10])
  extra = lambda: p.choice(["", "", "", f" {elsewhere}"])
  thin = lambda i, more="": f"0 {length} thin {MAPPER}pool {i}{more}"
  live = {"t0": ids[0]}
  steps.append(create("t0", thin(ids[0], extra())))
  for _ in range(p.randint(5, 14)):
    name = p.choice(sorted(live))
    some = p.choice(ids + [live[name], 77])
    new = f"t{len(live)}"

    def snap():
      live[new] = 30 + len(live)
      quiet = p.chance(80)
      made = [d.dmsetup("suspend", name)] if quiet else []
      made.append(d.dmsetup("message", "pool", "0",
                            f"create_snap {live[new]} {live[name]}"))
      if quiet:
        made.append(d.dmsetup("resume", name))
      return made + [create(new, thin(live[new], extra()))]

    def resize():
      nonlocal size
      wanted = max(block, size + block * p.choice([-1, 1, 5, 100]))
      steps = swap(p, "pool", pool("1 error_if_no_space", wanted))
      if wanted < size:
        # Refused, and suspended: whatever comes next would wait for ever.
        return steps + swap(p, "pool", pool("1 error_if_no_space"))
      size = wanted
      return steps

    def another():
      live[new] = some
      return [create(new, thin(some, extra()))]

    steps += p.weighted_call({
        20: lambda: [io(p, MAPPER + name, length)],
        8: lambda: [d.dmsetup("status")],
        4: lambda: [ask(p, p.choice([name, "pool"]))],
        3: snap,
        2.5: another,
        2: lambda: [d.dmsetup("message", "pool", "0", f"delete {some}")],
        1.9: lambda: swap(p, "pool", pool()),
        1.8: resize,
        1.7: lambda: [d.dmsetup("message", "pool", "0", p.choice(
            ["reserve_metadata_snap", "release_metadata_snap",
             "set_transaction_id 0 5", "set_transaction_id 5 6"]))],
        1.6: lambda: swap(p, name, f"0 {length + block} thin {MAPPER}pool "
                                   f"{live[name]}"),
        1.5: lambda: [d.dmsetup("remove", p.choice([name, "pool"]))],
        1.4: lambda: [d.dmsetup("suspend", "pool"), ask(p, "pool"),
                      ask(p, name), d.dmsetup("resume", "pool")],
    })
  return steps + [d.dmsetup("status"), d.dmsetup("table"),
                  d.dmsetup("info", "-c")]
