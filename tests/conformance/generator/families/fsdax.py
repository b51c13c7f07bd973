# SPDX-License-Identifier: Apache-2.0
"""A file of a DAX file system on a random stack, mapped and touched."""

from .. import fsdax_case


def case(p):
  return {"kind": "fsdax", **fsdax_case.case(p)}
