# SPDX-License-Identifier: Apache-2.0
#
# Python's own ioctls, without libdevmapper: a device is made, mapped, read and
# removed, and an event of it wakes who polls the control node.
import errno
import fcntl
import os
import select
import struct
import threading

SIZE = 16384
VERSION, REMOVE_ALL, LIST, CREATE, REMOVE, RENAME, SUSPEND, STATUS, WAIT, LOAD = (
    range(10))
ARM_POLL = 16


def control():
    return os.open('/dev/mapper/control', os.O_RDWR)


def ioctl(fd, command, name='', data=b'', targets=0, flags=0):
    buffer = bytearray(SIZE)
    struct.pack_into('=3I3Ii3IQ128s129s', buffer, 0, 4, 0, 0, SIZE, 312,
                     targets, 0, flags, 0, 0, 0, name.encode(), b'')
    buffer[312:312 + len(data)] = data
    fcntl.ioctl(fd, 0xc138fd00 | command, buffer)
    return buffer


def load(fd, name, rows):
    data = b''
    for start, length, kind, words in rows:
        text = words.encode() + b'\0'
        text += b'\0' * (-len(text) % 8)
        data += struct.pack('=QQiI16s', start, length, 0, 40 + len(text),
                            kind.encode()) + text
    ioctl(fd, LOAD, name, data, len(rows))


fd = control()
print('version', struct.unpack_from('=3I', ioctl(fd, VERSION)))
ioctl(fd, CREATE, 'py')
try:
    ioctl(fd, CREATE, 'py')
except OSError as error:
    print('again:', errno.errorcode[error.errno])
load(fd, 'py', [(0, 8, 'linear', '/dev/pmem0 8'), (8, 8, 'zero', '')])
dev = struct.unpack_from('=Q', ioctl(fd, SUSPEND, 'py'), 40)[0]
print('device', os.major(dev), os.minor(dev))
os.mknod('/dev/mapper/py', 0o600 | 0o060000, dev)
with open('/dev/mapper/py', 'r+b') as device:
    device.write(b'from Python')
    device.flush()
    print(device.seek(0, os.SEEK_END))
print(open('/dev/pmem0', 'rb').read()[8 * 512:][:11])
print(sorted(os.listdir('/dev/mapper')),
      os.stat('/dev/mapper/py').st_rdev == dev)
ioctl(fd, ARM_POLL)
poll = select.poll()
poll.register(fd, select.POLLIN)
print('before', poll.poll(0))
other = threading.Timer(0.2, lambda: ioctl(control(), RENAME, 'py', b'yp\0'))
other.start()
print('after', [event for _, event in poll.poll(10000)])
other.join()
ioctl(fd, REMOVE, 'yp')
os.unlink('/dev/mapper/py')
try:
    ioctl(fd, STATUS, 'yp')
except OSError as error:
    print('gone:', errno.errorcode[error.errno])
