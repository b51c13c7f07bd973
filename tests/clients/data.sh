# SPDX-License-Identifier: Apache-2.0
# Data: what is written to a device is on the disks below, however it is read.
dmsetup create two --table $'0 2048 linear /dev/pmem0 8\n2048 2048 linear /dev/pmem1 0'
head -c 2097152 /dev/zero | tr '\0' x >file
dd if=file of=/dev/mapper/two bs=64k conv=fsync status=none
cmp file /dev/mapper/two
cmp -n 1048576 file /dev/pmem1
dd if=/dev/pmem0 bs=512 skip=7 count=2 status=none | od -An -c | head -n 2
sha256sum <file
sha256sum </dev/mapper/two
sha256sum /dev/mapper/two | cut -c 1-64
echo hello >/dev/mapper/two; echo to us again
head -c 6 /dev/mapper/two
printf abc | dd of=/dev/mapper/two bs=1 seek=1000 conv=notrunc status=none
dd if=/dev/mapper/two bs=1 skip=998 count=6 status=none; echo
dd if=/dev/zero of=/dev/mapper/two bs=1M status=none
dmsetup create ro --readonly --table '0 8 linear /dev/pmem0 0'
blockdev --getro /dev/mapper/ro
dmsetup create gone --table '0 8 error'
dd if=/dev/mapper/gone of=/dev/null status=none
mkfs.ext4 -q -U 01234567-89ab-cdef-0123-456789abcdef /dev/mapper/two
blkid -o export /dev/mapper/two | grep -E '^(UUID|TYPE)'
e2fsck -fn /dev/mapper/two 2>/dev/null | tail -n 1
lsblk -o NAME,MAJ:MIN,SIZE,TYPE,RO,MOUNTPOINT /dev/pmem0 /dev/pmem1
python3 -c 'import os; f = os.open("/dev/mapper/two", os.O_RDWR); print(os.lseek(f, 0, 2), os.pread(f, 2, 1080).hex(), os.readlink(f"/proc/self/fd/{f}"), os.major(os.fstat(f).st_rdev))'
