// SPDX-License-Identifier: Apache-2.0
//
// Trial: a planned volume on a copy of its devices, asked of kernels.
//
//   const Trial trial(site, wish, plan, "vg-data", "/mnt");
//   const KernelAdvice on = trial.On("v6_1", "dax=always");
//   if (on.holds) {
//     // Each page is what the wish says.
//     Use(on.sysfs);  // what it took besides the layout
//   }
// Threading: thread-compatible.
#ifndef DMDAX_TOOLS_ADVISE_TRIAL_H_
#define DMDAX_TOOLS_ADVISE_TRIAL_H_

#include <cstdint>
#include <string>
#include <vector>

#include "tools/advise/advise.h"
#include "tools/advise/site.h"

namespace dmdax {

// A namespace made anew as device-dax with pages of 1 GiB.
struct GigaNamespace {
  std::string disk;              // "pmem4"
  std::string name;              // "dax4.0"
  uint64_t start = 0, size = 0;  // bytes of physical memory
};

// What ndctl makes of a disk of the site: as nd_pfn_init() of
// drivers/nvdimm/pfn_devs.c (6.1) places it, with its memory map on the device.
// Its size is 0 if there is no room for a page.
GigaNamespace PlanNamespace(const Site& site, size_t leg);

class Trial {
 public:
  // A volume with these rows, and the file system of the wish on it.
  Trial(const Site& site, const AdviceWish& wish, const LayoutPlan& plan,
        const std::string& mapped_name, const std::string& mount);
  // A device-dax.
  Trial(const Site& site, const AdviceWish& wish, const GigaNamespace& space);

  // `option` is that of the mount.
  KernelAdvice On(const std::string& kernel, const std::string& option) const;

 private:
  struct Asked;
  Asked Ask(const proto::World& world) const;

  const AdviceWish wish_;
  proto::World world_;
  // "/mnt/file" and on, "vg-data", "dax4.0".
  std::vector<std::string> subjects_;
};

}  // namespace dmdax

#endif  // DMDAX_TOOLS_ADVISE_TRIAL_H_
