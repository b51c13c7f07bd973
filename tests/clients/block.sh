# SPDX-License-Identifier: Apache-2.0
# Block devices: loop devices over files, partition tables, and holes.
truncate -s 16M img
losetup -f
losetup -P -f --show img
losetup -n --raw -O NAME,SIZELIMIT,OFFSET,AUTOCLEAR,RO,DIO,LOG-SEC,BACK-FILE
losetup -j img | sed 's/^\([^:]*\): \[[0-9]*\]:[0-9]*/\1: [DEV]:INODE/'
printf 'label: gpt\nlabel-id: 01234567-89AB-CDEF-0123-456789ABCDEF\nstart=2048, size=4096, uuid=11111111-89AB-CDEF-0123-456789ABCDEF\nstart=8192, size=8192, name=second, uuid=22222222-89AB-CDEF-0123-456789ABCDEF\n' | sfdisk -q /dev/loop0
sfdisk -d /dev/loop0
ls /dev/loop0*
lsblk -o NAME,SIZE,TYPE,RO /dev/loop0
cat /sys/block/loop0/loop/partscan /sys/class/block/loop0p2/start
partx -o NR,START,END,SECTORS,NAME -g /dev/loop0
partx -d --nr 2 /dev/loop0; ls /dev/loop0*
partx -a --nr 2 /dev/loop0; ls /dev/loop0*
partx -a /dev/loop0
sfdisk -q --delete /dev/loop0 1; ls /dev/loop0*
blockdev --rereadpt /dev/loop0
(blockdev --rereadpt /dev/loop0) 3</dev/loop0p2
mkfs.ext4 -q -U 01234567-89ab-cdef-0123-456789abcdef /dev/loop0p2
blkid -o export /dev/loop0p2 | grep -E '^(UUID|TYPE|PART)'
wipefs /dev/loop0p2
wipefs -a /dev/loop0p2
wipefs /dev/loop0p2
head -c 4194304 /dev/zero | tr '\0' x | dd of=/dev/loop0p2 conv=fsync status=none
blkdiscard -v -o 4096 -l 8192 /dev/loop0p2
tr -cd x </dev/loop0p2 | wc -c
blkdiscard -v -z -o 65536 -l 4096 /dev/loop0p2
fallocate -p -o 131072 -l 4096 /dev/loop0p2
fallocate -z -o 262144 -l 4096 /dev/loop0p2
cmp -n 4096 /dev/zero /dev/loop0p2 | cut -c 1-60
cmp -n 4096 -i 0:262144 /dev/zero /dev/loop0p2
fallocate -l 4096 /dev/loop0p2
blkdiscard -f /dev/pmem0
blockdev -v --getsz --getsize64 --getss --getpbsz --getiomin --getioopt --getmaxsect --getbsz --getro --getra --getfra --getdiscardzeroes --getalignoff /dev/loop0p2
blockdev --setra 512 /dev/loop0; cat /sys/block/loop0/queue/read_ahead_kb
blockdev --setro /dev/loop0p2; blockdev --getro /dev/loop0 /dev/loop0p2; echo x >/dev/loop0p2
blockdev --setrw /dev/loop0p2; blockdev --flushbufs /dev/loop0; blockdev --report /dev/loop0p2 | awk '{ print $1, $2, $3, $4, $5, $6, $7 }'
kpartx -l /dev/loop0
kpartx -a -v /dev/loop0
dmsetup table
dd if=/dev/mapper/loop0p2 bs=512 count=1 skip=24 iflag=direct status=none | head -c 3; echo
kpartx -d -v /dev/loop0
dmsetup ls
truncate -s 32M img; losetup -c /dev/loop0; blockdev --getsize64 /dev/loop0
losetup -b 4096 /dev/loop0; blockdev --getss /dev/loop0
losetup --direct-io=on /dev/loop0; cat /sys/block/loop0/loop/dio
losetup -r -o 8M --sizelimit 4M -f --show img; cat /sys/block/loop1/size /sys/block/loop1/ro
echo x >/dev/loop1
dmsetup create top --table '0 8192 linear /dev/loop1 0'; losetup -d /dev/loop1; losetup -n --raw -O NAME,AUTOCLEAR
dmsetup remove top; losetup -n --raw -O NAME,AUTOCLEAR
losetup /dev/loop1 /dev/pmem0 2>&1 | grep -v ^dmdax:
losetup -D; losetup; ls /dev/loop0*
dmsetup create two --table '0 2048 linear /dev/pmem0 0'; dmsetup suspend two
timeout 1 dd if=/dev/mapper/two of=/dev/null bs=4k count=1 status=none
(sleep 1; dmsetup resume two) & dd if=/dev/mapper/two bs=4k count=1 status=none | cmp -n 4096 - /dev/zero; wait
dmsetup create gone --table '0 8 error'
dd if=/dev/zero of=/dev/mapper/gone bs=4096 count=1 status=none
dd if=/dev/zero of=/dev/mapper/gone bs=4096 count=1 conv=fsync status=none
python3 -c 'import fcntl, os; f = os.open("/dev/mapper/two", os.O_RDWR); fcntl.fcntl(f, fcntl.F_SETFL, os.O_DIRECT); print(oct(fcntl.fcntl(f, fcntl.F_GETFL) & os.O_DIRECT)); os.pwrite(f, b"x", 1)' 2>&1 | tail -n 2
