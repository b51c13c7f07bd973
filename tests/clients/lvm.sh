# SPDX-License-Identifier: Apache-2.0
# LVM2, without daemons: volumes are made, grown, striped and removed.
export LVM_SYSTEM_DIR=$PWD/lvm
mkdir -p lvm
echo 'devices { use_devicesfile=0 obtain_device_list_from_udev=0 } global { locking_dir="'$PWD'/lvm/lock" use_lvmpolld=0 event_activation=0 } activation { monitoring=0 } backup { backup=0 archive=0 }' >lvm/lvm.conf
pvcreate /dev/pmem0 /dev/pmem1
vgcreate vg /dev/pmem0 /dev/pmem1
pvs
lvcreate -q -L 64M -n home vg
lvcreate -q -L 64M -i 2 -n fast vg
lvs -o lv_name,lv_attr,lv_size,devices
readlink /dev/vg/home
dmsetup table
mkfs.ext4 -q -U 01234567-89ab-cdef-0123-456789abcdef /dev/vg/fast
blkid -o value -s TYPE /dev/vg/fast
lvextend -q -L +32M vg/home
lvchange -an vg/home
ls /dev/vg
lvchange -ay vg/home
lvrename -q vg home house
ls /dev/mapper
lvremove -q -f vg/house
vgremove -q -f vg
pvremove /dev/pmem0 /dev/pmem1
pvs
dmsetup ls
