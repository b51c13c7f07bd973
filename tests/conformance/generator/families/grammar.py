# SPDX-License-Identifier: Apache-2.0
"""Constructors word by word, of all their targets or of one."""

from ..grammar import KINDS
