# SPDX-License-Identifier: Apache-2.0
# LVM2, kinds of volumes: a snapshot of a file system that goes on, thin volumes,
# a mirror and a raid1, data that move, metadata that come back.
export LVM_SYSTEM_DIR=$PWD/lvm
mkdir -p lvm
echo 'devices { use_devicesfile=0 obtain_device_list_from_udev=0 } global { use_lvmpolld=0 event_activation=0 thin_check_executable="" } activation { monitoring=0 }' >lvm/lvm.conf
# On disks that can do no DAX: a device that can may not become another type.
for i in 0 1 2; do dmsetup create pv$i --table "0 131072 linear /dev/pmem5 $((2048 + i * 131072))"; done
vgcreate -q -s 1m vg /dev/mapper/pv0 /dev/mapper/pv1 /dev/mapper/pv2
lvcreate -q -y -L 8M -n home vg /dev/mapper/pv0
mke2fs -q -t ext4 -U 01234567-89ab-cdef-0123-456789abcdef /dev/vg/home
sha256sum </dev/vg/home >before
lvcreate -q -s -L 4M -n snap vg/home
echo more >more; debugfs -w -R 'write more more' /dev/vg/home 2>/dev/null
sha256sum </dev/vg/snap | cmp - before
sha256sum </dev/vg/home | cmp -s - before || echo it has changed
lvs -o lv_name,lv_attr,origin,snap_percent vg
lvconvert -q -i 1 --merge vg/snap | tail -n 1
lvs --noheadings -o lv_name vg
sha256sum </dev/vg/home | cmp - before
lvcreate -q -y -T -L 16M -V 16M -n thin vg/pool
mke2fs -q -t ext4 -E nodiscard /dev/vg/thin
lvcreate -q -s -n copy vg/thin
lvchange -ay -K vg/copy
e2fsck -fn /dev/vg/copy 2>/dev/null | tail -n 1
lvs -a -o lv_name,lv_attr,pool_lv,origin,lv_size vg
lvcreate -q -y --type mirror -m 1 --mirrorlog core -L 4M -n two vg /dev/mapper/pv0 /dev/mapper/pv1
lvs --noheadings -a -o lv_name,copy_percent,devices vg/two
lvcreate -q -y --type raid1 -m 1 -L 4M -n safe vg /dev/mapper/pv0 /dev/mapper/pv1
mke2fs -q -t ext4 /dev/vg/safe; e2fsck -fn /dev/vg/safe 2>/dev/null | tail -n 1
lvs --noheadings -o lv_name,lv_attr,sync_percent,raid_sync_action vg/safe
seq 100000 | head -c 524288 >seq; dd if=seq of=/dev/vg/safe bs=64k seek=8 conv=fsync status=none
for i in 0 1; do dd if=/dev/mapper/vg-safe_rimage_$i bs=64k skip=8 count=8 status=none | cmp - seq; done
lvremove -q -f vg/safe
pvmove -q -i 1 -n home /dev/mapper/pv0 /dev/mapper/pv2 | tail -n 1
lvs --noheadings -o devices vg/home
e2fsck -fn /dev/vg/home 2>/dev/null | tail -n 1
vgcfgbackup -f kept vg
lvremove -q -f vg/two vg/pool
vgchange -q -an vg
vgcfgrestore -q --force -f kept vg
vgchange -q -ay -K vg
e2fsck -fn /dev/vg/copy 2>/dev/null | tail -n 1
lvs --noheadings -o lv_name,lv_size vg
vgremove -q -f vg
dmsetup ls | sort
