#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# The HTML pages of `dmdax draw` in a real browser:
#
#   apt-get install --no-install-recommends chromium
#   (cd tools/draw/page && npm ci)
#   tests/draw/browser.sh bazel-bin/tools/dmdax BUILD.bazel [PICTURES]
#
# With a third word it leaves pictures of all pages in that folder, to be looked
# at.  Without Chromium, node or npm ci it says so and tests nothing.
set -euo pipefail

dmdax=$(realpath "$1")
root=$(dirname "$(realpath "$2")")
pictures=${3:+$(mkdir -p "$3" && realpath "$3")}

skip() {
  echo "not run: $*"
  exit 0
}
chromium=$(command -v chromium || command -v chromium-browser) ||
  skip "no chromium"
command -v node >/dev/null || skip "no node"
[[ -d $root/tools/draw/page/node_modules/playwright-core ]] ||
  skip "no npm ci in tools/draw/page"

exec node "$root/tests/draw/browser.mjs" "$dmdax" "$root" "$chromium" "$pictures"
