# SPDX-License-Identifier: Apache-2.0
"""Parameters of every target type that the recording guests have.

Each function takes (pick, devices, length) and returns the words after the
type.  They are right for the kernel, or nearly: some numbers are chosen
without a look at the others.
"""


def linear(p, devices, length):
  return [p.choice(devices), str(p.offset())]


def striped(p, devices, length):
  stripes = p.weighted({1: 2, 2: 6, 3: 3, 4: 3, 5: 1, 8: 1})
  chunk = p.weighted({8: 5, 16: 3, 64: 3, 128: 3, 1: 1, 4: 1, 7: 1, 12: 2,
                      24: 2, 4096: 1})
  words = [str(stripes), str(chunk)]
  for _ in range(stripes):
    words += linear(p, devices, length)
  return words


def zero(p, devices, length):
  return []


def error(p, devices, length):
  return p.weighted({(): 6, ("x",): 1, (p.choice(devices), "0"): 2,
                     (p.choice(devices), str(p.offset())): 1,
                     ("a", "b", "c"): 1})


def snapshot_origin(p, devices, length):
  return [p.choice(devices)]


def log_writes(p, devices, length):
  return [p.choice(devices), p.choice(devices)]


def unstriped(p, devices, length):
  stripes = p.randint(1, 4)
  return [str(stripes), str(p.choice([1, 8, 12, 16, 64, 128])),
          str(p.randint(0, stripes)), p.choice(devices), str(p.offset())]


def delay(p, devices, length):
  words = []
  for _ in range(p.weighted({1: 5, 2: 3, 3: 3, 4: 1})):
    words += linear(p, devices, length) + [str(p.choice([0, 0, 0, 1]))]
  return words


def flakey_features(p):
  features = []
  for _ in range(p.weighted({1: 6, 2: 2, 3: 1})):
    features += p.choice([
        ["drop_writes"], ["error_writes"], ["error_reads"],
        ["DROP_WRITES"],
        ["corrupt_bio_byte", str(p.choice([0, 1, 32, 224])),
         p.choice(["r", "w", "R", "W", "x"]), str(p.choice([0, 1, 255, 256])),
         str(p.choice([0, 1, 32]))],
        ["random_read_corrupt", "500000000"],
        ["random_write_corrupt", "1000000001"], ["nothing"]])
  return features


def flakey(p, devices, length):
  words = linear(p, devices, length)
  words += [str(p.choice([0, 600, 600, 86400])), str(p.choice([0, 0, 5]))]
  if p.chance(50):
    features = flakey_features(p)
    count = len(features) + p.weighted({0: 12, 1: 1, -1: 1})
    words += [str(count)] + features
  return words


def switch(p, devices, length):
  paths = p.randint(1, 5)
  words = [str(paths), str(p.choice([1, 7, 8, 64, 1024, 100000])), "0"]
  for _ in range(paths):
    words += linear(p, devices, length)
  return words


def crypt(p, devices, length):
  cipher = p.weighted({"aes-xts-plain64": 6, "aes-cbc-plain": 1,
                       "aes": 1, "aes-xts": 1})
  key = "0123456789abcdef" * p.weighted({2: 2, 4: 6, 1: 1, 8: 1})
  words = [cipher, key, str(p.choice([0, 0, 1, 8]))]
  words += linear(p, devices, length)
  if p.chance(30):
    options = p.sample(["allow_discards", "same_cpu_crypt",
                        "submit_from_crypt_cpus", "no_read_workqueue",
                        "no_write_workqueue", "sector_size:512",
                        "sector_size:4096", "iv_large_sectors",
                        "sector_size:1000", "nothing"], p.randint(0, 3))
    words += [str(len(options))] + options
  return words


def snapshot(p, devices, length):
  # The same device twice makes 6.12 and 7.2 log freed memory.
  origin, cow = p.sample(devices, 2) if len(devices) > 1 else devices * 2
  words = [origin, cow, p.choice(["P", "N", "N", "p", "n", "PO", "x", "NO"]),
           str(p.choice([8, 8, 16, 64, 1, 4, 7, 0]))]
  if p.chance(20):
    words += p.choice([["0"], ["1", "discard_zeroes_cow"],
                       ["2", "discard_zeroes_cow",
                        "discard_passdown_origin"],
                       ["1", "discard_passdown_origin"], ["1", "nothing"]])
  return words


def mirror(p, devices, length):
  log = p.choice([["core", "1", "64"], ["core", "2", "64", "nosync"],
                  ["core", "2", "1024", "sync"], ["core", "1", "7"],
                  ["nolog", "1", "64"], ["core", "0"]])
  legs = p.weighted({2: 6, 3: 2, 1: 1})
  words = log + [str(legs)]
  for _ in range(legs):
    words += linear(p, devices, length)
  if p.chance(30):
    words += p.choice([["1", "handle_errors"], ["2", "handle_errors",
                                                "keep_log"],
                       ["1", "keep_log"], ["1", "nothing"], ["0"]])
  return words


def multipath(p, devices, length):
  paths = p.randint(1, 3)
  words = p.choice([["0"], ["1", "queue_if_no_path"],
                    ["2", "queue_mode", "bio"], ["1", "nothing"],
                    ["2", "queue_mode", "rq"]])
  words = words + ["0", "1", "1",
                   p.choice(["round-robin", "queue-length", "service-time"]),
                   "0", str(paths), "0"]
  for device in p.sample(devices, min(paths, len(devices))):
    words.append(device)
  return words


def thin_pool(p, devices, length):
  words = [p.choice(devices), p.choice(devices),
           str(p.choice([128, 128, 256, 1024, 64, 100, 2097152])),
           str(p.choice([0, 1, 16]))]
  if p.chance(40):
    features = p.sample(["skip_block_zeroing", "ignore_discard",
                         "no_discard_passdown", "read_only",
                         "error_if_no_space", "nothing"], p.randint(0, 3))
    words += [str(len(features))] + features
  return words


def thin(p, devices, length):
  return [p.choice(devices), str(p.choice([0, 1, 16777215, 16777216]))]


def cache(p, devices, length):
  meta, fast, origin = (p.choice(devices) for _ in range(3))
  features = p.sample(["writeback", "writethrough", "passthrough",
                       "metadata2", "no_discard_passdown", "nothing"],
                      p.weighted({0: 2, 1: 6, 2: 2}))
  policy = p.choice([["default", "0"], ["smq", "0"], ["mq", "0"],
                     ["smq", "2", "migration_threshold", "4096"],
                     ["cleaner", "0"], ["nothing", "0"]])
  return [meta, fast, origin, str(p.choice([64, 128, 512, 1, 100]))] + [
      str(len(features))] + features + policy


def writecache(p, devices, length):
  options = p.choice([[], [], ["high_watermark", "60"],
                      ["writeback_jobs", "16", "fua"], ["nothing"],
                      ["autocommit_time", "100"], ["cleaner"]])
  return [p.choice(["p", "s", "x"]), p.choice(devices), p.choice(devices),
          str(p.choice([4096, 512, 1024, 1000, 8192])),
          str(len(options))] + options


# Types of which a row maps a sector by arithmetic, and how often they come.
SIMPLE = {linear: 10, striped: 6, zero: 2, error: 2, unstriped: 2, switch: 2}
# The rest without metadata of their own.
PLAIN = {**SIMPLE, snapshot_origin: 2, log_writes: 2, delay: 2, flakey: 3,
         mirror: 1, crypt: 2, multipath: 1}
# Those that write what the next table of theirs would find.
STATEFUL = {snapshot: 3, thin_pool: 2, thin: 1, cache: 1, writecache: 2}


def type_name(function):
  return function.__name__.replace("_", "-")
