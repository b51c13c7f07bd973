# SPDX-License-Identifier: Apache-2.0
# veritysetup: a hash tree is made, and a byte that changes below it is found.
dmsetup create data --table '0 8192 linear /dev/pmem0 0'
dmsetup create hash --table '0 2048 linear /dev/pmem1 0'
head -c 4194304 /dev/zero | tr '\0' x >/dev/mapper/data
veritysetup format --salt=00 --uuid=01234567-89ab-cdef-0123-456789abcdef --root-hash-file=root /dev/mapper/data /dev/mapper/hash
veritysetup open --root-hash-file=root /dev/mapper/data whole /dev/mapper/hash
veritysetup status whole
dmsetup table whole
cmp /dev/mapper/whole /dev/mapper/data
veritysetup verify --root-hash-file=root /dev/mapper/data /dev/mapper/hash
dd if=/dev/zero of=/dev/mapper/whole count=1 status=none
printf y | dd of=/dev/mapper/data bs=1 seek=8192 conv=notrunc status=none
veritysetup verify --root-hash-file=root /dev/mapper/data /dev/mapper/hash
dmsetup status whole
dd if=/dev/mapper/whole of=copy bs=4096 status=none; stat -c %s copy
dmsetup status whole
veritysetup close whole
veritysetup open /dev/mapper/data bad /dev/mapper/hash 0000000000000000000000000000000000000000000000000000000000000000
head -c 1 /dev/mapper/bad
veritysetup close bad
dmsetup ls | sort
