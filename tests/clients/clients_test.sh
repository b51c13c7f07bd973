#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# Programs as Debian has them, on a machine of `dmdax run`, as nobody.
#
#   clients_test.sh DOOR DMDAX LIBRARY WORLD SCRIPT...
#
# What they print is the same through each DOOR, preload or notify.  Where the
# kernel does not allow the latter, it says so and is over.
#
# Each SCRIPT is a list of commands for a shell; what they print, with each
# command in front, is in the file beside it (.out), to the byte.  It is run by
# nobody, or by who we are if we are not root.  DMDAX_UPDATE_GOLDEN=1 writes the
# files anew.
#
# One with a line "# state" has the machine of a state, which the other verbs of
# dmdax see too.
set -euo pipefail

door=$1
dmdax=$(realpath "$2")
library=$(realpath "$3")
world=$(realpath "$4")
shift 4

# Where nobody can read.
dir=$(mktemp -d /tmp/clients-XXXXXX)
trap 'rm -rf "$dir"' EXIT
mkdir -p "$dir/bin/tools" "$dir/bin/run/preload" "$dir/here"
cp -L "$dmdax" "$dir/bin/tools/dmdax"
cp -L "$library" "$dir/bin/run/preload/"
cp -L "$world" "$dir/world.textproto"
# Programs that a script runs are beside it.
find -L "$(dirname "$1")" -maxdepth 1 -name '*.py' -exec cp -L {} "$dir/" \;
chmod -R a+rX "$dir"
chmod 1777 "$dir/here"
as_nobody=(setpriv --reuid 65534 --regid 65534 --clear-groups)
# In a sandbox's user namespace there may be no other user to become.
"${as_nobody[@]}" true 2>/dev/null || as_nobody=()

if [[ $door == notify ]]; then
  words=$(TMPDIR=$dir "$dmdax" run --door=notify -- true 2>&1) || true
  if [[ $words == *"--door=preload serves programs"* ]]; then
    echo "skipped: $words"
    exit 0
  fi
fi

failed=0
for script in "$@"; do
  name=$(basename "$script" .sh)
  cp -L "$script" "$dir/$name.sh"
  chmod a+r "$dir/$name.sh"
  machine=(--world "$dir/world.textproto")
  if grep -qxF '# state' "$script"; then
    machine=(--state "$dir/here/$name.state")
    "${as_nobody[@]}" "$dir/bin/tools/dmdax" "${machine[@]}" machine load \
      "$dir/world.textproto"
  fi
  (cd "$dir/here" && "${as_nobody[@]}" env -i \
    PATH="$dir/bin/tools:/usr/sbin:/usr/bin:/sbin:/bin" \
    HOME="$dir/here" LC_ALL=C TMPDIR="$dir/here" \
    timeout 300 "$dir/bin/tools/dmdax" "${machine[@]}" \
    run --root --door="$door" -- bash -c '
      while IFS= read -r line <&9; do
        [[ -z $line || $line == \#* ]] && continue
        echo "\$ $line"
        eval "$line" 2>&1 || echo "? $?"
      done 9<"$1"' bash "$dir/$name.sh" </dev/null) |
    sed "s|$dir|DIR|g" >"$dir/$name.out" || true
  # The machine has left nothing behind.
  if compgen -G "$dir/here/dmdax-*" >/dev/null; then
    echo "$name: left behind: $(ls -d "$dir"/here/dmdax-*)"
    failed=1
  fi
  if [[ -n ${DMDAX_UPDATE_GOLDEN:-} ]]; then
    cp "$dir/$name.out" "${BUILD_WORKSPACE_DIRECTORY:-.}/${script%.sh}.out"
  elif ! diff -u "${script%.sh}.out" "$dir/$name.out"; then
    failed=1
  fi
done
exit "$failed"
