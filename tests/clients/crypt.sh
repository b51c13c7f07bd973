# SPDX-License-Identifier: Apache-2.0
# cryptsetup: what is written comes back, and lies below in other bytes; a LUKS2
# volume with a file system is encrypted anew.
dmsetup create raw --table "0 49152 linear /dev/pmem0 0"
printf 0123456789abcdef0123456789abcdef >key
cryptsetup open --type plain --cipher aes-xts-plain64 --key-size 256 --key-file key /dev/mapper/raw plain
dmsetup table --showkeys plain
cryptsetup status plain
echo hello world | dd of=/dev/mapper/plain conv=notrunc status=none
head -c 12 /dev/mapper/plain
head -c 16 /dev/mapper/raw | od -An -tx1
cryptsetup close plain
cryptsetup luksFormat -q --pbkdf pbkdf2 --pbkdf-force-iterations 1000 --uuid 01234567-89ab-cdef-0123-456789abcdef --key-file key /dev/mapper/raw
cryptsetup isLuks -v /dev/mapper/raw
blkid -o export /dev/mapper/raw
printf wrong | cryptsetup open --key-file - /dev/mapper/raw home
cryptsetup open --key-file key /dev/mapper/raw home
cryptsetup status home
dmsetup table home | tr -d 0
mkfs.ext4 -q -b 4096 -U 01234567-89ab-cdef-0123-456789abcdef /dev/mapper/home
cryptsetup close home
cryptsetup reencrypt -q --pbkdf pbkdf2 --pbkdf-force-iterations 1000 --key-file key /dev/mapper/raw 2>&1 | sed 's/time.*//'
cryptsetup open --key-file key /dev/mapper/raw home
e2fsck -fn /dev/mapper/home 2>/dev/null
cryptsetup close home
dmsetup ls
