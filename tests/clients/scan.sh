# SPDX-License-Identifier: Apache-2.0
# state
# A file system of mke2fs says which parts of its files get huge pages, from its
# bytes: dmdax is one of the programs here.
export LVM_SYSTEM_DIR=$PWD/lvm
mkdir -p lvm top/db
echo 'devices { use_devicesfile=0 obtain_device_list_from_udev=0 } global { locking_dir="'$PWD'/lvm/lock" use_lvmpolld=0 event_activation=0 } activation { monitoring=0 } backup { backup=0 archive=0 }' >lvm/lvm.conf
head -c 3M /dev/zero | tr '\0' x >top/db/data; echo hello >top/small; ln top/small top/db/again; ln -s small top/link
truncate -s 8M top/hole
pvcreate -q --dataalignment 2m /dev/pmem0
vgcreate -q --physicalextentsize 4m vg /dev/pmem0
lvcreate -q -L 128M -n home vg
dmdax mount --scan vg-home /mnt -o dax=always
mke2fs -q -t ext4 -b 4096 -U 01234567-89ab-cdef-0123-456789abcdef -E root_owner=0:0 -d top /dev/vg/home
debugfs -w -R 'write /dev/null filler' /dev/vg/home 2>/dev/null
debugfs -w -R 'fallocate /filler 0 228' /dev/vg/home 2>/dev/null
debugfs -w -R 'write /dev/null ready' /dev/vg/home 2>/dev/null
debugfs -w -R 'fallocate /ready 0 2559' /dev/vg/home 2>/dev/null
debugfs -w -R 'set_inode_field /ready size 10485760' /dev/vg/home 2>/dev/null
dmdax mount --scan vg-home /mnt -o dax=always
dmdax mount
dmdax file list | grep -v '^ '
dmdax sweep --write /mnt/ready
dmdax sweep /mnt/db/data
dmdax sweep --write /mnt/hole
echo the blocks are where debugfs says; for f in db/data ready; do [[ $(dmdax file list | awk -v f=/mnt/$f '$1 == f { on = 1; next } /^\// { on = 0 } on { for (b = 0; b < substr($4, 2) / 4096; b++) print $3 / 4096 + b }' | xargs) == $(debugfs -R "blocks /$f" /dev/vg/home 2>/dev/null | xargs) ]] && echo "$f same"; done
dmdax umount /mnt
debugfs -w -R 'set_inode_field /small links_count 0' /dev/vg/home 2>/dev/null
dmdax mount --scan vg-home /mnt -o dax=always
debugfs -w -R 'feature needs_recovery' /dev/vg/home >/dev/null 2>&1
dmdax mount --scan vg-home /mnt -o dax=always
mke2fs -q -F -t ext4 -b 4096 -O inline_data /dev/vg/home
dmdax mount --scan vg-home /mnt -o dax=always
mke2fs -q -F -t ext2 -b 4096 -d top /dev/vg/home
dmdax mount --scan -t xfs vg-home /mnt
dmdax mount --scan vg-home /mnt -o dax && dmdax mount && dmdax sweep /mnt/db/data
