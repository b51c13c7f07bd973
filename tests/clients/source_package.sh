#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# The source package of Debian that has a client's own tests, unpacked.
#
#   source_package.sh NAME DIR     # DIR/src, if it is not there yet
#
# Leaves what it said in DIR/apt.log.
set -euo pipefail

name=$1 dir=$2
[[ -d $dir/src ]] && exit

# The lists of sources that apt has need not name source packages.
apt=(-q -o "Dir::Etc::sourceparts=$dir/apt/parts"
  -o Dir::Etc::sourcelist=/dev/null -o "Dir::State::lists=$dir/apt/lists")
# shellcheck disable=SC1091
suite=$(. /etc/os-release && echo "$VERSION_CODENAME")
mkdir -p "$dir/apt/parts" "$dir/apt/lists/partial"
cat >"$dir/apt/parts/source.sources" <<END
Types: deb-src
URIs: http://deb.debian.org/debian
Suites: $suite
Components: main
Signed-By: /usr/share/keyrings/debian-archive-keyring.gpg
END
(cd "$dir" && apt-get "${apt[@]}" update && apt-get "${apt[@]}" source \
  --download-only "$name") >"$dir/apt.log" 2>&1 || { tail "$dir/apt.log"; exit 1; }
dpkg-source -x "$dir/${name}"_*.dsc "$dir/src.new" >>"$dir/apt.log" 2>&1
mv "$dir/src.new" "$dir/src"
