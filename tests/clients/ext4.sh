# SPDX-License-Identifier: Apache-2.0
# e2fsprogs: a file system is filled, read, grown, shrunk and found, and never
# mounted.
dmsetup create fs --table '0 65536 linear /dev/pmem0 0'
mkdir -p top/sub; echo hello >top/sub/file; ln -s sub/file top/link; touch -d @0 top top/sub top/sub/file
mke2fs -q -t ext4 -b 4096 -U 01234567-89ab-cdef-0123-456789abcdef -E root_owner=0:0 -d top /dev/mapper/fs
debugfs -R 'cat /sub/file' /dev/mapper/fs 2>/dev/null
debugfs -R 'stat /link' /dev/mapper/fs 2>/dev/null | grep Fast
echo more >more
debugfs -w -R 'write more more' /dev/mapper/fs 2>/dev/null
debugfs -R 'dump /more copy' /dev/mapper/fs 2>/dev/null; cmp more copy
debugfs -R 'ls -p /' /dev/mapper/fs 2>/dev/null | cut -d / -f 3,6
e2fsck -fn /dev/mapper/fs 2>/dev/null
dmsetup load fs --table $'0 65536 linear /dev/pmem0 0\n65536 65536 linear /dev/pmem1 0'; dmsetup resume fs
resize2fs /dev/mapper/fs 2>/dev/null
resize2fs /dev/mapper/fs 4000 2>/dev/null
e2label /dev/mapper/fs home
e2fsck -fn /dev/mapper/fs 2>/dev/null
dumpe2fs -h /dev/mapper/fs 2>/dev/null | grep -E '^(Block count|Block size|Filesystem volume name)'
findfs LABEL=home
blkid -U 01234567-89ab-cdef-0123-456789abcdef
