# SPDX-License-Identifier: Apache-2.0
"""The rows of the acceptance list: seed, then number; none may be missing."""

_COUNT = {
    0: 18,
    1: 16,
    2: 18,
    3: 18,
    4: 12,
}

ALL_ROWS = [
    "%d.%d" % (seed, row + 1)
    for seed in sorted(_COUNT.keys())
    for row in range(_COUNT[seed])
]

ROWS = ALL_ROWS
