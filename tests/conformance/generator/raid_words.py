# SPDX-License-Identifier: Apache-2.0
"""raid: types, parameters and devices."""

TYPES = {"raid1": 8, "raid0": 4, "raid10": 3, "raid5_ls": 3, "raid5_la": 1,
         "raid5_n": 1, "raid4": 2, "raid6_zr": 2, "raid6_nr": 1, "raid6_n_6": 1,
         "raid6_ls_6": 1, "raid10_near": 1, "raid10_far": 1,
         "raid10_offset": 1, "RAID1": 1, "Raid5_LS": 1, "raid5": 1,
         "raid0_meta": 1, "raid6_rs_6": 1}


def number(p, *usual):
  return p.choice(["0", "x", "-1", "4294967296"]) if p.chance(3) else str(
      p.choice(usual))


def parameter(p):
  return p.choice([
      ["sync"], ["nosync"], ["nosync"], ["rebuild", number(p, 7, 9)],
      ["daemon_sleep", number(p, 1000, 1, 2147483647)],
      ["min_recovery_rate", number(p, 100, 1000)],
      ["max_recovery_rate", number(p, 1000, 100)],
      ["write_mostly", number(p, 0, 1, 7)],
      ["max_write_behind", number(p, 16, 256, 40000)],
      ["stripe_cache", number(p, 256, 32768, 33000)],
      ["region_size", number(p, 1024, 8, 7, 4, 1 << 20)],
      ["raid10_copies", number(p, 2, 3, 1)],
      ["raid10_format", p.choice(["near", "far", "offset", "x"])],
      ["raid10_use_near_sets"],
      ["delta_disks", number(p, 1, 0, -1)],
      ["data_offset", number(p, 2048, 8, 1)],
      ["journal_dev", p.choice(["/dev/loop0", "-"])],
      ["journal_mode", p.choice(["writethrough", "writeback", "x"])],
      ["nothing"], ["nothing", "1"], ["Sync"]])


def raid(p, devices, length):
  words = [number(p, 0, 8, 64, 128, 128, 128, 7, 4)]
  for _ in range(p.weighted({0: 4, 1: 5, 2: 3, 3: 1})):
    words += parameter(p)
  legs = p.weighted({2: 8, 3: 6, 4: 3, 1: 1, 5: 1})
  out = [p.weighted(TYPES), str(len(words) + p.weighted({0: 25, 1: 1, -1: 1}))]
  out += words + [str(legs + p.weighted({0: 25, 1: 1, -1: 1}))]
  for i in range(legs):
    data = devices[i % len(devices)] if p.chance(97) else "-"
    out += [p.weighted({"-": 12, devices[(i + 1) % len(devices)]: 1}), data]
  return out
