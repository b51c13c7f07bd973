#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# Formats all C++ of ours; --check only says what is not formatted and fails.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

case "${1:-}" in
  "") mode=(-i) ;;
  --check) mode=(--dry-run -Werror) ;;
  *)
    echo "usage: tools/format.sh [--check]" >&2
    exit 2
    ;;
esac

# Files that git has, or will have; not those just deleted.  The checkout may
# belong to another user, as it does in CI.
list=$(git -c safe.directory="$PWD" ls-files --cached --others \
  --exclude-standard --deduplicate -- '*.cc' '*.h')
files=()
while IFS= read -r file; do
  [[ -f $file ]] && files+=("$file")
done <<<"$list"
if ((${#files[@]} == 0)); then
  echo "format: no files" >&2
  exit 1
fi

clang-format --style=file "${mode[@]}" "${files[@]}"
