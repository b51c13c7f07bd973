# SPDX-License-Identifier: Apache-2.0
"""Devices that are in use, or of an odd kind, as the legs of tables.

Partitions and their disks, loops without a file, what is mounted or held open,
what is read-only, files that are no block devices.
"""

from .. import dmsetup_steps as d

PATHS = ["/dev/pmem0", "/dev/pmem1", "/dev/loop0", "/dev/loop1", "/dev/ram0"]
MOUNTS = ["/mnt", "/mnt2"]
ODD = ["/dev/loop7", "/dev/null", "/dev", "/tmp/loop0", "/dev/pmem0p3",
       "/dev/nope", "7:7", "1:3", "259:77", "/dev/mapper/control",
       "/dev/mapper/d0", "254:0"]


class Busy:
  """What there is to use, and the steps that use it."""

  def __init__(self, p):
    self.p = p
    self.steps = []
    self.paths = list(PATHS)
    self.opened = []
    self.names = []

  def start(self):
    p = self.p
    for i in range(2):
      step = {"loop": f"/dev/loop{i}", "mib": p.choice([16, 64]), "bs": 512}
      if p.chance(20):
        step["ro"] = True
      # What an earlier case left of a loop without a file is not known.
      self.steps.append(step)

  def path(self):
    p = self.p
    return p.choice(ODD) if p.chance(12) else p.choice(self.paths)

  def part(self):
    p = self.p
    # A step that is refused leaves its disk open, which a loop does not outlive.
    disk = p.choice(PATHS[:2])
    n = p.randint(1, 2)
    name = disk + f"p{n}"
    if name in self.paths and p.chance(40):
      self.steps.append({"part": disk, "n": n, "del": 1})
      return
    start = p.weighted({2048: 4, 8: 3, 4096: 3, 63: 1, 1: 1, 34: 1})
    size = p.choice([2048, 8192, 8192, 4096 + 8, 1001])
    self.steps.append({"part": disk, "n": n, "start": start, "sectors": size})
    if name not in self.paths:
      self.paths.append(name)

  def table(self):
    p = self.p
    kind = p.weighted({"linear": 8, "striped": 3, "origin": 1, "delay": 1,
                       "mirror": 0.7})
    length = p.choice([8, 1024, 2048, 1000, 4096, 32768])
    start = p.choice([0, 0, 0, 8, 1])
    if kind == "striped":
      length = 2048
      return (f"0 {length} striped 2 8 {self.path()} {start} "
              f"{self.path()} 0")
    if kind == "origin":
      return f"0 {length} snapshot-origin {self.path()}"
    if kind == "mirror":
      return (f"0 2048 mirror core 2 1024 nosync 2 {self.path()} 0 "
              f"{self.path()} {start}")
    words = f"0 {length} {kind} {self.path()} {start}"
    return words + (" 0" if kind == "delay" else "")

  def create(self):
    p = self.p
    name = p.choice(["d0", "d1", "d2"])
    options = p.choice([[], [], [], ["--readonly"]])
    self.steps.append(d.dmsetup("create", name, *options,
                                stdin=self.table() + "\n"))
    self.names.append(name)
    if f"/dev/mapper/{name}" not in self.paths:
      self.paths.append(f"/dev/mapper/{name}")

  def change(self):
    p = self.p
    if not self.names:
      return self.create()
    name = p.choice(self.names)
    self.steps += p.weighted_call({
        5: lambda: [d.dmsetup("load", name, stdin=self.table() + "\n"),
                    d.dmsetup("resume", name)],
        1.5: lambda: [d.dmsetup("load", "--readonly", name,
                                stdin=self.table() + "\n"),
                      d.dmsetup("resume", name)],
        4: lambda: [d.dmsetup("remove", *p.choice(
            [[], [], ["--force"], ["--deferred"]]), name)],
        2: lambda: [d.dmsetup("suspend", name), d.dmsetup("resume", name)],
        1: lambda: [d.dmsetup("wipe_table", name)],
        0.9: lambda: [d.dmsetup("rename", name, p.choice(["d0", "d3"]))],
    })

  def hold(self):
    p = self.p
    if self.opened and p.chance(50):
      path = self.opened.pop()
      # Nobody tells when the last close is over.
      self.steps += [{"close": path}, {"sleep": 0.1}, {"devs": 1}]
      return
    path = p.choice(self.paths)
    if path not in self.opened:
      self.opened.append(path)
      self.steps.append({"open": path,
                         "mode": p.choice(["excl", "excl", "rw", "r", "w"])})

  def mount(self):
    p = self.p
    if p.chance(35):
      self.steps.append({"umount": p.choice(MOUNTS)})
      return
    path = p.choice([x for x in self.paths if "ram" not in x])
    if p.chance(85):
      self.steps.append({"mkfs": "ext4", "dev": path, "args": ["-q"]})
    self.steps.append({"mount": path, "fs": "ext4", "at": p.choice(MOUNTS),
                       "options": p.choice(["", "", "ro", "dax=always",
                                            "foo"])})

  def look(self):
    p = self.p
    name = p.choice(self.names or ["d0"])
    self.steps.append(p.weighted_call({
        3: lambda: d.dmsetup("table"),
        2: lambda: d.dmsetup("deps", name),
        1.5: lambda: d.dmsetup("info", name),
        1: lambda: d.dmsetup("ls", "--tree"),
        0.9: lambda: d.dmsetup("status"),
    }))

  def io(self):
    p = self.p
    path = p.choice(self.paths)
    self.steps.append(p.weighted_call({
        3: lambda: {"pread": path, "off": 0, "bytes": 4096},
        2: lambda: {"pwrite": path, "off": 4096, "bytes": 4096},
        1: lambda: {"setro": path, "ro": p.chance(60)},
    }))


  def end(self):
    """What a case after this one would meet."""
    made = [step for path in self.opened
            for step in ({"close": path}, {"sleep": 0.1}, {"devs": 1})]
    made += [{"umount": at} for at in MOUNTS
             if any(step.get("at") == at for step in self.steps)]
    made += [d.dmsetup("remove_all"), d.dmsetup("remove_all")]
    parts = sorted({(step["part"], step["n"]) for step in self.steps
                    if "part" in step})
    made += [{"part": disk, "n": n, "del": 1} for disk, n in parts]
    made += [{"setro": step["setro"], "ro": False} for step in self.steps
             if step.get("ro") and "setro" in step and
             step["setro"] in PATHS]
    return made


def case(p):
  made = Busy(p)
  made.start()
  made.create()
  for _ in range(p.randint(5, 12)):
    p.weighted_call({6: made.create, 5: made.change, 4: made.part,
                     3.5: made.hold, 2.5: made.mount, 3: made.look,
                     2: made.io})
  return (made.steps + [d.dmsetup("table"), d.dmsetup("info", "-c")] +
          made.end())
