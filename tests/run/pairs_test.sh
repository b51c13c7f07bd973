#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# Devices that the real dmsetup makes and removes in one run, as nobody, through
# each door: what the machine's processes hold in memory does not grow with how
# many there have been, nor does what a pair costs them.
#
#   pairs_test.sh DMDAX LIBRARY WORLD [PAIRS]
#
# The first quarter is not counted, as what is kept for later is made in it; the
# cost is judged from 2000 on.  (10000 take some minutes.)
set -euo pipefail
. "$(dirname "$0")/testing.sh"

pairs=${4:-240}
install_here pairs "$1" "$2" "$3"
become_nobody
find_doors "${clean[@]}" "$dmdax"

# Prints a line for each quarter: KiB in memory, ticks of processor time, of the
# processes above it that are dmdax.
cat >"$dir/script" <<'END'
above=() pid=$PPID
while [[ $(cat "/proc/$pid/comm") == dmdax ]]; do
  above+=("$pid")
  pid=$(cut -d ' ' -f 4 "/proc/$pid/stat")
done
for ((i = 1; i <= $1; ++i)); do
  dmsetup create "d$i" --table "0 8 linear /dev/pmem1 $((i % 64 * 8))" || exit
  dmsetup remove "d$i" || exit
  ((i % ($1 / 4) == 0)) || continue
  kib=0 ticks=0
  for pid in "${above[@]}"; do
    kib=$((kib + $(sed -n 's/^VmRSS:\s*\([0-9]*\) kB/\1/p' "/proc/$pid/status")))
    read -ra stat <"/proc/$pid/stat"
    ticks=$((ticks + stat[13] + stat[14]))
  done
  echo "$kib $ticks"
done
[[ -z $(dmsetup ls | grep -v '^No devices found$') ]] || exit 9
END
chmod a+r "$dir/script"

for door in "${doors[@]}"; do
  "${clean[@]}" "$dmdax" --world ../world.textproto run --root --door="$door" \
    -- bash ../script "$pairs" >"$dir/$door" || wrong "$door: exit status $?"
  mapfile -t quarters <"$dir/$door"
  ((${#quarters[@]} == 4)) || { wrong "$door: ${quarters[*]}"; continue; }
  read -r kib1 ticks1 <<<"${quarters[0]}"
  read -r _ ticks2 <<<"${quarters[1]}"
  read -r _ ticks3 <<<"${quarters[2]}"
  read -r kib4 ticks4 <<<"${quarters[3]}"
  grown=$((kib4 - kib1))
  second=$((ticks2 - ticks1)) last=$((ticks4 - ticks3))
  echo "$door: $pairs pairs: $kib1 KiB after a quarter, $grown more at the" \
    "end; ticks a quarter: $ticks1 $second $((ticks3 - ticks2)) $last"
  # A leak of 64 bytes a pair shows at 10000; of a kilobyte, here.
  ((grown <= 256 + pairs / 16)) || wrong "$door: memory grows"
  # On a busy machine the ticks of some seconds are chance.
  ((pairs < 2000 || last <= second * 3 / 2)) ||
    wrong "$door: a pair costs more and more"
done
((failed == 0))
