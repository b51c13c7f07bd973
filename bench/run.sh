#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# run.sh: measures translation and prints it next to the kernel's algorithm.
#
#   bench/run.sh [--quick] [--log NAME] [--family=NAME]
#                [FLAG-OF-translate_bench ...]
#
#   --quick     fewer and shorter repetitions; good for a look, not to quote
#   --log NAME  also stores the table as bench/log/YYYY-MM-DD-NAME.txt
#
#   bench/run.sh --benchmark_filter=depth:
#
# Builds with --config=opt.  Nothing but the build is written without --log.
# How to read the table: bench/README.md.
set -eu
cd "$(dirname "$0")/.."

usage() { sed -n '4,15s/^# \{0,1\}//p' bench/run.sh; }

repetitions=5 min_time=0.05 log=
families="tables depth striped copies read load proto \
flatten sweep fault restore stream"
while [ $# -gt 0 ]; do
  case $1 in
    -h | --help) usage; exit 0 ;;
    --quick) repetitions=3 min_time=0.02 ;;
    --log)
      [ $# -gt 1 ] || { echo "run.sh: --log needs a name" >&2; exit 2; }
      log=$2
      shift
      ;;
    --log=*) log=${1#--log=} ;;
    --family=*) families=${1#--family=} ;;
    *) break ;;
  esac
  shift
done
case $log in
  */* | .*) echo "run.sh: --log $log: a plain name, please" >&2; exit 2 ;;
esac

bazel build --config=opt //bench:translate_bench >&2
bench=$(bazel info --config=opt bazel-bin 2>/dev/null)/bench/translate_bench

# One CPU, so that caches stay warm; the last is the least busy, as a rule.
pin=
if command -v taskset >/dev/null; then
  pin="taskset -c $(($(nproc) - 1))"
fi

machine() {
  echo "# $(date -u +%Y-%m-%dT%H:%MZ), revision $(git rev-parse --short HEAD \
    2>/dev/null || echo none)"
  echo "# $(sed -n 's/^model name[^:]*: //p' /proc/cpuinfo | head -n 1)," \
    "$(nproc) CPUs, load $(cut -d' ' -f1-3 /proc/loadavg)"
  echo "# $repetitions repetitions of $min_time s, medians, ns a translation"
}

# Every <stack>/<measure> becomes a line: dmdax, K, Kn and what else it has.
table() {
  awk -F, -f bench/csv.awk -f bench/table.awk "$1"
}

# bench/goals.txt: the goals whose benchmarks ran, and whether they are met; a
# tenth is the machine's noise.
goals() {
  awk -F, -f bench/csv.awk -f bench/goals.awk "$1" FS=';' bench/goals.txt
}

# These two print what they have found themselves.
case $families in
  growth | state | memory) exec "$bench" --family="$families" "$@" ;;
esac

csv=$(mktemp)
trap 'rm -f "$csv"' EXIT
measure() {
  "$@" --benchmark_enable_random_interleaving=true \
    --benchmark_repetitions=$repetitions --benchmark_min_time=$min_time \
    --benchmark_report_aggregates_only=true --benchmark_format=csv >>"$csv"
}
for family in $families; do
  echo "run.sh: $family" >&2
  case $family in
    # Two threads need two CPUs.
    read | fault | stream) measure "$bench" --family=$family "$@" ;;
    # shellcheck disable=SC2086 # $pin is several words, or none
    *) measure $pin "$bench" --family=$family "$@" ;;
  esac
done
result=$(machine; goals "$csv"; echo; table "$csv")
echo "$result"
if [ -n "$log" ]; then
  mkdir -p bench/log
  file=bench/log/$(date -u +%Y-%m-%d)-$log.txt
  echo "$result" >"$file"
  echo "stored as $file" >&2
fi
