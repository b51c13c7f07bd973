# SPDX-License-Identifier: Apache-2.0
"""Tables of all kinds, their life cycles, stacks, and raw ioctls."""

from .. import dmsetup_steps
from .. import ioctl_steps

CASES = {
    dmsetup_steps.single: 30,
    dmsetup_steps.reload: 12,
    dmsetup_steps.stack: 14,
    dmsetup_steps.lifecycle: 18,
    dmsetup_steps.messages: 6,
    dmsetup_steps.stateful: 5,
    ioctl_steps.case: 20,
}


def case(p):
  return p.weighted(CASES)(p)
