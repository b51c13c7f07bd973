#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# bench/README.md quotes what the newest logs say, docs/speed.svg draws it, and
# README.md says it in words.
set -euo pipefail
# The logs of one day's runs, the newest of all.
day=$(ls bench/log/*-run1.txt | sort | tail -n 1)
logs=("${day%1.txt}"*.txt)
table=$(awk -f bench/summary.awk "${logs[@]}")
[[ $(wc -l <<<"$table") -gt 10 ]] || { echo "no goals in ${logs[*]}"; exit 1; }
if [[ $(<bench/README.md) != *"$table"* ]]; then
  echo "bench/README.md: its table is not that of ${logs[*]}:"
  echo "$table"
  exit 1
fi
words=$(awk -v rows=bench/readme_rows.txt -f bench/summary.awk "${logs[@]}")
if [[ $(<README.md) != *"$words"* ]]; then
  echo "README.md: its table is not that of ${logs[*]}:"
  echo "$words"
  exit 1
fi
diff <(awk -v svg=1 -f bench/summary.awk "${logs[@]}") docs/speed.svg
