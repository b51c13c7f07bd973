# SPDX-License-Identifier: Apache-2.0
"""Small stories that a person would tell of a stack to try it.

Several snapshots of an origin that is written; thin devices with an origin
elsewhere; legs that fail and come back, below what copies and what keeps state;
md's sets and their parity; caches that are written; statistics; devices that
shrink under others; suspended and read-only devices in the middle; crypt whose
key comes and goes.
"""

from .. import dmsetup_steps as d
from .. import guest
from .messages import zeroed

MAPPER = "/dev/mapper/"


def create(name, table, *options):
  return d.dmsetup("create", *options, name, stdin=table + "\n")


def load(name, table, *options):
  return d.dmsetup("load", *options, name, stdin=table + "\n")


def swap(p, name, table, *options):
  """A reload, with or without a suspend before it."""
  first = p.choice([[], [], [d.dmsetup("suspend", name)],
                    [d.dmsetup("suspend", "--noflush", name)]])
  return first + [load(name, table, *options), d.dmsetup("resume", name)]


def io(p, path, sectors):
  """A read or write of whole pages, or where some sectors come from."""
  at = 8 * p.randrange(max(1, sectors // 8))
  count = min(p.choice([8, 8, 8, 16, 64]), max(8, sectors - at))
  return p.weighted_call({
      4: lambda: {"pwrite": path, "off": at * 512, "bytes": count * 512},
      3: lambda: {"pread": path, "off": at * 512, "bytes": count * 512},
      2: lambda: {"whereis": path, "sectors": [at, at + 1, at + 7]},
  })


def ask(p, name):
  return d.dmsetup(*p.choice([
      ["status", name], ["status", name], ["table", name], ["info", name],
      ["deps", name], ["status"], ["info", "-c"], ["table", "--inactive", name],
      ["status", "--inactive", name], ["status", "--noflush", name],
      ["info", "--inactive", name],
      ["info", "-c", "--noheadings", "-o",
       "name,attr,open,segments,events,uuid,devnos_used,tables_loaded,suspended,"
       "readonly,device_count,names_using_dev", name]]))


ORIGIN = 8192


def snaps(p):
  """An origin, up to three snapshots, merges and stores that are full."""
  disk, store = "/dev/pmem0", "/dev/pmem1"
  steps = d.stamp([disk]) + [zeroed(store)]
  chunk = p.choice([8, 8, 16, 32, 128])
  steps += [create("base", f"0 {ORIGIN} linear {disk} 0"),
            create("org", f"0 {ORIGIN} snapshot-origin {MAPPER}base")]
  names, at = [], 0
  for i in range(p.randint(1, 3)):
    size = chunk * p.choice([3, 4, 6, 20, 100])
    kind = p.choice(["P", "P", "PO", "N", "N"])
    own = chunk if p.chance(80) else chunk * 2
    steps += [create(f"c{i}", f"0 {size} linear {store} {at}"),
              create(f"s{i}", f"0 {ORIGIN} snapshot {MAPPER}base {MAPPER}c{i} "
                              f"{kind} {own}")]
    names.append((f"s{i}", kind, own, i))
    at += 16384
  for _ in range(p.randint(5, 14)):
    name, kind, own, i = p.choice(names)
    table = f"0 {ORIGIN} snapshot {MAPPER}base {MAPPER}c{i} {kind} {own}"
    merge = table.replace(" snapshot ", " snapshot-merge ")
    steps += p.weighted_call({
        20: lambda: [io(p, MAPPER + p.choice(["org", "org", name, name, name]),
                        512)],
        6: lambda: [ask(p, p.choice([name, "org"]))],
        5: lambda: [d.dmsetup("status", name)],
        2: lambda: swap(p, name, table),
        1.9: lambda: swap(p, "org", f"0 {ORIGIN} snapshot-origin {MAPPER}base"),
        1.8: lambda: [d.dmsetup("suspend", "org"), d.dmsetup("suspend", name),
                      load("org", merge), d.dmsetup("resume", "org"),
                      {"sleep": 2}, d.dmsetup("status"),
                      d.dmsetup("remove", name)],
        1.7: lambda: [d.dmsetup("remove", name), create(name, table)],
        1.6: lambda: [d.dmsetup("suspend", name), load(name, merge),
                      d.dmsetup("resume", name), {"sleep": 2},
                      d.dmsetup("status", name)],
        1.5: lambda: [d.dmsetup("remove", p.choice([name, "org", "base"]))],
        1: lambda: [d.dmsetup("message", name, "0", "hello")],
    })
  return steps + [d.dmsetup("status"), d.dmsetup("table"),
                  d.dmsetup("info", "-c")]


def pools(p):
  """Thin devices: snapshots, origins elsewhere, pools that change."""
  meta, data, elsewhere = "/dev/pmem0", "/dev/pmem1", "/dev/pmem2"
  steps = [zeroed(meta)] + d.stamp([elsewhere])
  block = 128 * p.choice([1, 1, 2, 3])
  size = block * p.choice([4, 8, 64])

  def pool(features=None, length=size):
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
        1.8: lambda: swap(p, "pool", pool("1 error_if_no_space",
                                          max(block, size + block * p.choice(
                                              [-1, 1, 5, 100])))),
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


LEGS = 4096


def faulty(p):
  """Legs that fail and come back below a target that has several."""
  disks = p.sample(guest.PMEM[:4], 3)
  steps = d.stamp(disks)
  good = [f"0 {LEGS} linear {disk} 0" for disk in disks]
  half = [f"0 1024 linear {disk} 0" for disk in disks]
  bad = f"0 {LEGS} error"
  if p.chance(40):
    # flakey: up, and down with its features.
    good = [f"0 {LEGS} flakey {disk} 0 60 0" for disk in disks]
    half = [f"0 {LEGS} flakey {disk} 0 0 60 {words}" for disk, words in zip(
        disks, p.sample(["", "1 error_writes", "1 error_reads"], 3))]
  for i, table in enumerate(good):
    steps.append(create(f"l{i}", table))
  legs = [f"{MAPPER}l{i}" for i in range(3)]
  kind = p.weighted({"mirror": 7, "multipath": 5, "striped": 4, "linear": 1,
                     "raid0": 1})
  if kind == "mirror":
    log = p.choice(["core 2 128 nosync", "core 1 128",
                    f"disk 2 {legs[2]} 128", f"disk 3 {legs[2]} 128 nosync"])
    count = 2 if "disk" in log else p.randint(2, 3)
    table = (f"0 2048 mirror {log} {count} "
             f"{' '.join(f'{leg} 0' for leg in legs[:count])}" +
             # With handle_errors alone a write that fails waits for ever.
             p.choice(["", " 2 handle_errors keep_log"]))
  elif kind == "multipath":
    groups = p.choice([1, 2, 3])
    text = [f"{p.choice(['round-robin', 'queue-length', 'service-time'])} 0 "
            f"{len(legs[g::groups])} 0 {' '.join(legs[g::groups])}"
            for g in range(groups)]
    features = p.choice(["0", "2 queue_mode bio", "2 pg_init_retries 5"])
    table = f"0 2048 multipath {features} 0 {groups} 1 {' '.join(text)}"
  elif kind == "raid0":
    table = "0 3072 raid raid0 1 64 3 " + " ".join(f"- {leg}" for leg in legs)
  elif kind == "striped":
    table = f"0 3072 striped 3 16 {' '.join(f'{leg} 0' for leg in legs)}"
  else:
    table = (f"0 1024 linear {legs[0]} 0\n1024 1024 linear {legs[1]} 512\n"
             f"2048 1000 linear {legs[2]} 0")
  steps += [create("top", table), {"sleep": 1}, d.dmsetup("status", "top")]
  for _ in range(p.randint(4, 10)):
    i = p.randrange(3)
    steps += p.weighted_call({
        12: lambda: [io(p, MAPPER + "top", 2048)],
        5: lambda: swap(p, f"l{i}", p.choice([bad, bad, half[i]])),
        3: lambda: swap(p, f"l{i}", good[i]),
        4: lambda: [d.dmsetup("status", "top")],
        3.5: lambda: [ask(p, "top")],
        2: lambda: [d.dmsetup("suspend", "top"), ask(p, "top"),
                    d.dmsetup("resume", "top"), {"sleep": 1}],
        1.9: lambda: swap(p, "top", table) + [{"sleep": 1}],
        1.8: lambda: [d.dmsetup("wait", "top", 0)]
             if kind == "mirror" and p.chance(30) else [],
        1.7: lambda: [d.dmsetup("message", "top", "0", *p.choice(
            [[f"fail_path", legs[i]], ["reinstate_path", legs[i]],
             ["switch_group", "1"], ["disable_group", "1"]]))]
             if kind == "multipath" else [],
    })
    if p.chance(25):
      steps.append(d.dmsetup("status", "top"))
  return steps + [d.dmsetup("status"), d.dmsetup("info", "-c"),
                  d.dmsetup("table", "top")]


def raidio(p):
  """md's sets: where data and parity lie, with all legs or some."""
  kind, least = p.choice([
      ("raid0", 2), ("raid1", 2), ("raid4", 3), ("raid5_la", 3),
      ("raid5_ra", 3), ("raid5_ls", 3), ("raid5_rs", 3), ("raid5_n", 3),
      ("raid6_zr", 4), ("raid6_nr", 4), ("raid6_nc", 4), ("raid6_n_6", 4),
      ("raid6_ls_6", 4), ("raid10", 2), ("raid10", 3), ("raid10", 4)])
  legs = min(5, least + p.choice([0, 0, 1]))
  chunk = p.choice([8, 16, 64])
  params = [str(chunk)]
  if kind == "raid1":
    params = ["0"]
  if kind != "raid0":
    params.append(p.choice(["nosync", "nosync", "sync"]))
  if kind == "raid10" and p.chance(60):
    params += ["raid10_format", p.choice(["near", "far", "offset"])]
    params += ["raid10_copies", p.choice(["2", "2", "3"])] if p.chance(
        50) else []
  steps, names = [], []
  for i in range(legs):
    disk = guest.PMEM[i % 5]
    steps += d.stamp([disk]) if i < 5 else []
    steps.append(create(f"l{i}", f"0 4096 linear {disk} 0"))
    names.append(f"{MAPPER}l{i}")
    if kind == "raid10":
      steps.append(create(f"m{i}", f"0 8192 linear {disk} 16384"))
  data = {"raid0": legs, "raid1": 1, "raid10": 1}.get(
      kind, legs - (2 if kind.startswith("raid6") else 1))
  length = data * 1024
  gone = p.randrange(legs) if kind not in ("raid0",) and p.chance(25) else -1
  # md knows the layout of a raid10 from its metadata alone.
  metas = [name.replace("/l", "/m") if kind == "raid10" else "-"
           for name in names]
  if kind == "raid10":
    gone, params = -1, [word for word in params if "sync" not in word]
  words = " ".join("- -" if i == gone else f"{meta} {name}"
                   for i, (meta, name) in enumerate(zip(metas, names)))
  table = (f"0 {length} raid {kind} {len(params)} {' '.join(params)} {legs} "
           f"{words}")
  steps += [create("top", table), {"sleep": 1}, d.dmsetup("status", "top")]
  # md that can not note a failure of a leg anywhere waits for ever.
  for _ in range(p.randint(5, 12)):
    i = p.randrange(legs)
    steps += p.weighted_call({
        14: lambda: [io(p, MAPPER + "top", length)],
        5: lambda: [{"whereis": p.choice(names), "sectors": [
            8 * p.randrange(64), 8 * p.randrange(64) + 3]}],
        3: lambda: [d.dmsetup("status", "top")],
        1: lambda: [d.dmsetup("suspend", "top"), d.dmsetup("resume", "top"),
                    {"sleep": 1}],
    })
  return steps + [{"sleep": 1}, d.dmsetup("status"), d.dmsetup("info", "-c"),
                  d.dmsetup("table", "top")]


def counted(p):
  """Statistics of regions, and the I/O that they count."""
  disk = p.choice(guest.PMEM[:4])
  steps = d.stamp([disk])
  steps += [create("low", f"0 4096 linear {disk} 0"),
            create("top", f"0 2048 striped 2 16 {MAPPER}low 0 {MAPPER}low 2048")]

  for _ in range(p.randint(5, 14)):
    name = p.choice(["low", "top"])
    region = p.choice([0, 0, 1, 2, 7, "x", ""])
    text = p.weighted({
        f"@stats_create {p.choice(['-', '0+512', '512+64', '100+1', '4000+200', 'x', '-1'])} "
        f"{p.choice(['/1', '/4', '64', '16', '1000', '/0', 'x', '0'])}"
        f"{p.choice(['', '', ' prog', ' prog aux', ' 1 precise_timestamps', ' 1 histogram:1,2,5', ' 2 precise_timestamps histogram:100'])}": 8,
        "@stats_list": 3, "@stats_list prog": 1,
        f"@stats_delete {region}": 2, f"@stats_clear {region}": 2,
        f"@stats_print {region}": 5, f"@stats_print_clear {region}": 3,
        f"@stats_print {region} 0 1": 1, f"@stats_print {region} 1 9": 1,
        f"@stats_set_aux {region} {p.choice(['-', 'a', ''])}": 1,
        "@stats_nope": 0.5, "@stats_create": 0.5})
    steps += p.weighted_call({
        10: lambda: [d.dmsetup("message", name, "0", *text.split())],
        8: lambda: [io(p, MAPPER + name, 2048)],
        1: lambda: swap(p, name, f"0 {p.choice([2048, 1024])} linear {disk} 8"),
    })
  return steps + [d.dmsetup("message", "top", "0", "@stats_list"),
                  d.dmsetup("message", "low", "0", "@stats_list")]


def warm(p):
  """Caches that are used: the same blocks again, writes, and what is counted."""
  meta, fast, slow = "/dev/pmem0", "/dev/pmem1", "/dev/pmem2"
  steps = [zeroed(meta), zeroed(fast)] + d.stamp([slow])
  kind = p.choice(["cache", "writecache", "writecache"])
  length = 8192
  if kind == "cache":
    mode = p.choice(["0", "1 writethrough", "1 writeback", "1 passthrough",
                     "1 metadata2"])
    table = (f"0 {length} cache {meta} {fast} {slow} 64 {mode} "
             f"{p.choice(['smq 0', 'cleaner 0'])}")
  else:
    block = p.choice([4096, 4096, 512])
    # Times that a step may take would tell how fast the guest is.
    options = p.choice(["0", "0", "2 autocommit_blocks 4",
                        "2 autocommit_time 60000", "2 writeback_jobs 2",
                        "1 cleaner", "2 max_age 60000", "1 metadata_only",
                        "1 nofua", "2 pause_writeback 1000"])
    table = (f"0 {length} writecache {p.choice('ssp')} {slow} {fast} {block} "
             f"{options}")
  steps += [create("top", table), d.dmsetup("status", "top")]
  hot = [8 * p.randrange(length // 8) for _ in range(p.randint(1, 3))]
  for _ in range(p.randint(4, 14)):
    at = p.choice(hot)
    steps += p.weighted_call({
        10: lambda: [{"pwrite": f"{MAPPER}top", "off": at * 512,
                      "bytes": 4096}],
        9: lambda: [{"pread": f"{MAPPER}top", "off": at * 512,
                     "bytes": 4096}] * p.choice([1, 1, 3]),
        4: lambda: [io(p, f"{MAPPER}top", length)],
        5: lambda: [d.dmsetup("status", "top")],
        2: lambda: [d.dmsetup("message", "top", "0", p.choice(
            ["flush", "flush_on_suspend", "clear_stats"]))]
             if kind == "writecache" else [],
        1.9: lambda: [{"sleep": 2}],
        1.8: lambda: [d.dmsetup("suspend", "top"), d.dmsetup("resume", "top"),
                      d.dmsetup("status", "top")],
        1.7: lambda: [d.dmsetup("remove", "top"), create("top", table),
                      d.dmsetup("status", "top")],
    })
  return steps + [{"whereis": slow, "sectors": [hot[0]]},
                  d.dmsetup("status"), d.dmsetup("info", "-c")]


def broken(p):
  """What keeps state, on devices that fail under it and come back."""
  disks = p.sample(guest.PMEM[:4], 3)
  steps = [zeroed(disks[0])] + d.stamp(disks[1:])
  size = 8192
  good = [f"0 {size} linear {disk} 0" for disk in disks]
  late = [f"0 2048 linear {disk} 0\n2048 {size - 2048} error"
          for disk in disks]
  flaky = [f"0 {size} flakey {disk} 0 0 60 {words}" for disk, words in zip(
      disks, p.sample(["", "1 error_writes", "1 drop_writes", "1 error_reads",
                       ""], 3))]
  bad = f"0 {size} error"
  for i, table in enumerate(good):
    steps.append(create(f"l{i}", table))
  meta, data, other = (f"{MAPPER}l{i}" for i in range(3))
  kind = p.choice(["thin", "snapshot", "cache", "era", "clone", "writecache",
                   "integrity", "crypt", "delay", "log-writes", "origin"])
  length = 4096
  table = {
      "thin": f"0 {size} thin-pool {meta} {data} 128 0 1 error_if_no_space",
      "snapshot": f"0 {length} snapshot {data} {meta} P 16",
      "cache": f"0 {length} cache {meta} {data} {other} 128 "
               f"{p.choice(['0', '1 writethrough', '1 passthrough'])} smq 0",
      "era": f"0 {length} era {meta} {data} 128",
      "clone": f"0 {length} clone {meta} {data} {other} 128 1 no_hydration",
      "writecache": f"0 {length} writecache s {data} {meta} 4096 0",
      "integrity": f"0 {length} integrity {meta} 0 - {p.choice('JDB')} 1 "
                   "internal_hash:crc32c",
      "crypt": f"0 {length} crypt aes-xts-plain64 {'0f' * 32} 0 {data} 0",
      "delay": f"0 {length} delay {data} 0 0 {other} 0 0",
      "log-writes": f"0 {length} log-writes {data} {meta}",
      "origin": f"0 {length} snapshot-origin {data}"}[kind]
  top = "top"
  steps.append(create("pool" if kind == "thin" else "top", table))
  if kind == "thin":
    steps += [d.dmsetup("message", "pool", "0", "create_thin 0"),
              create("top", f"0 {length} thin {MAPPER}pool 0")]
  for _ in range(p.randint(4, 10)):
    i = p.choice([0, 0, 1, 1, 2])
    steps += p.weighted_call({
        14: lambda: [io(p, MAPPER + top, length)],
        6: lambda: swap(p, f"l{i}", p.choice([bad, bad, late[i], flaky[i]])),
        3: lambda: swap(p, f"l{i}", good[i]),
        4: lambda: [d.dmsetup("status", *p.choice([["top"], []]))],
        2: lambda: [d.dmsetup("suspend", "top"), d.dmsetup("resume", "top")],
        1.5: lambda: [d.dmsetup("remove", "top"), d.dmsetup("info", "-c")],
        1.4: lambda: [d.dmsetup("message", "pool", "0", p.choice(
            ["create_thin 1", "create_snap 2 0", "delete 1"]))]
             if kind == "thin" else [],
    })
    if p.chance(25):
      steps.append(d.dmsetup("status"))
  # The case must end.
  for i, table in enumerate(good):
    steps += [load(f"l{i}", table), d.dmsetup("resume", f"l{i}")]
  return steps + [d.dmsetup("status"), d.dmsetup("info", "-c"),
                  d.dmsetup("table")]


def resized(p):
  """Devices that shrink and grow under others, with what is asked then."""
  disks = p.sample(guest.PMEM[:4], 2)
  steps = d.stamp(disks)
  sizes = [8, 1024, 2048, 4096, 4096 + 8, 8192, 1001]

  def low(size):
    cut = 8 * p.randint(0, size // 8)
    if p.chance(30) and 0 < cut < size:
      return (f"0 {cut} linear {disks[0]} {8 * p.randint(0, 9)}\n"
              f"{cut} {size - cut} linear {disks[1]} 0")
    return f"0 {size} {p.choice(['linear', 'linear', 'linear', 'delay'])} " \
           f"{disks[0]} {8 * p.randint(0, 9)}".replace(
               "delay", "linear" if p.chance(60) else "flakey") + ""

  def fixed(text):
    return "\n".join(line + " 60 0" if " flakey " in line else line
                     for line in text.split("\n"))

  def over(size):
    return p.weighted({
        f"0 {size} linear {MAPPER}low 0": 5,
        f"0 {max(size - 8, 8)} linear {MAPPER}low 8": 2,
        f"0 {2 * (size // 2 // 8 * 8) or 16} striped 2 8 {MAPPER}low 0 "
        f"{disks[1]} 0": 3,
        f"0 {size} snapshot-origin {MAPPER}low": 1,
        f"0 {size} delay {MAPPER}low 0 0": 1,
        f"0 {size} mirror core 2 128 nosync 2 {MAPPER}low 0 {disks[1]} 0": 1,
        f"0 {size} zero": 0.5})
  size = p.choice(sizes)
  steps += [create("low", fixed(low(size))), create("mid", over(size)),
            create("top", f"0 {max(8, size - 16)} linear {MAPPER}mid 0")]
  for _ in range(p.randint(4, 12)):
    name = p.choice(["low", "mid", "top"])
    size = p.choice(sizes)
    steps += p.weighted_call({
        8: lambda: [io(p, MAPPER + name, size)],
        7: lambda: swap(p, "low", fixed(low(size))),
        3: lambda: swap(p, "mid", over(size)),
        2: lambda: swap(p, "top", f"0 {size} linear {MAPPER}mid 0"),
        4: lambda: [ask(p, name)],
        1.5: lambda: [load(name, f"0 {size} linear {disks[1]} 0"),
                      ask(p, name), d.dmsetup("clear", name)],
        1.4: lambda: [{"open": MAPPER + name, "mode": p.choice(["r", "excl"])}],
        1.3: lambda: [d.dmsetup("remove", name)],
        1.2: lambda: [{"part": MAPPER + name, "n": 1, "start": 8,
                       "sectors": 16}],
        1.1: lambda: [{"devs": 1}],
    })
  return steps + [d.dmsetup("status"), d.dmsetup("table"),
                  d.dmsetup("info", "-c"), d.dmsetup("ls", "--tree")]


def locked(p):
  """Suspended and read-only devices in the middle of a stack."""
  disks = p.sample(guest.PMEM[:4], 2)
  steps = d.stamp(disks)
  names = ["a", "b", "c", "e"]
  ro = lambda: p.choice([[], [], [], ["--readonly"]])
  suspended = set()
  below = list(disks)
  for name in names[:p.randint(2, 4)]:
    leg = p.choice(below)
    steps.append(create(name, p.weighted({
        f"0 2048 linear {leg} 0": 5,
        f"0 2048 striped 2 8 {leg} 0 {p.choice(below)} 1024": 2,
        f"0 1024 linear {leg} 0\n1024 1024 linear {p.choice(below)} 8": 2,
        f"0 2048 snapshot-origin {leg}": 1,
        f"0 2048 crypt aes-xts-plain64 {'0f' * 32} 0 {leg} 0": 1,
        f"0 2048 mirror core 2 128 nosync 2 {leg} 0 {p.choice(below)} 0": 1,
        f"0 2048 log-writes {leg} {disks[1]}": 0.7,
        f"0 2048 delay {leg} 0 0": 1}), *ro()))
    below.append(MAPPER + name)
  for _ in range(p.randint(5, 12)):
    name = p.choice(names)
    leg = p.choice(below)

    def suspend():
      suspended.add(name)
      return [d.dmsetup("suspend", *p.choice(
          [[], ["--noflush"], ["--nolockfs"]]), name)]

    def resume():
      suspended.discard(name)
      return [d.dmsetup("resume", *p.choice([[], [], ["--noflush"],
                                             ["--readonly"]]), name)]
    steps += p.weighted_call({
        5: suspend,
        4: resume,
        6: lambda: [ask(p, name)],
        5.5: lambda: [io(p, p.choice(below), 2048)] if not suspended else [],
        3: lambda: [load(name, f"0 2048 linear {leg} {8 * p.randrange(4)}",
                         *ro())],
        2: lambda: [create("n", f"0 1024 linear {leg} 0", *ro()),
                    d.dmsetup("remove", "n")],
        1.9: lambda: [{"setro": p.choice(below), "ro": p.chance(60)}],
        1.8: lambda: [{"open": leg, "mode": p.choice(["r", "w", "rw", "excl"])},
                      d.dmsetup("info", name), {"close": leg}, {"sleep": 0.1},
                      {"devs": 1}],
        1.7: lambda: [d.dmsetup("rename", name, p.choice(["z", name, "a"]))],
        1.6: lambda: [d.dmsetup("rename", "--setuuid", name, "U-" + name)],
        1.5: lambda: [d.dmsetup("message", name, "0", p.choice(
            ["hello", "mark x", "@stats_list", "key wipe"]))],
        1.4: lambda: [d.dmsetup("deps", "--inactive", name)],
        1.3: lambda: [{"ioctl": p.choice(["TABLE_STATUS", "DEV_STATUS",
                                          "TABLE_DEPS"]), "name": name,
                       "flags": p.choice([[], ["status_table"],
                                          ["query_inactive"], ["noflush"]])}],
    })
  for disk in disks:
    steps.append({"setro": disk, "ro": False})
  return steps + [d.dmsetup("table"), d.dmsetup("info", "-c"),
                  d.dmsetup("deps")]


def keys(p):
  """crypt: keys that go and come, and what is read meanwhile."""
  disk = p.choice(guest.PMEM[:4])
  steps = d.stamp([disk])
  size = p.choice([16, 32, 64])
  cipher = p.choice(["aes-xts-plain64", "aes-xts-plain64", "aes-cbc-essiv:sha256",
                     "aes-cbc-plain", "aes-ecb", "cipher_null-ecb",
                     "capi:xts(aes)-plain64", "aes-xts-plain64be",
                     "aes-cbc-null", "aes-ctr-plain64"])
  if "null" in cipher and "ecb" in cipher:
    key = lambda: "-"
  else:
    key = lambda: p.choice(["0f", "a5", "00"]) * size
  options = p.choice(["", "", " 1 sector_size:4096", " 1 allow_discards",
                      " 2 sector_size:4096 iv_large_sectors",
                      " 1 no_read_workqueue", " 2 same_cpu_crypt "
                      "submit_from_crypt_cpus"])
  table = lambda: (f"0 2048 crypt {cipher} {key()} {p.choice([0, 0, 1, 8])} "
                   f"{disk} 0{options}")
  steps.append(create("c", table()))
  suspended = False
  for _ in range(p.randint(4, 12)):
    kind = p.weighted({"io": 8, "suspend": 4, "resume": 4, "wipe": 3, "set": 4,
                       "ask": 6, "load": 2, "odd": 2, "above": 1})
    if kind == "io":
      steps += [] if suspended else [p.weighted({
          "r": 3, "w": 3, "low": 1, "where": 1})]
      if steps and isinstance(steps[-1], str):
        what = steps.pop()
        at = 8 * p.randrange(64)
        steps.append({
            "r": {"pread": MAPPER + "c", "off": at * 512, "bytes": 4096},
            "w": {"pwrite": MAPPER + "c", "off": at * 512, "bytes": 4096},
            "low": {"pread": disk, "off": at * 512, "bytes": 4096},
            "where": {"whereis": MAPPER + "c", "sectors": [at]}}[what])
    elif kind == "suspend":
      steps.append(d.dmsetup("suspend", "c"))
      suspended = True
    elif kind == "resume":
      steps.append(d.dmsetup("resume", "c"))
      suspended = False
    elif kind == "wipe":
      steps.append(d.dmsetup("message", "c", "0", *p.choice(
          [["key", "wipe"], ["key wipe"], ["key", "wipe", "x"]])))
    elif kind == "set":
      steps.append(d.dmsetup("message", "c", "0", "key", "set", p.choice(
          [key(), key(), "00", "-", "zz" * size, key() + "0"])))
    elif kind == "load":
      steps.append(load("c", table()))
    elif kind == "odd":
      steps.append(d.dmsetup("message", "c", "0", p.choice(
          ["key", "key set", "KEY wipe", "key drop", "hello"])))
    elif kind == "above":
      steps += [create("n", f"0 1024 linear {MAPPER}c 0"),
                d.dmsetup("remove", "n")]
    if kind == "ask" or p.chance(20):
      steps.append(d.dmsetup(*p.choice([
          ["table", "c"], ["table", "--showkeys", "c"], ["status", "c"],
          ["table", "--inactive", "--showkeys", "c"], ["info", "c"]])))
  return steps + [d.dmsetup("resume", "c"),
                  d.dmsetup("table", "--showkeys", "c"),
                  d.dmsetup("status", "c")]


KINDS = {f.__name__: f for f in (
    snaps, pools, faulty, raidio, counted, warm, broken, resized, locked, keys)}
