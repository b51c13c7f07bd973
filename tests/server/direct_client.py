# SPDX-License-Identifier: Apache-2.0
#
# Reads and writes its part of a device in every way, and knows what has to be
# there.
#
#   direct_client.py DEVICE PART SECONDS
#
# Exit status 3: a call failed with EIO.
import errno
import os
import random
import sys
import time

SIZE = 8 << 20
SIZES = [1, 100, 512, 1024, 4096, 5000, 70000, 300000, 1 << 20]


class Client:

  def __init__(self, device, part):
    self.random = random.Random(part)
    self.base = part * SIZE
    self.fd = os.open(device, os.O_RDWR)
    self.model = bytearray(os.pread(self.fd, SIZE, self.base))

  def Is(self, at, got, size):
    assert got == bytes(self.model[at:at + size]), (self.base, at, size)

  def Put(self, at, data):
    self.model[at:at + len(data)] = data

  # A write is cut short where a server dies in its middle, and then only.
  def Whole(self, done, data, at):
    if done == len(data):
      return
    os.pwrite(self.fd, data[done:], self.base + at + done)
    raise AssertionError("cut short")

  def Step(self):
    size = self.random.choice(SIZES)
    at = self.random.randrange(SIZE - size + 1)
    if self.random.random() < 0.7:
      at -= at % 512
    data = bytes([self.random.randrange(256)]) * size
    kind = self.random.randrange(8)
    if kind < 2:
      self.Whole(os.pwrite(self.fd, data, self.base + at), data, at)
      self.Put(at, data)
    elif kind < 4:
      self.Is(at, os.pread(self.fd, size, self.base + at), size)
    elif kind < 6:
      os.lseek(self.fd, self.base + at, os.SEEK_SET)
      if kind == 4:
        self.Whole(os.write(self.fd, data), data, at)
        self.Put(at, data)
      else:
        self.Is(at, os.read(self.fd, size), size)
      assert os.lseek(self.fd, 0, os.SEEK_CUR) == self.base + at + size
    elif kind == 6 and self.random.random() < 0.3:
      os.fsync(self.fd)
    elif kind == 7 and self.random.random() < 0.1:
      child = os.fork()
      if child == 0:
        self.Is(at, os.pread(self.fd, size, self.base + at), size)
        os.pwrite(self.fd, data, self.base + at)
        os._exit(0)
      status = os.waitpid(child, 0)[1]
      if status == 3 << 8:
        raise OSError(errno.EIO, "of the child")
      assert status == 0
      self.Put(at, data)

  # What is longer than the device is cut short there.
  def AtTheEnd(self):
    most = 1 << 20
    end = os.lseek(self.fd, -100000, os.SEEK_END) + 100000
    assert len(os.read(self.fd, most)) == 100000
    assert os.read(self.fd, most) == b""
    os.lseek(self.fd, -100000, os.SEEK_END)
    assert os.write(self.fd, b"e" * most) == 100000
    assert os.lseek(self.fd, 0, os.SEEK_CUR) == end
    try:
      os.write(self.fd, b"x" * most)
      raise AssertionError("written behind the end")
    except OSError as error:
      assert error.errno == errno.ENOSPC, error


def main():
  device, part, seconds = sys.argv[1], int(sys.argv[2]), float(sys.argv[3])
  until = time.monotonic() + seconds
  try:
    client = Client(device, part)
    print("begun", flush=True)
    while time.monotonic() < until:
      client.Step()
    client.Is(0, os.pread(client.fd, SIZE, client.base), SIZE)
    client.AtTheEnd()
  except OSError as error:
    return 3 if error.errno == errno.EIO else 4
  return 0


sys.exit(main())
