#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# Makes the Debian packages dmdax and libdmdax-dev, and has lintian look at
# them, which finds nothing or this fails.
#
#   tools/deb.sh [DIR]     where they are put; default: dist/
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
dist=${1:-dist}

tools/setup.sh debhelper lintian
bazel build --config=opt --show_result=0 //tools:dmdax //embed:dmdax \
  //run/preload:libdmdax_preload.so //run/nbdkit:nbdkit-dmdax-plugin.so \
  //embed:packages //tools/reference:reference </dev/null
BUILT=$(bazel info --config=opt bazel-bin 2>/dev/null)
export BUILT

# debhelper writes beside its rules; the checkout stays as it is.
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir "$work/dmdax"
ln -s "$PWD"/* "$work/dmdax"
rm "$work/dmdax/debian"
cp -r debian "$work/dmdax"
(cd "$work/dmdax" && debian/rules binary)

lintian --allow-root --display-info --pedantic \
  --fail-on error,warning,info,pedantic "$work"/*.deb
mkdir -p "$dist"
cp "$work"/*.deb "$dist"
ls -l "$dist"
