#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# Much data through each door, of machines with a state: what is read was
# written, whichever way it went, while other commands change the machine; and
# long reads go past the server.
#
#   bulk_test.sh DMDAX LIBRARY WORLD CLIENT
set -euo pipefail
. "$(dirname "$0")/testing.sh"

install_here bulk "$1" "$2" "$3"
cp -L "$4" "$dir/client.py"
become_nobody
find_doors "${clean[@]}" "$dmdax"
echo 'kernel: "v6_1" block { name: "sda" sectors: 131072 }
  block { name: "sdb" sectors: 8 }' >world
table='0 98304 linear /dev/sda 32768
98304 16 linear /dev/sda 0'

# Two in the machine of the first `run`, and one that joins it.
for door in "${doors[@]}"; do
  "${clean[@]}" "$dmdax" --state "s.$door" machine load world >/dev/null
  "${clean[@]}" "$dmdax" --state "s.$door" create v --table "$table"
  run=("${clean[@]}" "$dmdax" --state "s.$door" run "--door=$door" --)
  pids=()
  "${run[@]}" bash -c '
    for part in 0 1; do
      python3 -B ../client.py /dev/mapper/v $part 4 & pids+=($!)
    done
    for pid in "${pids[@]}"; do wait $pid || exit; done' >"begun.$door" &
  pids+=($!)
  until [[ -s begun.$door ]]; do
    kill -0 "${pids[0]}" 2>/dev/null || break
    sleep 0.05
  done
  "${run[@]}" python3 -B ../client.py /dev/mapper/v 2 3 >/dev/null &
  pids+=($!)
  for ((i = 0; i < 8; ++i)); do
    "${clean[@]}" "$dmdax" --state "s.$door" create "x$i" \
      --table '0 8 linear /dev/sdb 0'
    "${clean[@]}" "$dmdax" --state "s.$door" remove "x$i"
  done
  for pid in "${pids[@]}"; do wait "$pid" || wrong "$door: a client: $?"; done

  # A hole, a part of one, and bytes; into memory that is there in part alone.
  got=$("${clean[@]}" "$dmdax" --state "s.$door" run --door="$door" -- \
    python3 -B - <<'END' 2>&1
import ctypes, mmap, os
fd = os.open("/dev/sda", os.O_RDWR)
mib = 1 << 20
os.pwrite(fd, b"a" * mib, 2 * mib)
os.fsync(fd)
assert os.pread(fd, 3 * mib, mib) == bytes(mib) + b"a" * mib + os.pread(fd, mib, 3 * mib)
libc = ctypes.CDLL(None, use_errno=True)
memory = mmap.mmap(-1, 2 * mib)
at = ctypes.addressof(ctypes.c_char.from_buffer(memory))
assert libc.munmap(ctypes.c_void_p(at + mib // 2), mib // 2) == 0
os.lseek(fd, 2 * mib, os.SEEK_SET)
n = libc.read(fd, ctypes.c_void_p(at), mib)
assert memory[:mib // 2] == b"a" * (mib // 2)
print(n, os.lseek(fd, 0, os.SEEK_CUR) - 2 * mib, flush=True)
windows = open(f"/proc/{os.getppid()}/maps").read().count("/disk.")
print(windows > 0, flush=True)
os._exit(0)
END
  ) || got+=" ? $?"
  # The server of a preloaded program is not who reads.
  [[ $door == preload ]] && window=False || window=True
  [[ $got == "524288 524288"$'\n'"$window" ]] || wrong "$door: $got"
done
((failed == 0))
