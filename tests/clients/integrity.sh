# SPDX-License-Identifier: Apache-2.0
# integritysetup: tags that are wiped, outlive the device, and find a byte that
# changes below it.
dmsetup create raw --table '0 65536 linear /dev/pmem0 0'
printf %032d 0 >key
integritysetup format -q --integrity crc32c /dev/mapper/raw
integritysetup open --integrity crc32c /dev/mapper/raw i
dmsetup table i
printf 'EXAMPLE TEXT' | dd of=/dev/mapper/i conv=notrunc status=none
integritysetup close i
integritysetup open --integrity crc32c --integrity-no-journal /dev/mapper/raw i
head -c 12 /dev/mapper/i; echo
dd if=/dev/mapper/i of=/dev/null bs=1M status=none
dmsetup status i
printf Z | dd of=/dev/mapper/raw bs=1 seek=$(grep -abo 'EXAMPLE TEXT' /dev/mapper/raw | head -n 1 | cut -d: -f1) conv=notrunc status=none
integritysetup close i
integritysetup open --integrity crc32c /dev/mapper/raw i
dd if=/dev/mapper/i of=/dev/null bs=4096 count=1 status=none
dmsetup status i
integritysetup close i
integritysetup format -q --integrity hmac-sha256 --integrity-key-file key --integrity-key-size 32 /dev/mapper/raw
integritysetup open --integrity hmac-sha256 --integrity-key-file key --integrity-key-size 32 /dev/mapper/raw i
cmp -n 1048576 /dev/mapper/i /dev/zero
integritysetup close i
dmsetup ls | sort
