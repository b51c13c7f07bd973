#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# Fuzzes every target of //tests/fuzz for SECONDS each, with clang's libFuzzer,
# AddressSanitizer and UndefinedBehaviorSanitizer.
#
#   tools/fuzz.sh SECONDS [--keep DIRECTORY] [--jobs N] [TARGET ...]
#
#   --keep  where inputs that reach new code, logs and findings go, and where
#           the next run with it goes on; default: only findings are kept, in
#           fuzz-findings
#   --jobs  targets at a time; default 1
#
# An input that takes over 25 s or 2 GB is a finding too.  The last line says
# what ran; exit 1 on a finding.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

die() {
  echo "fuzz: $*" >&2
  exit 2
}

seconds=
keep=
jobs=1
targets=()
while (($#)); do
  case $1 in
    --keep) keep=${2:?--keep DIRECTORY}; shift 2 ;;
    --jobs) jobs=${2:?--jobs N}; shift 2 ;;
    -*) die "what is '$1'?" ;;
    *)
      if [[ -z $seconds ]]; then seconds=$1; else targets+=("$1"); fi
      shift
      ;;
  esac
done
[[ $seconds =~ ^[1-9][0-9]*$ ]] || die "usage: tools/fuzz.sh SECONDS [TARGET ...]"
[[ $jobs =~ ^[1-9][0-9]*$ ]] || die "--jobs: '$jobs' is not a number"
[[ -x $(type -P clang) ]] || die "needs clang (tools/setup.sh)"

if ((${#targets[@]} == 0)); then
  for source in tests/fuzz/*_fuzz.cc; do
    targets+=("$(basename "$source" .cc)")
  done
fi

# The programs are copied: a later build for another configuration does not
# take them away.
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
findings=${keep:-$PWD/fuzz-findings}
mkdir -p "$findings"
bazel build --config=fuzz --show_progress_rate_limit=10 \
  "${targets[@]/#///tests/fuzz:}" || die "does not build"
for target in "${targets[@]}"; do
  cp "bazel-bin/tests/fuzz/$target" "$work/"
done

# Runs one target; its words go to a log.
fuzz_one() {
  local target=$1 corpus=$work/$1.corpus
  [[ -z $keep ]] || corpus=$keep/$target.corpus
  mkdir -p "$corpus" "$findings/$target"
  "$work/$target" -max_total_time="$seconds" -timeout=25 -rss_limit_mb=2048 \
    -print_final_stats=1 -artifact_prefix="$findings/$target/" \
    "$corpus" "tests/fuzz/corpus/$target" >"$findings/$target.log" 2>&1
}

failed=()
for ((i = 0; i < ${#targets[@]}; i += jobs)); do
  pids=()
  batch=("${targets[@]:i:jobs}")
  for target in "${batch[@]}"; do
    fuzz_one "$target" &
    pids+=($!)
  done
  for j in "${!batch[@]}"; do
    target=${batch[j]}
    if wait "${pids[j]}"; then
      runs=$(sed -n 's/^stat::number_of_executed_units: *//p' \
        "$findings/$target.log")
      echo "fuzz: $target: $seconds s, ${runs:-?} inputs, nothing found"
    else
      failed+=("$target")
      echo "fuzz: $target: FOUND, see $findings/$target.log"
      tail -n 20 "$findings/$target.log"
    fi
  done
done

[[ -n $keep ]] || ((${#failed[@]})) || rm -rf "$findings"
echo "${#targets[@]} targets, $seconds s each: ${targets[*]};" \
  "${#failed[@]} with findings${failed[*]:+: ${failed[*]}}"
((${#failed[@]} == 0))
