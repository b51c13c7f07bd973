# SPDX-License-Identifier: Apache-2.0
# The real dmsetup and dmstats: devices, events, and who waits for them.
dmsetup version
dmsetup targets | sort | head -n 3
dmsetup create home --table '0 524288 linear /dev/pmem0 2048'
dmsetup create fast --table '0 524288 striped 2 4096 /dev/pmem1 0 /dev/pmem2 0'
dmsetup create bad --table '0 8 linear /dev/nothing 0'
dmsetup ls
dmsetup table
dmsetup status home
dmsetup info -c -o name,major,minor,attr,open,segments,events
dmsetup deps -o devname fast
dmsetup ls --tree
stat -c '%F %t:%T' /dev/mapper/home /dev/mapper/control /dev/dm-1
readlink -f /sys/dev/block/254:0
cat /sys/block/dm-1/dm/name /sys/block/dm-1/size
ls /sys/block/dm-1/slaves
echo /dev/mapper/*
blockdev --getsize64 --getss --getro /dev/mapper/home
dmsetup suspend home
dmsetup info -c --noheadings -o attr home
dmsetup resume home
# The last opener closes.
exec 5</dev/mapper/home
dmsetup info -c --noheadings -o open home
dmsetup remove home
exec 5<&-
dmsetup rename home house
# Waits until somebody renames it.
(sleep 1; dmsetup rename house home) & dmsetup wait house $(dmsetup info -c --noheadings -o events house); wait
dmsetup message fast 0 hello
dmstats create home
dmstats create --areas 2 --bounds 1ms,5s fast
dmstats create --start 8 --length 1k --precise fast
dmstats group --regions 0-1 --alias both fast
dmstats list
dd if=/dev/zero of=/dev/mapper/fast bs=4096 count=3 conv=fsync status=none
dmstats report --raw --region -o name,region_id,write_count,write_sector_count fast
dmstats print --allregions home
dmstats delete --groupid 0 fast
dmstats delete --allregions home
dmsetup mknodes
dmsetup remove_all
dmsetup ls
ls /dev/mapper
