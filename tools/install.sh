#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# Builds dmdax and installs it, as `make install` would: the command with its
# man pages and completions, and the library with its headers.
#
#   tools/install.sh PREFIX=/usr/local       # the default
#   tools/install.sh PREFIX=/usr DESTDIR=/tmp/root LIBDIR=/usr/lib64
#
# DESTDIR is put in front of each path and is in no file that is installed.
# BUILT=DIR takes what was built from there (bazel-bin) and builds nothing.
# The variables may also come from the environment.
set -euo pipefail
# Where it really lies: a test has links to it.
cd -P "$(dirname "${BASH_SOURCE[0]}")/.."

for word in "$@"; do
  case $word in
    PREFIX=* | DESTDIR=* | LIBDIR=* | BUILT=*) declare "$word" ;;
    *)
      echo "usage: tools/install.sh [PREFIX=/usr/local] [DESTDIR=]" \
        "[LIBDIR=PREFIX/lib] [BUILT=DIR]" >&2
      exit 2
      ;;
  esac
done
PREFIX=${PREFIX:-/usr/local}
LIBDIR=${LIBDIR:-$PREFIX/lib}
DESTDIR=${DESTDIR:-}
if [[ $PREFIX != /* || $LIBDIR != /* ]]; then
  echo "install: PREFIX and LIBDIR are absolute paths" >&2
  exit 2
fi

if [[ -z ${BUILT:-} ]]; then
  tools/setup.sh
  bazel build --config=opt --show_result=0 //tools:dmdax //embed:dmdax \
    //embed:packages //run/preload:libdmdax_preload.so \
    //run/nbdkit:nbdkit-dmdax-plugin.so \
    //tools/reference:reference </dev/null
  BUILT=$(bazel info --config=opt bazel-bin 2>/dev/null)
fi

bin=$DESTDIR$PREFIX/bin
lib=$DESTDIR$LIBDIR
include=$DESTDIR$PREFIX/include/dmdax
share=$DESTDIR$PREFIX/share
version=$("$BUILT/tools/dmdax" --version | sed -n '1s/.* //p')

install -D -m 755 "$BUILT/tools/dmdax" "$bin/dmdax"
# The command looks for it from where it is itself.
install -D -m 644 "$BUILT/run/preload/libdmdax_preload.so" \
  "$DESTDIR$PREFIX/lib/dmdax/libdmdax_preload.so"
install -D -m 644 "$BUILT/run/nbdkit/nbdkit-dmdax-plugin.so" \
  "$DESTDIR$PREFIX/lib/dmdax/nbdkit-dmdax-plugin.so"

mkdir -p "$share"
tar -xf "$BUILT/tools/reference/reference.tar" -C "$share" \
  --no-same-owner --touch
install -D -m 755 tools/collect.sh "$share/dmdax/collect.sh"
# At their paths, so that their links hold.
install -D -m 644 README.md "$share/doc/dmdax/README.md"
install -D -m 644 -t "$share/doc/dmdax/docs" docs/*.md docs/*.svg
install -D -m 644 -t "$share/doc/dmdax/docs/formats" docs/formats/*.md
install -D -m 644 -t "$share/doc/dmdax/docs/schema" docs/schema/*.json
install -D -m 644 -t "$share/doc/dmdax/examples" examples/*.textproto
install -D -m 644 -t "$share/doc/dmdax/examples/embed" \
  examples/embed/{CMakeLists.txt,embed.cc}

install -D -m 644 "$BUILT/embed/libdmdax.a" "$lib/libdmdax.a"
# Each header at its path from the top, and dmdax.h beside them.
(cd "$BUILT/embed/dmdax_include" && find -L . -type f -print0) |
  while IFS= read -r -d '' header; do
    install -D -m 644 "$BUILT/embed/dmdax_include/$header" \
      "$include/${header/#.\/embed\//}"
  done
place() {
  mkdir -p "$(dirname "$2")"
  sed -e "s|@PREFIX@|$PREFIX|g" -e "s|@LIBDIR@|$LIBDIR|g" \
    -e "s|@VERSION@|$version|g" "$BUILT/embed/$1" >"$2"
  chmod 644 "$2"
}
place dmdax.pc "$lib/pkgconfig/dmdax.pc"
place dmdaxConfig.cmake "$lib/cmake/dmdax/dmdaxConfig.cmake"
place dmdaxConfigVersion.cmake "$lib/cmake/dmdax/dmdaxConfigVersion.cmake"

echo "installed dmdax $version in $DESTDIR$PREFIX"
