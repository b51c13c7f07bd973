# SPDX-License-Identifier: Apache-2.0
"""Targets over their life: messages, status and I/O while live, suspended,
loaded anew and made again.  What messages.py has is not here."""

from ..grammar import MODULES
from .messages import dmsetup

BOGUS = ["bogus", "", "x 1", "@bogus", "bogus a b c"]


def loops(p, count, mib=16):
  paths = [f"/dev/loop{i}" for i in range(count)]
  return [{"loop": path, "mib": mib, "bs": 512} for path in paths], paths


def say(p, name, words):
  text = p.choice(words)
  if p.chance(8):
    text = p.choice(BOGUS)
  elif p.chance(6):
    text += p.choice([" x", " 0", ""])
  parts = text.split() if p.chance(60) else [text]
  return [dmsetup("message", name, p.choice(["0", "0", "0", "8", "9999999"]),
                  *parts)]


def ask(p, name):
  return [dmsetup(p.choice(["status", "status", "table", "info"]), name)]


def live(p, name, table, words, more, steps):
  """The steps of a life: `more` makes I/O."""
  def again():
    return [dmsetup("load", name, table=table)] + p.choice([
        [], [dmsetup("resume", name)], [dmsetup("clear", name)]])
  made, suspended = [], False
  for _ in range(p.randint(3, steps)):
    kind = p.weighted({"say": 40, "ask": 25, "io": 20, "suspend": 8,
                       "resume": 8, "again": 6, "anew": 3})
    if kind == "say":
      made += say(p, name, words)
    elif kind == "io":
      # I/O of a suspended device would wait for ever.
      made += [] if suspended else more()
    elif kind == "suspend":
      made.append(dmsetup("suspend", *p.choice([[], ["--noflush"]]), name))
      suspended = True
    elif kind == "resume":
      made.append(dmsetup("resume", name))
      suspended = False
    elif kind == "again":
      made += again()
      suspended = suspended and made[-1]["dmsetup"][0] != "resume"
    elif kind == "anew":
      made += [dmsetup("remove", name), dmsetup("create", name, table=table)]
      suspended = False
    if kind == "ask" or p.chance(30):
      made += ask(p, name)
  return made + [dmsetup("resume", name), dmsetup("table", name),
                 dmsetup("status", name), dmsetup("info", name)]


def read(p, name, sectors):
  return {"pread": f"/dev/mapper/{name}",
          "off": p.randrange(max(1, sectors // 8)) * 4096, "bytes": 4096}


def write(p, name, sectors):
  return {"pwrite": f"/dev/mapper/{name}",
          "off": p.randrange(max(1, sectors // 8)) * 4096, "bytes": 4096}


def multipath(p):
  steps, paths = loops(p, p.randint(1, 4))
  features = p.choice(["0", "0", "2 queue_mode bio", "2 queue_mode rq",
                       "2 pg_init_retries 3", "1 retain_attached_hw_handler"])
  groups = p.randint(1, min(3, len(paths)))
  words = [features, "0", str(groups), str(p.randint(1, groups))]
  for i in range(groups):
    own = paths[i::groups]
    selector = p.choice(["round-robin", "queue-length", "service-time"])
    args = p.choice([0, 0, 1])
    words += [selector, "0", str(len(own)), str(args)]
    for path in own:
      words += [path] + ["1"] * args
  table = f"0 8192 multipath {' '.join(words)}"
  dev = lambda: p.choice(paths + ["7:0", "7:1", "/dev/nope"])
  texts = [f"fail_path {dev()}" for _ in range(4)]
  texts += [f"reinstate_path {dev()}" for _ in range(3)]
  texts += [f"{verb} {p.choice(['1', '1', '2', '3', '0', 'x'])}" for verb in (
      "disable_group", "enable_group", "switch_group")]
  texts += ["fail_if_no_path", "fail_path", "switch_group", "Fail_Path 7:0"]
  steps.append(dmsetup("create", "m", table=table))
  return steps + live(p, "m", table, texts,
                      lambda: [read(p, "m", 8192)], 10)


def switch(p):
  steps, paths = loops(p, p.randint(1, 4))
  size = p.choice([8, 64, 100, 1024])
  length = size * p.choice([1, 4, 10, 33])
  words = [str(len(paths)), str(size), "0"]
  for path in paths:
    words += [path, str(p.choice([0, 0, 8]))]
  table = f"0 {length} switch {' '.join(words)}"
  region = lambda: p.choice(["0", "1", "2", "3", "a", "20", "21", "fff", "x", ""])
  path = lambda: p.choice(["0", "1", "2", "3", "4", "x", ""])
  texts = []
  for _ in range(8):
    mapping = [p.weighted({f"{region()}:{path()}": 6, f":{path()}": 4,
                           f"R{p.randint(0, 3):x},{p.randint(0, 12):x}": 2,
                           "R1": 1, "0": 1})
               for _ in range(p.randint(0, 5))]
    texts.append(" ".join(["set_region_mappings"] + mapping))
  steps.append(dmsetup("create", "s", table=table))
  return steps + live(p, "s", table, texts, lambda: [read(p, "s", length)], 10)


def raid(p):
  steps, paths = loops(p, 4)
  kind, legs = p.choice([("raid1", 2), ("raid1", 3), ("raid5_ls", 3),
                         ("raid4", 3), ("raid6_zr", 4), ("raid0", 2),
                         ("raid10", 2), ("raid10", 4)])
  params = p.choice([["64"], ["64", "nosync"], ["64", "sync"],
                     ["128", "region_size", "1024"]])
  if kind == "raid0":
    params = ["64"]
  length = p.choice([2048, 8192])
  table = (f"0 {length} raid {kind} {len(params)} {' '.join(params)} {legs} " +
           " ".join(f"- {path}" for path in paths[:legs]))
  steps += [dmsetup("create", "r", table=table), {"sleep": 1}]
  # What goes on in the background has ended before the next question.
  texts = ["check", "repair", "idle", "frozen", "resync", "recover", "reshape",
           "Check"]
  for _ in range(p.randint(2, 6)):
    steps += p.weighted_call({
        5: lambda: say(p, "r", texts) + [{"sleep": 1}],
        3: lambda: ask(p, "r"),
        1: lambda: [dmsetup("suspend", "r"), dmsetup("status", "r")],
        1.5: lambda: [dmsetup("resume", "r"), {"sleep": 1}],
    })
  return steps + [dmsetup("status", "r"), dmsetup("table", "r"),
                  dmsetup("info", "r")]


def integrity(p):
  steps, paths = loops(p, 2)
  mode = p.weighted({"J": 4, "D": 3, "B": 3, "R": 1})
  digest = p.choice(["crc32c", "crc32", "sha256"])
  block = p.choice(["", "", "", " block_size:4096"])
  count = 1 + (block != "")
  table = (f"0 8192 integrity {paths[0]} 0 - {mode} {count} "
           f"internal_hash:{digest}{block}")
  steps.append(dmsetup("create", "i", table=table))
  return steps + live(p, "i", table, BOGUS[:2], lambda: [
      (write if p.chance(50) else read)(p, "i", 8192)], 8)


def tags(p):
  """crypt, linear and striped over integrity without a hash of its own."""
  steps, paths = loops(p, 2)
  low = {}
  for i, path in enumerate(paths):
    size = p.choice(["28", "28", "16", "32"])
    block = p.choice(["", "", " block_size:4096"])
    low[f"i{i}"] = (f"0 8192 integrity {path} 0 {size} {p.choice('JD')} "
                    f"{1 if block else 0}{block}")
    steps.append(dmsetup("create", f"i{i}", table=low[f"i{i}"]))
  below = lambda: p.choice(["/dev/mapper/i0", "/dev/mapper/i1", "/dev/pmem0"])
  def top():
    kind = p.choice(["linear", "linear", "two", "striped", "crypt", "crypt"])
    if kind == "linear":
      return f"0 4096 linear {below()} 0"
    if kind == "two":
      return f"0 4096 linear {below()} 0\n4096 4096 linear {below()} 8"
    if kind == "striped":
      return f"0 4096 striped 2 8 {below()} 0 {below()} 0"
    cipher = p.choice(["capi:gcm(aes)-random", "capi:gcm(aes)-plain64",
                       "aes-xts-random", "aes-cbc-plain64",
                       "capi:authenc(hmac(sha256),cbc(aes))-plain64"])
    size = p.choice(["28", "28", "16", "32", "12"])
    options = [f"integrity:{size}:{'none' if cipher[0] == 'a' else 'aead'}"]
    if p.chance(40):
      options.append("sector_size:4096")
    key = "ab" * (64 if "authenc" in cipher else 32)
    return (f"0 4096 crypt {cipher} {key} 0 {below()} 0 {len(options)} "
            f"{' '.join(options)}")
  steps.append(dmsetup("create", "t", table=top()))
  for _ in range(p.randint(1, 5)):
    steps += p.weighted_call({
        5: lambda: [dmsetup("load", "t", table=top()), dmsetup("resume", "t")],
        2: lambda: ask(p, "t"),
        1: lambda: [dmsetup("remove", "t"), dmsetup("create", "t", table=top())],
        1.5: lambda: [dmsetup("create", "u", table="0 2048 linear "
                              "/dev/mapper/t 0"), dmsetup("remove", "u")],
    })
  return steps + [dmsetup("table"), dmsetup("status")]


def verity(p):
  steps, paths = loops(p, 3)
  block = p.choice([4096, 4096, 1024])
  blocks = p.choice([1, 2, 100, 129, 1000])
  words = ["1", paths[0], paths[1], str(block), str(block), str(blocks),
           str(p.choice([0, 1, 64])), "sha256", "ab" * 32,
           p.choice(["-", "cd" * 32])]
  options = p.choice([[], ["ignore_corruption"], ["ignore_zero_blocks"],
                      ["check_at_most_once"],
                      ["ignore_corruption", "check_at_most_once"]])
  if p.chance(40):
    options = options + ["use_fec_from_device", paths[2], "fec_roots",
                         str(p.choice([2, 2, 8, 24])), "fec_blocks",
                         str(p.choice([1100, 2000])), "fec_start", "0"]
  table = (f"0 {blocks * block // 512} verity {' '.join(words)} "
           f"{len(options)} {' '.join(options)}".rstrip())
  step = dmsetup("create", "v", "-r", table=table)
  steps.append(step)
  for _ in range(p.randint(1, 3)):
    steps.append({"pread": "/dev/mapper/v",
                  "off": p.randrange(max(1, blocks * block // 4096)) * 4096,
                  "bytes": 4096})
    steps.append(dmsetup("status", "v"))
  return steps


TARGETS = {multipath: 24, switch: 16, raid: 16, integrity: 14, tags: 18,
              verity: 12}


def case(p):
  return [{"exec": ["modprobe", "-a"] + MODULES}] + p.weighted(TARGETS)(p)
