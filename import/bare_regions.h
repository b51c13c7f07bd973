// SPDX-License-Identifier: Apache-2.0
//
// BareRegions: memory of which /proc/iomem does not show what lies in it, as
// lines that somebody picked do not.
//
//   BareRegions bare(facts);
//   if (const IomemRange* r = bare.Of(pmem)) ...   // it can lie nowhere else
//
// Mirrors: nothing; nd_region_activate() puts namespaces in the ranges.
// Threading: immutable; `facts` must outlive it.
#ifndef DMDAX_IMPORT_BARE_REGIONS_H_
#define DMDAX_IMPORT_BARE_REGIONS_H_

#include <cstdint>
#include <vector>

#include "import/facts.h"
#include "state/world.pb.h"

namespace dmdax {

class BareRegions {
 public:
  explicit BareRegions(const Facts& facts);

  bool Begins(uint64_t start) const;
  // Whether one is off a boundary of 2 MiB, and with it what may lie there.
  bool AnyIsOff() const;
  // The one that has the pmem alone: the only one of its size, of which there
  // is no other pmem.  Null: there is none.
  const IomemRange* Of(const proto::Pmem& pmem) const;

 private:
  const Facts& facts_;
  std::vector<const IomemRange*> regions_;
};

}  // namespace dmdax

#endif  // DMDAX_IMPORT_BARE_REGIONS_H_
