#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# libc's calls that name a path, through both doors: the same for the program,
# and the host has nothing of it.
#
#   libc_test.sh DMDAX LIBRARY WORLD CLIENT
#
# Run by root it could do harm: to names below /dev, /run/lvm and /etc/lvm that
# are looked at before and after.
set -euo pipefail
. "$(dirname "$0")/testing.sh"

install_here libc "$1" "$2" "$3"
client=$dir/bin/client
cp -L "$4" "$client"
cd "$dir/here"
export TMPDIR=$dir LC_ALL=C
unset DMDAX_STATE DMDAX_SOCKET

find_doors "$dmdax"

# What the host has where the machine has names of its own.
host() {
  ls -d /dev/pmem* /dev/mapper/* /dev/*-of-dmdax /run/lvm/* /etc/lvm/backup/* \
    2>/dev/null || true
  cut -d' ' -f1,2 /proc/mounts
}
before=$(host)

expected() {
  case $1 in
    streams) cat <<'END' ;;
freopen of stdin: by fopen
freopen of stdout: by freopen
dprintf: by dprintf
perror, warnx, fprintf:
p: No such file or directory
client: w
f
END
    another) echo 'freopen of another: by fopen' ;;
    spawn) echo 'posix_spawn: 0, spawned 1048576' ;;
    temporary) cat <<'END' ;;
mkstemp: ok
mkostemps: ok
mkdtemp: ok
mkostemp: ok
they are a file, a file, a directory, a file
and named well
mkfifo: ok
it is a FIFO
truncate: ok
truncate of a device: EINVAL
utimes: ok
utimensat: ok
utime: ok
100 bytes, 2, 4, 6
END
    times) cat <<'END' ;;
utimes: ok
lutimes: ok
futimesat: ok
utime: ok
utimensat: ok
futimens: ok
futimes: ok
syscall: ok
chdir: ok
relative: ok
it is a block device
END
    names) cat <<'END' ;;
openat2: ok
write: ok
fsync: ok
openat: ok
write: ok
null: ok
openat2, openat, a block device
nftw: ok
1 control node
openat2 at 4
write by it: EBADF
chdir: ok
/dev/mapper
/etc/lvm/backup/.. is a directory
mkdir in /sys: EPERM
unlink in /sys: EPERM
creat in /sys: EACCES
unlink in /proc: EPERM
END
    links) cat <<'END' ;;
relative: ok
write: ok
l: linked, is a block device
new: EEXIST
created: ok
259:2
foreign is a directory, foreign/pmem2 a block device, a block device; size 1048576
linked, /dev/pmem2
access: ok
1 control node
new name: ok
it is a file
unlink: ok
nobody's: ok
it is a file
chdir: ok
pmem2 is a block device
END
    mounts) cat <<'END' ;;
mount: EPERM
mount on: EPERM
mount with: EPERM
umount: EINVAL
swapon: EPERM
swapoff: EINVAL
quotactl: ENODEV
open_tree: EPERM
fsconfig: EPERM
a node: ok
mount of it: EPERM
END
    asynchronous) cat <<'END' ;;
pwrite: ok
aio_read: right
lio_listio: right
aio_write: right
aio_read of nothing: ok
io_setup: ok
io_submit: ok
io_getevents: ok
512 bytes, c
io_uring_setup: ENOSYS
END
    polls) cat <<'END' ;;
poll: 3: 5 0 0 4 0 20, 1
ppoll: 1 100, 0
select: 2 10 10 00, pselect: 1
poll: 3: 5 0 0 4 0 20, 1
ppoll: 1 100, 0
select: 2 10 10 00, pselect: 1
poll: 3: 5 0 0 4 0 20, 1
ppoll: 1 100, 0
select: 2 10 10 00, pselect: 1
epoll_ctl: EPERM
epoll_ctl of a pipe: ok
epoll_ctl of control: ok
poll of control: 0
END
    direct) cat <<'END' ;;
pwrite: ok
pwrite at 256: EINVAL
pread at 1: EINVAL
read of much at 4: EINVAL
readv: ok
readv to 1: EINVAL
readv of halves: EINVAL
readv of nothing to 1: ok
position 0
io_submit to 8: -22
without O_DIRECT: ok
END
    suspended) cat <<'END' ;;
0: 0 handled while it waits
512 bytes, 1 handled
0: ended by signal 15
END
    keys) cat <<'END' ;;
add_key: ok
bad description: EFAULT
bad payload: EFAULT
describe: ;3d010000;disk:1
describe nowhere: EFAULT
update: ok
update with nothing: EINVAL
search: ok
search another: ENOKEY
read: EOPNOTSUPP
link: ok
setperm: ok
describe: ;3f000000;disk:1
revoke: ok
describe: EKEYREVOKED
a session is the host's
END
  esac
}

for family in streams another spawn temporary times names links mounts keys \
  polls direct suspended asynchronous; do
  for door in "${doors[@]}"; do
    [[ $family/$door != another/notify ]] || continue
    rm -rf "$dir/here" && mkdir "$dir/here" && cd "$dir/here"
    mkdir mp
    # Links that no program of the machine has made.
    up=$(printf '%s' "$PWD" | sed 's#/[^/]*#../#g')
    ln -s "${up}dev" foreign
    ln -s /dev/pmem2 device
    ln -s "${up}sys/block/pmem0/size" size
    ln -s "${up}dev/nobody-of-dmdax" nobody
    status=0
    "$dmdax" --world ../world.textproto run --root --door="$door" -- \
      "$client" "$family" >../out 2>../err </dev/null || status=$?
    diff <(expected "$family") ../out >../diff ||
      wrong "$family, $door: $(cat ../diff) $(head -5 ../err)"
    ((status == 0)) || wrong "$family, $door: exit $status $(head -5 ../err)"
    if [[ $family == mounts ]]; then
      lines=$(grep -c '^dmdax: .*no kernel is below' ../err) || true
      [[ $lines == 7 ]] || wrong "mounts, $door: $lines words: $(cat ../err)"
    elif [[ -s ../err ]]; then
      wrong "$family, $door: says $(head -5 ../err)"
    fi
  done
done
# What dmdax's own verbs change is there when they are over, also for a program
# that has been running.
for door in "${doors[@]}"; do
  got=$("$dmdax" --state "$dir/state.$door" run --root --door="$door" -- bash -c '
    exec 5</dev/mapper; "$0" create lin --table "0 8 zero"
    echo /dev/mapper/*; head -c 1 /dev/mapper/lin | od -An -tx1
    "$0" remove lin; echo /dev/mapper/*' "$dmdax" 2>&1) || true
  [[ $got == $'/dev/mapper/control /dev/mapper/lin\n 00\n/dev/mapper/control' ]] ||
    wrong "what verbs change, $door: $got"
done
# A program with the rights of another user has no library of ours, and is told
# so; where there is no other user to give it to, there is nothing to see.
cp /bin/true "$dir/other"
if chown 65534 "$dir/other" 2>/dev/null && chmod 4755 "$dir/other"; then
  for how in alone shell; do
    command=("$dir/other")
    [[ $how != shell ]] || command=(bash -c '"$0"' "$dir/other")
    got=$("$dmdax" run --door=preload -- "${command[@]}" 2>&1) || true
    [[ $got == "dmdax: $dir/other has the rights of another user, and so drops the preload library: it sees the host, and no machine" ]] ||
      wrong "a set-user-ID program: $got"
  done
fi
[[ $(host) == "$before" ]] ||
  wrong "the host has changed: $(diff <(echo "$before") <(host))"

exit "$failed"
