#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# limits.sh: what a processor needs at least for the loops of bench/floor_loop.h,
# by llvm-mca (Debian's package llvm): instructions, µops, the cycles that its
# ports need for them if nothing misses.
#
#   bench/limits.sh [CPU]    (default znver3; see llc -march=x86-64 -mcpu=help)
set -euo pipefail
cd "$(dirname "$0")/.."

cpu=${1:-znver3}
command -v llvm-mca >/dev/null || {
  echo "limits.sh: no llvm-mca: apt-get install llvm" >&2
  exit 1
}
assembly=$(mktemp)
trap 'rm -f "$assembly"' EXIT
g++ -std=c++20 -O3 -DNDEBUG -fPIC -fomit-frame-pointer -iquote . -S \
  -o "$assembly" bench/floor_mca.cc
llvm-mca -mcpu="$cpu" -iterations=1000 "$assembly" |
  awk '
    function row() {
      if (name != "")
        printf "%-32s %5.0f instructions  %5.0f uops  %6.1f cycles\n",
          name, instructions / 1000, uops / 1000, cycles
    }
    /^\[[0-9]+\] Code Region/ {
      row()
      name = $0; sub(/.*- /, "", name)
    }
    /^Instructions:/ { instructions = $2 }
    /^Total uOps:/ { uops = $3 }
    /^Block RThroughput:/ { cycles = $3 }
    END { row() }'
