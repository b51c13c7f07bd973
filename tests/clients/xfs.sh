# SPDX-License-Identifier: Apache-2.0
# xfsprogs: a file system is made with a file in it, checked, renamed, copied
# and damaged, and never mounted.
dmsetup create x --table '0 655360 linear /dev/pmem0 0'
mkdir top; echo hello >top/file; printf '%s\n' /dev/null '0 0' 'd--755 0 0' 'file ---644 0 0 top/file' 'link l--777 0 0 file' 'sub d--755 0 0' '$' '$' >proto
mkfs.xfs -m uuid=01234567-89ab-cdef-0123-456789abcdef -p proto /dev/mapper/x
xfs_repair -n /dev/mapper/x >words 2>&1; tail -n 1 words
xfs_db -r -c 'ls /' /dev/mapper/x | awk 'NF > 2 {print $3, $(NF - 1)}'
xfs_admin -L data /dev/mapper/x; xfs_admin -l -u /dev/mapper/x
findfs LABEL=data; blkid -p -o value -s TYPE /dev/mapper/x
xfs_info /dev/mapper/x | head -n 1
dmsetup create y --table '0 655360 striped 2 512 /dev/pmem1 0 /dev/pmem2 0'
xfs_copy -L log -d /dev/mapper/x /dev/mapper/y >words; tail -n 1 words; [[ $(dd if=/dev/mapper/x bs=4M status=none | cksum) == $(dd if=/dev/mapper/y bs=4M status=none | cksum) ]] && echo same
xfs_metadump -o /dev/mapper/x dump; xfs_mdrestore dump /dev/mapper/y; xfs_db -r -c 'sb 0' -c 'p fname' /dev/mapper/y
dd if=/dev/zero of=/dev/mapper/y bs=4096 count=1 status=none; xfs_repair -n /dev/mapper/y >words 2>&1; echo $?
xfs_repair /dev/mapper/y >words 2>&1; tail -n 1 words; xfs_repair -n /dev/mapper/y >words 2>&1; echo $?
mkfs.xfs /dev/mapper/y 2>&1 | head -n 1
dmsetup load y --table $'0 655360 striped 2 512 /dev/pmem1 0 /dev/pmem2 0\n655360 524288 linear /dev/pmem3 0'; dmsetup resume y
mkfs.xfs -f -d su=256k,sw=2 /dev/mapper/y | grep sunit
mkfs.xfs -f -m reflink=0 -i size=1024 -n size=8192 /dev/mapper/y | grep -E 'isize|reflink|naming'
