# SPDX-License-Identifier: Apache-2.0
"""Targets that keep state: their messages, and what their status counts.

A thin pool, cache, era, clone, writecache, snapshot, mirror or log-writes on
metadata of some size: written, sent messages, suspended, removed and made
anew.
"""

from ..guest import ZEROED

META, DATA, ORIGIN = "/dev/pmem0", "/dev/pmem1", "/dev/pmem2"
# Sectors of a metadata device: from hardly enough to a whole pmem.
METADATA = [64, 128, 256, 1024, 4096, 8192, 32768, 131072, 1048576]
ODD_WORDS = ["", "x", "-1", "0", "16777215", "16777216", "1 2", "4294967296"]


def dmsetup(*args, table=None):
  step = {"dmsetup": list(args)}
  if table is not None:
    step["stdin"] = table + "\n"
  return step


def zeroed(dev):
  return {"exec": ["dd", "if=/dev/zero", f"of={dev}", "bs=4096", "count=64"]}


def metadata(p, steps):
  """A blank metadata device; sometimes one of odd size on a linear device."""
  steps.append(zeroed(META))
  if p.chance(40):
    return META
  size = p.choice(METADATA) + p.choice([0, 0, 0, 8, 40])
  steps.append(dmsetup("create", "meta", table=f"0 {size} linear {META} 0"))
  return "/dev/mapper/meta"


def message(p, name, words):
  """Sent as one word or as several, which dmsetup joins."""
  text = p.weighted(words)
  if p.chance(8):
    text = f"{text} {p.choice(ODD_WORDS)}".strip()
  parts = text.split() if p.chance(50) else [text]
  return dmsetup("message", name, "0", *parts)


def write(p, name, sectors, block=8):
  """A write of some pages, at some block of the device."""
  at = p.randrange(max(1, sectors // block)) * block
  size = min(sectors - at, p.choice([8, 8, 16, block]))
  return {"pwrite": f"/dev/mapper/{name}", "off": at * 512,
          "bytes": max(1, size // 8) * 4096}


def read(p, name, sectors):
  # What lies behind, a case before this one may have written.
  known = min(sectors, ZEROED)
  return {"pread": f"/dev/mapper/{name}",
          "off": p.randrange(known // 8) * 4096, "bytes": 4096}


def thin(p):
  """A pool, its devices and their snapshots."""
  steps = []
  meta = metadata(p, steps)
  block = 128 * p.choice([1, 1, 1, 2, 3, 8])
  size = block * p.choice([4, 16, 100, 512, 1024])
  low = p.choice([0, 0, 2, 100])
  features = p.sample(["skip_block_zeroing", "ignore_discard",
                       "no_discard_passdown", "error_if_no_space"],
                      p.choice([0, 0, 1, 2]))
  # A pool that is full and waits would stop the case.
  if "error_if_no_space" not in features:
    features.append("error_if_no_space")

  def table(length):
    return (f"0 {length} thin-pool {meta} {DATA} {block} {low} "
            f"{len(features)} {' '.join(features)}".rstrip())

  steps += [dmsetup("create", "pool", table=table(size)),
            dmsetup("status", "pool")]
  ids = [p.randrange(40) for _ in range(p.randint(1, 4))]
  words = {"reserve_metadata_snap": 3, "release_metadata_snap": 3,
           "set_transaction_id 0 1": 2, "set_transaction_id 1 7": 1,
           f"create_thin {ids[0]}": 2, f"delete {p.choice(ids)}": 2,
           f"create_snap 50 {ids[0]}": 4,
           f"create_snap {p.randint(51, 60)} {p.choice(ids)}": 4,
           "bogus": 1}
  steps += [dmsetup("message", "pool", "0", f"create_thin {i}") for i in ids]
  length = 8 * p.randint(64, 8192)
  steps.append(dmsetup("create", "t",
                       table=f"0 {length} thin /dev/mapper/pool {ids[0]}"))
  for _ in range(p.randint(2, 8)):
    steps.append(p.weighted_call({
        40: lambda: write(p, "t", length, block),
        30: lambda: message(p, "pool", words),
        10: lambda: read(p, "t", length),
        20: lambda: dmsetup("status"),
    }))
  steps.append(dmsetup("status"))
  end = p.weighted({"reload": 3, "again": 3, "suspend": 2, "none": 2})
  if end == "reload":
    more = size + block * p.choice([-1, 1, 50])
    steps += [dmsetup("load", "pool", table=table(max(more, block))),
              dmsetup("resume", "pool")]
  elif end == "again":
    steps += [dmsetup("remove", "t"), dmsetup("remove", "pool"),
              dmsetup("create", "pool", table=table(size)),
              dmsetup("create", "t",
                      table=f"0 {length} thin /dev/mapper/pool {p.choice(ids)}")]
  elif end == "suspend":
    steps += [dmsetup("suspend", "pool"), message(p, "pool", words),
              dmsetup("status", "pool"), dmsetup("resume", "pool")]
  return steps + [dmsetup("status"), dmsetup("info", "pool")]


def cache(p):
  """A cache that stays cold."""
  steps = []
  meta = metadata(p, steps)
  block = 64 * p.choice([1, 2, 2, 4, 3, 32])
  cache_size = p.choice([block, 16384, 65536, 262144, 1048576])
  steps.append(dmsetup("create", "fast",
                       table=f"0 {max(block, cache_size)} linear {DATA} 0"))
  length = 8 * p.choice([1024, 8192, 16384, 65536])
  features = p.choice(["0", "1 writethrough", "1 passthrough", "1 metadata2",
                       "2 metadata2 writeback", "2 passthrough metadata2",
                       "1 no_discard_passdown"])
  policy = p.choice(["smq 0", "default 0", "cleaner 0", "mq 0",
                     "smq 2 migration_threshold 512",
                     "mq 4 random_threshold 9 write_promote_adjustment 1"])
  table = (f"0 {length} cache {meta} /dev/mapper/fast {ORIGIN} {block} "
           f"{features} {policy}")
  if p.chance(10):
    table = " ".join(p.spoil(table.split()))
  words = {"migration_threshold 100": 3, "migration_threshold x": 1,
           "invalidate_cblocks": 1, "invalidate_cblocks 0": 2,
           "invalidate_cblocks 0-3 5": 2, "invalidate_cblocks 5-3": 1,
           "invalidate_cblocks 3-99999999": 1, "invalidate_cblocks x": 1,
           "sequential_threshold 8": 1, "nonsense": 1}
  steps += [dmsetup("create", "c", table=table), dmsetup("status", "c")]
  for _ in range(p.randint(1, 4)):
    steps.append(message(p, "c", words))
  steps += [read(p, "c", length), dmsetup("status", "c")]
  if p.chance(60):
    steps += [dmsetup("suspend", "c"), dmsetup("status", "c"),
              dmsetup("resume", "c"), dmsetup("status", "c")]
  if p.chance(40):
    steps += [dmsetup("remove", "c"), dmsetup("create", "c", table=table),
              dmsetup("status", "c")]
  return steps + [dmsetup("table", "c")]


def era(p):
  steps = []
  meta = metadata(p, steps)
  block = 8 * p.choice([1, 2, 3, 16, 64, 128])
  length = 8 * p.choice([1024, 8192, 65536, 131072])
  table = f"0 {length} era {meta} {DATA} {block}"
  words = {"checkpoint": 5, "take_metadata_snap": 3, "drop_metadata_snap": 3,
           "bogus": 1}
  steps.append(dmsetup("create", "e", table=table))
  for _ in range(p.randint(2, 8)):
    # An era that has ended is digested in the background.
    steps += p.weighted_call({
        40: lambda: [message(p, "e", words), {"sleep": 1}],
        30: lambda: [write(p, "e", length, block)],
        31: lambda: [dmsetup("status", "e")],
    })
  steps.append(dmsetup("status", "e"))
  if p.chance(40):
    steps += [dmsetup("suspend", "e"), dmsetup("resume", "e"),
              dmsetup("status", "e")]
  if p.chance(40):
    steps += [dmsetup("remove", "e"), dmsetup("create", "e", table=table),
              dmsetup("status", "e")]
  return steps


def clone(p):
  """A clone; with hydration only where the case waits for it."""
  steps = []
  meta = metadata(p, steps)
  region = 1 << p.randint(3, 11)
  length = region * p.choice([1, 3, 64, 100])
  options = p.choice(["1 no_hydration", "2 no_hydration no_discard_passdown",
                      "1 no_hydration 2 hydration_threshold 4",
                      "1 no_hydration 4 hydration_threshold 2 "
                      "hydration_batch_size 8"])
  table = f"0 {length} clone {meta} {DATA} {ORIGIN} {region} {options}"
  words = {"hydration_threshold 16": 3, "hydration_batch_size 2": 3,
           "hydration_batch_size x": 1, "disable_hydration": 2, "bogus": 1,
           "bogus 1": 1}
  steps += [dmsetup("create", "c", table=table), dmsetup("status", "c")]
  for _ in range(p.randint(1, 5)):
    steps.append(p.weighted_call({
        40: lambda: message(p, "c", words),
        30: lambda: write(p, "c", length, region),
        31: lambda: dmsetup("status", "c"),
    }))
  if p.chance(50):
    steps += [dmsetup("message", "c", "0", "enable_hydration"), {"sleep": 4}]
  steps += [dmsetup("status", "c"), dmsetup("info", "c")]
  if p.chance(40):
    steps += [dmsetup("remove", "c"), dmsetup("create", "c", table=table),
              dmsetup("status", "c")]
  return steps


def writecache(p):
  block = p.choice([4096, 4096, 512, 1024])
  length = 8 * p.choice([1024, 8192])
  options = p.choice(["0", "1 cleaner", "2 high_watermark 60",
                      "4 high_watermark 60 low_watermark 40",
                      "2 start_sector 64"])
  table = f"0 {length} writecache s {ORIGIN} {DATA} {block} {options}"
  words = {"flush": 4, "flush_on_suspend": 3, "cleaner": 2, "clear_stats": 2,
           "bogus": 1}
  steps = [zeroed(DATA), dmsetup("create", "w", table=table)]
  for _ in range(p.randint(1, 5)):
    steps.append(p.weighted_call({
        40: lambda: message(p, "w", words),
        30: lambda: read(p, "w", length),
        31: lambda: dmsetup("status", "w"),
    }))
  return steps + [dmsetup("status", "w"), dmsetup("table", "w")]


def snapshot(p):
  """A snapshot that is written, and perhaps merged back."""
  chunk = 8 << p.randint(0, 3)
  cow = chunk * p.choice([4, 16, 100])
  store = p.choice(["P", "P", "PO", "N"])
  steps = [zeroed(DATA),
           dmsetup("create", "cow", table=f"0 {cow} linear {DATA} 0"),
           dmsetup("create", "s",
                   table=f"0 8192 snapshot {ORIGIN} /dev/mapper/cow "
                         f"{store} {chunk}")]
  for _ in range(p.randint(1, 4)):
    steps += [write(p, "s", 8192, chunk), dmsetup("status", "s")]
  if store != "N" and p.chance(60):
    merge = (f"0 8192 snapshot-merge {ORIGIN} /dev/mapper/cow {store} {chunk}")
    steps += [dmsetup("suspend", "s"), dmsetup("load", "s", table=merge),
              dmsetup("resume", "s"), {"sleep": 3}, dmsetup("status", "s")]
  if p.chance(30):
    steps.append(dmsetup("message", "s", "0", "x"))
  return steps + [dmsetup("info", "s")]


def mirror(p):
  """A mirror after it has had time to come in sync."""
  region = 1 << p.randint(5, 11)
  length = region * p.choice([1, 8, 33])
  sync = p.choice(["", "", " nosync", " sync"])
  args = 1 + (sync != "")
  log = p.choice([f"core {args}", f"disk {args + 1} {ORIGIN}"])
  features = p.choice(["", " 1 handle_errors", " 2 handle_errors keep_log"])
  table = (f"0 {length} mirror {log} {region}{sync} 2 {META} 0 {DATA} 8"
           f"{features}")
  steps = [zeroed(ORIGIN), dmsetup("create", "m", table=table), {"sleep": 3},
           dmsetup("status", "m"), dmsetup("info", "m"),
           write(p, "m", length), dmsetup("status", "m")]
  if p.chance(30):
    steps.append(dmsetup("message", "m", "0", "x"))
  return steps + [dmsetup("table", "m")]


def log_writes(p):
  table = f"0 8192 log-writes {ORIGIN} {DATA}"
  words = {"mark a": 4, "mark": 1, "mark a b": 1, "bogus x": 1}
  steps = [dmsetup("create", "l", table=table)]
  for _ in range(p.randint(1, 4)):
    steps += [message(p, "l", words), dmsetup("status", "l")]
  return steps


FAMILIES = {thin: 34, cache: 16, era: 14, clone: 10, writecache: 8,
            snapshot: 10, mirror: 6, log_writes: 2}


def case(p):
  return p.weighted(FAMILIES)(p)
