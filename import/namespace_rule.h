// SPDX-License-Identifier: Apache-2.0
//
// Where the data of a namespace begins, as far as what an input has of the
// namespace says.
//
// Mirrors: nd_pfn_init of drivers/nvdimm/pfn_devs.c (5.3), by import/nd_pfn.h.
// Threading: pure functions.
#ifndef DMDAX_IMPORT_NAMESPACE_RULE_H_
#define DMDAX_IMPORT_NAMESPACE_RULE_H_

#include <cstdint>
#include <optional>

#include "import/facts.h"
#include "state/world.pb.h"

namespace dmdax {

// Of `raw` bytes at `start` those in front of the data: info block, and memmap
// if it is in there.
std::optional<uint64_t> RuleOffset(const Namespace& space, uint64_t start,
                                   uint64_t raw);

// Nothing: the data has not the size that the rule gives, so that it was made
// by another one, as that of kernels before 5.3.
std::optional<uint64_t> RuleOffsetFor(const Namespace& space, uint64_t start,
                                      uint64_t raw, const SizeRange& data);

// A namespace without an info block lies where memmap= or the firmware says,
// off a boundary too where the kernel of the World, or the next, pads what is
// before one.  `space` may be null: nothing is known of it.
bool MayBeginAnywhere(const Namespace* space, const proto::World& world);

}  // namespace dmdax

#endif  // DMDAX_IMPORT_NAMESPACE_RULE_H_
