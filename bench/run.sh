#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# run.sh: measures translation and prints it next to the kernel's algorithm.
#
#   bench/run.sh [--quick] [--log NAME] [FLAG-OF-translate_bench ...]
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

usage() { sed -n '4,14s/^# \{0,1\}//p' bench/run.sh; }

repetitions=9 min_time=0.1 log=
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

# CSV lines "<stack>/<measure>/<contender>_median",iterations,real,cpu,...
# become one line a stack and measure, in the order of the sizes.
table() {
  awk -F, '
    $1 ~ /_median"$/ {
      gsub(/"|_median/, "", $1)
      split($1, part, "/")
      key = part[1] "/" part[2]
      if (!(key in seen)) { seen[key] = 1; keys[++n] = key }
      ns[key, part[3]] = $4
    }
    function ratio(key, who) {
      if (!((key, who) in ns) || !((key, "dmdax") in ns)) return "-"
      return sprintf("%.2f", ns[key, who] / ns[key, "dmdax"])
    }
    function time(key, who) {
      return (key, who) in ns ? sprintf("%.1f", ns[key, who]) : "-"
    }
    function rank(key,    part, word) {
      split(key, part, "/")
      split(part[1], word, ":")
      return (part[2] == "latency") * 1e9 + (word[1] == "depth") * 1e8 + word[2]
    }
    END {
      for (i = 2; i <= n; ++i)
        for (j = i; j > 1 && rank(keys[j]) < rank(keys[j - 1]); --j) {
          k = keys[j]; keys[j] = keys[j - 1]; keys[j - 1] = k
        }
      printf "%-28s %9s %9s %9s %9s %9s\n", "", "dmdax", "K", "Kn", \
        "K/dmdax", "Kn/dmdax"
      for (i = 1; i <= n; ++i) {
        k = keys[i]
        printf "%-28s %9s %9s %9s %9s %9s\n", k, time(k, "dmdax"), \
          time(k, "kernel_srcu"), time(k, "kernel"), \
          ratio(k, "kernel_srcu"), ratio(k, "kernel")
      }
    }'
}

# The goals of issue 5 that this program measures, and whether they are met;
# a tenth is the machine's noise.
goals() {
  awk -F, '
    $1 ~ /_median"$/ { gsub(/"|_median/, "", $1); ns[$1] = $4 }
    function goal(what, num, den, want,    r) {
      if (!(num in ns) || !(den in ns)) return
      r = ns[num] / ns[den]
      verdict = r >= want ? "met" : (r >= want * 0.9 ? "noise" : "missed")
      printf "%-44s %8.2f %8.2f  %s\n", what, want, r, verdict
    }
    BEGIN { k = "kernel_srcu"; kn = "kernel"; d = "dmdax" }
    END {
      printf "%-44s %8s %8s\n", "goal (ratio, at least)", "goal", "ratio"
      split("1 7 64 10 1024 14 32768 16 1048576 20", g, " ")
      for (i = 1; i < 10; i += 2) { t = "targets:" g[i] "/throughput/"
        goal("one, throughput vs K, " g[i] " targets", t k, t d, g[i + 1]) }
      split("64 4 1024 6 32768 6 1048576 6", g, " ")
      for (i = 1; i < 8; i += 2) { t = "targets:" g[i] "/latency/"
        goal("one, latency vs Kn, " g[i] " targets", t kn, t d, g[i + 1]) }
      split("1024 25 32768 35 1048576 35", g, " ")
      for (i = 1; i < 6; i += 2) { t = "targets:" g[i]
        goal("batch vs Kn, " g[i] " targets", t "/throughput/" kn, \
          t "/batch/" d, g[i + 1]) }
      for (i = 1; i < 9; i += 7) { t = "targets:" i "/batch/"
        goal("batch vs memcpy in cache, " i " targets", t "memcpy", t d, 0.75) }
      t = "/throughput/"
      goal("depth 1 vs depth 16", "depth:1" t d, "depth:16" t d, 1 / 1.05)
      goal("depth 16 vs K", "depth:16" t k, "depth:16" t d, 100)
    }'
}

csv=$(mktemp)
trap 'rm -f "$csv"' EXIT
# shellcheck disable=SC2086 # $pin is several words, or none
$pin "$bench" --benchmark_enable_random_interleaving=true \
  --benchmark_repetitions=$repetitions --benchmark_min_time=$min_time \
  --benchmark_report_aggregates_only=true --benchmark_format=csv \
  "$@" >"$csv"
result=$(machine; table <"$csv"; echo; goals <"$csv")
echo "$result"
if [ -n "$log" ]; then
  mkdir -p bench/log
  file=bench/log/$(date -u +%Y-%m-%d)-$log.txt
  echo "$result" >"$file"
  echo "stored as $file" >&2
fi
