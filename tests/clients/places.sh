# SPDX-License-Identifier: Apache-2.0
# Where things are: nodes elsewhere, directories that only the machine has,
# relative names, tables of mounts, what is behind a descriptor.
mkdir -p top/dev; mknod top/dev/pmem0 b 259 0; mknod top/dev/null c 1 3; echo x >top/dev/null
export DM_DEV_DIR=$PWD/top/dev
dmsetup create one --table "0 8192 linear $DM_DEV_DIR/pmem0 0"
dmsetup create two --table "0 8192 linear $DM_DEV_DIR/mapper/one 0"
dmsetup create bad --table "0 8 linear /etc/passwd 0"
dmsetup table
stat -c '%n %F %t:%T' top/dev/* top/dev/mapper/*
mv top/dev top/other; dmsetup load two --table "0 8192 linear $PWD/top/other/pmem0 8"; dmsetup table --inactive two
unset DM_DEV_DIR
dmsetup mknodes; echo /dev/mapper/*
cd /sys/block/dm-0 && pwd && cat dm/name ../dm-0/size; cd queue; pwd; cat logical_block_size; cd "$HOME"
cd /sys/block/none
(cd / && cat sys/block/dm-0/size && echo dev/mapper/t* && cat ./proc/partitions | tail -n 1)
(cd /dev/mapper && ls ../dm-* && test ../../etc/passwd -ef /etc/passwd && echo same)
mkswap -U 01234567-89ab-cdef-0123-456789abcdef /dev/mapper/two
stat -L -c '%F %t:%T' /dev/stdin </dev/mapper/two
test /dev/mapper/two -ef /proc/self/fd/5 5</dev/mapper/two && echo the same
/usr/bin/python3 -c 'print(any(l.split()[2] == "254:0" for l in open("/proc/self/mountinfo")))'
/usr/bin/python3 -c 'import os; print([d for s, d, *_ in map(str.split, open("/proc/mounts")) if os.path.isdir(d) and os.stat(d).st_dev == os.makedev(254, 0)])'
echo 3 >/proc/sys/vm/drop_caches; ls -d /run/lvm /run/lock/lvm /run/cryptsetup /etc/lvm/backup; ls -A /run/lvm
try() { dmsetup load two --table "0 8 linear $1 0" && dmsetup table --inactive two; }
mkdir /dev/vg /dev/wg; ln -s ../mapper/one /dev/vg/a; ln -s ../vg/a /dev/wg/b; try /dev/wg/b
mv /dev/vg /dev/ug; try /dev/ug/a; try /dev/vg/a; try /dev/wg/b
mv /dev/mapper/one /dev/mapper/first; try /dev/ug/a; try /dev/mapper/first
ln -s mapper/first /dev/x; try /dev/x; ln -sfn pmem0 /dev/x; try /dev/x; rm -r /dev/ug /dev/x; try /dev/x
# What a link leads to outside is none of the machine's, readable or not.
ln -s / /dev/root; ln -s /proc /dev/proc; mkdir -p /dev/no/below; chmod 0 /dev/no; ln -s no /dev/yes; dmsetup ls; chmod 700 /dev/no
# The control node stays, whatever name it goes by.
rm -rf /dev/mapper; (cd /dev/mapper && rm -f control); ls /dev/mapper; dmsetup mknodes; ls /dev/mapper
dmsetup remove_all; rm -r top /dev/root /dev/proc /dev/no /dev/yes
