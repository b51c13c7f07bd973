// SPDX-License-Identifier: Apache-2.0
//
// Physical volumes of LVM2 on which no volume stands: no program maps one
// itself, so that its own pages are nobody's answer.
// Threading: immutable; what it was made of must outlive it.
#ifndef DMDAX_TOOLS_CHECK_ONLY_BY_VOLUMES_H_
#define DMDAX_TOOLS_CHECK_ONLY_BY_VOLUMES_H_

#include <optional>
#include <set>
#include <string>

#include "block/block_device.h"
#include "state/session.h"
#include "state/world.pb.h"
#include "tools/check/stands_on.h"
#include "tools/check/subject.h"

namespace dmdax {

class OnlyByVolumes {
 public:
  // `session` is that of the World.
  OnlyByVolumes(const proto::World& world, const Session& session);

  // "pmem0 is a physical volume of vg: ...", with what to do; "": the subject
  // is none, or something stands on it.
  std::string Why(const Subject& subject) const;

 private:
  // The volumes of a group that are not active, in words.
  std::string IdleOn(const std::string& vg, const BlockDevice& bdev) const;

  const Session& session_;
  std::optional<StandsOn> stands_on_;  // none: no volumes are known of
  // What an import saw LVM2's label on, and nobody has opened.
  std::set<const BlockDevice*> labelled_;
};

}  // namespace dmdax

#endif  // DMDAX_TOOLS_CHECK_ONLY_BY_VOLUMES_H_
