# SPDX-License-Identifier: Apache-2.0
"""The edges of the ioctl protocol."""

from .. import ioctl_edges

case = ioctl_edges.case
