#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# Devices of a machine over NBD: nbdkit with our plug-in, and nbdcopy, nbdinfo,
# fio and qemu as clients.
#
#   nbdkit_test.sh DMDAX LIBRARY WORLD PLUGIN
set -euo pipefail

dir=$(mktemp -d /tmp/nbdkit-XXXXXX)
server=
trap '[[ -z $server ]] || kill "$server" 2>/dev/null || true; rm -rf "$dir"' EXIT
mkdir -p "$dir/tools" "$dir/run/preload"
cp -L "$1" "$dir/tools/dmdax"
cp -L "$2" "$dir/run/preload/"
cp -L "$3" "$dir/world.textproto"
cp -L "$4" "$dir/nbdkit-dmdax-plugin.so"
cd "$dir"
export LC_ALL=C TMPDIR=$dir

failed=0
# expect NAME WANTED GOT
expect() {
  if [[ $3 != "$2" ]]; then
    printf '%s:\n  wanted: %s\n  got:    %s\n' "$1" "$2" "$3"
    failed=1
  fi
}
dmdax() { "$dir/tools/dmdax" --state "$dir/state" "$@"; }
# over DEVICE COMMAND: a shell's command, for which $uri is the device.
over() {
  timeout -k 1 60 nbdkit -U - "$dir/nbdkit-dmdax-plugin.so" \
    state="$dir/state" "$1" --run "$2" 2>&1
}
# qemu DEVICE OPTION... -- COMMAND...: of qemu-io; how long it took is left out.
qemu() {
  local device=$1 words='qemu-io -f raw'
  shift
  for word in "$@"; do words+=" $(printf %q "$word")"; done
  over "$device" "$words"' "$uri"' | grep -v ' ops; '
}
# verify DEVICE OPTION...: whether fio, eight requests at a time, finds again
# what it writes.
verify() {
  local device=$1
  shift
  over "$device" 'fio --name=v --ioengine=nbd --uri="$uri" --rw=randwrite \
    --bs=4k --size=8M --iodepth=8 --verify=crc32c '"$*"' >fio.log 2>&1 &&
    echo verified || grep -om 1 "verify: bad [a-z ]*" fio.log || cat fio.log'
}

dmdax machine load world.textproto
dmdax create home --table '0 65536 linear /dev/pmem0 4096'
dmdax create striped --table '0 65536 striped 2 128 /dev/pmem1 0 /dev/pmem2 0'
dmdax create --readonly ro --table '0 64 linear /dev/pmem0 131072'
dmdax create bad <<<'0 2048 linear /dev/pmem3 0
2048 8 error
2056 2040 linear /dev/pmem3 2056'
dmdax create meta --table '0 8192 linear /dev/pmem4 0'
dmdax create data --table '0 16384 linear /dev/pmem4 8192'
dmdax create pool \
  --table '0 16384 thin-pool /dev/mapper/meta /dev/mapper/data 128 0' 2>&1 |
  grep -v 'discard passdown' || true
dmdax message pool 0 create_thin 0
dmdax create thin --table '0 32768 thin /dev/mapper/pool 0'

expect "without a machine" \
  "nbdkit: error: no machine answers at $dir/state/.socket: No such file or directory (is there a \`dmdax --state DIR serve\`?)" \
  "$(over home true)"
"$dir/tools/dmdax" --state "$dir/state" serve >ready &
server=$!
disown
for ((i = 0; i < 300; ++i)); do
  [[ -s ready ]] && break
  sleep 0.1
done

# Bytes, through several connections at once, and what is on the legs.
head -c 16M /dev/urandom >image
expect "nbdcopy there" "" "$(over striped 'nbdcopy --flush image "$uri"')"
expect "nbdcopy back" "" \
  "$(over striped 'nbdcopy "$uri" back && cmp -n 16777216 image back')"
expect "one stripe of a leg" "$(dd if=image bs=64k skip=3 count=1 status=none | cksum)" \
  "$(dmdax run --door=preload -- dd if=/dev/pmem2 bs=64k skip=1 count=1 \
    status=none | cksum)"
expect "qemu-img" "Images are identical." \
  "$(over home 'qemu-img convert -n -f raw -O raw image "$uri" &&
    qemu-img compare -f raw -F raw image "$uri"' | grep -v 'size mismatch')"

expect "fio --verify" verified "$(verify home --do_verify=1)"
expect "fio --verify, of what lies on two legs" verified \
  "$(verify striped --do_verify=1)"
qemu striped -c 'write -P 9 1M 512' >/dev/null
expect "fio --verify, of a sector that was written over" \
  "verify: bad magic header " "$(verify striped --verify_only)"

# What can be said of a device.
for name in home dm-0 /dev/mapper/home 254:0 pmem5; do
  size=33554432
  [[ $name == pmem5 ]] && size=1073741824
  expect "the size of $name" "$size" "$(over "$name" 'nbdinfo --size "$uri"')"
done
expect "what it can" "block_size_minimum: 512
can_fast_zero: true
can_flush: true
can_fua: true
can_multi_conn: true
can_trim: false
can_zero: true
is_read_only: false
is_rotational: false" "$(over home 'nbdinfo "$uri"' |
  grep -oE '(can_(f|m|t|z)|is_|block_size_min).*' | sort)"
expect "a thin one can be trimmed" "true" \
  "$(over thin 'nbdinfo --can trim "$uri" && echo true')"
expect "the export's name" "16777216" \
  "$(timeout 60 nbdkit -U - "$dir/nbdkit-dmdax-plugin.so" state="$dir/state" \
    --run 'nbdinfo --size "nbd+unix:///thin?socket=$unixsocket"' 2>&1)"

expect "write, trim, zero, flush" \
  "wrote 1048576/1048576 bytes at offset 0
discard 524288/524288 bytes at offset 0
read 524288/524288 bytes at offset 0
read 524288/524288 bytes at offset 524288
wrote 65536/65536 bytes at offset 524288
read 65536/65536 bytes at offset 524288" \
  "$(qemu thin -c 'write -P 5 0 1M' -c 'discard 0 512k' -c 'read -P 0 0 512k' \
    -c 'read -P 5 512k 512k' -c 'write -z 512k 64k' -c 'read -P 0 512k 64k' \
    -c flush)"
expect "what was trimmed is free" "8/128" \
  "$(dmdax status pool | grep -oE '[0-9]+/128')"

# Errors.
expect "a row of errors" "nbdkit: dmdax[1]: error: read: Input/output error
nbdkit: dmdax[1]: error: write: Input/output error
read 1048576/1048576 bytes at offset 0
read 512/512 bytes at offset 0
read failed: Input/output error
write failed: Input/output error
wrote 512/512 bytes at offset 0" \
  "$(qemu bad -c 'read 1M 512' -c 'read 0 1M' -c 'write -P 7 1M 512' \
    -c 'write -f -P 7 0 512' -c 'read -P 7 0 512' | sort)"
expect "a read-only device" "write failed: Operation not permitted" \
  "$(qemu ro -c 'write 0 512' | grep -v nbdkit)"
expect "a name of nothing" "nbdkit: error: none: No such device or address" \
  "$(over none true)"
expect "a word that there is not" \
  "nbdkit: error: what is 'colour'? There are device=, state= and socket=" \
  "$(over colour=red true)"

# A suspended device answers when it is resumed.
expect "suspended" "still
read 512/512 bytes at offset 0" "$(over home '
  dmdax="'"$dir"'/tools/dmdax --state '"$dir"'/state"
  $dmdax suspend home
  qemu-io -f raw -c "read 0 512" "$uri" >answer &
  sleep 1
  test -s answer || echo still
  $dmdax resume home
  wait $!
  head -n 1 answer')"
# And nbdkit ends meanwhile, if it is told to.
dmdax suspend home
nbdkit -U "$dir/nbd" -P "$dir/pid" -f "$dir/nbdkit-dmdax-plugin.so" \
  state="$dir/state" home 2>/dev/null &
nbdkit=$!
while [[ ! -s pid ]]; do sleep 0.05; done
qemu-io -f raw -c 'read 0 512' "nbd+unix:///?socket=$dir/nbd" >/dev/null 2>&1 &
reader=$!
sleep 1
kill "$nbdkit"
for ((i = 0; i < 100; ++i)); do
  kill -0 "$nbdkit" 2>/dev/null || break
  sleep 0.1
done
if kill -0 "$nbdkit" 2>/dev/null; then
  echo "nbdkit waits for a suspended device"
  failed=1
  kill -KILL "$nbdkit"
fi
kill "$reader" 2>/dev/null || true
wait "$nbdkit" "$reader" || true
dmdax resume home

# On a machine it needs not be told which.
for door in preload notify; do
  words=$(dmdax run --door="$door" -- true 2>&1) || true
  if [[ $words == *"--door=preload serves programs"* ]]; then
    echo "without notify: $words"
    continue
  fi
  expect "through $door" 33554432 \
    "$(dmdax run --door="$door" -- timeout 60 nbdkit -U - \
      "$dir/nbdkit-dmdax-plugin.so" dm-0 --run 'nbdinfo --size "$uri"' 2>&1)"
done

# Without its machine, nbdkit serves errors.
expect "a machine that is gone" "read failed: Input/output error" \
  "$(over striped '
    (echo "read 0 512"
     until grep -qs "read 512" seen; do sleep 0.05; done
     kill -KILL '"$server"'
     while grep -qs "^State:.[^Z]" /proc/'"$server"'/status; do
       sleep 0.05
     done
     echo "read 0 512") |
      stdbuf -oL qemu-io -f raw "$uri" >seen 2>&1
    cat seen' | grep -o 'read failed.*')"
server=
exit "$failed"
