# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
#
# What the suites of other projects share.  Sourced, with $here, $dir and $limit
# set:
#
#   suite_options "$@"   # --dmdax, --door, --dir, --limit; others into $rest
#   suite_dmdax          # $dir/bin has dmdax, where nobody can read
#   "${as_nobody[@]}" COMMAND

# shellcheck disable=SC2154,SC2034
suite_options() {
  dmdax=$here/bazel-bin/tools/dmdax door=preload rest=()
  for word in "$@"; do
    case $word in
      --dmdax=*) dmdax=${word#*=} ;;
      --door=*) door=${word#*=} ;;
      --dir=*) dir=${word#*=} ;;
      --limit=*) limit=${word#*=} ;;
      *) rest+=("$word") ;;
    esac
  done
}

suite_dmdax() {
  mkdir -p "$dir/bin/run/preload" "$dir/bin/tools"
  local library
  library=$(dirname "$dmdax")/libdmdax_preload.so
  [[ -e $library ]] ||
    library=$(dirname "$dmdax")/../run/preload/libdmdax_preload.so
  install -m 755 "$(realpath "$dmdax")" "$dir/bin/tools/dmdax"
  install -m 755 "$(realpath "$library")" "$dir/bin/run/preload/"
  as_nobody=(setpriv --reuid 65534 --regid 65534 --clear-groups)
  "${as_nobody[@]}" true 2>/dev/null || as_nobody=()
}
