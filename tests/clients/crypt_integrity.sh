# SPDX-License-Identifier: Apache-2.0
# cryptsetup --integrity: LUKS2 with tags for its data, kept by dm-integrity
# below dm-crypt; a byte that changes further down is found.  Ciphers that have tags
# of their own are not here: cryptsetup asks the host's kernel for them (AF_ALG).
dmsetup create raw --table "0 65536 linear /dev/pmem0 0"
printf 0123456789abcdef0123456789abcdef >key
cryptsetup luksFormat -q --type luks2 --integrity hmac-sha256 --sector-size 4096 --pbkdf pbkdf2 --pbkdf-force-iterations 1000 --uuid 01234567-89ab-cdef-0123-456789abcdef --key-file key /dev/mapper/raw
cryptsetup luksDump /dev/mapper/raw | grep -A 7 '^Data segments'
blkid -o export /dev/mapper/raw
cryptsetup open --key-file key /dev/mapper/raw home
cryptsetup status home
dmsetup ls | sort
dmsetup table home | sed 's/:[0-9a-f]*-d /: /'
dmsetup table home_dif
dmsetup status home_dif
mkfs.ext4 -q -b 4096 -U 01234567-89ab-cdef-0123-456789abcdef /dev/mapper/home
e2fsck -fn /dev/mapper/home 2>/dev/null
cryptsetup close home
dmsetup ls
cryptsetup open --key-file key --integrity-no-journal /dev/mapper/raw home
dmsetup table home_dif
e2fsck -fn /dev/mapper/home 2>/dev/null
cryptsetup close home
head -c 4096 /dev/zero | tr '\0' Z >z
dd if=z of=/dev/mapper/raw bs=4096 seek=6144 conv=notrunc status=none
cryptsetup open --key-file key /dev/mapper/raw home
dd if=/dev/mapper/home of=/dev/null bs=4096 status=none
dd if=/dev/mapper/home of=/dev/null bs=4096 iflag=direct status=none
dmsetup status home_dif
cryptsetup close home
dmsetup ls
