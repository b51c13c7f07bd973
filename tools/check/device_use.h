// SPDX-License-Identifier: Apache-2.0
//
// DeviceUses: what lies on devices besides tables, partitions and the file
// systems that are mounted from them: the log of another one, or what an import
// saw there (World::use) where nothing of the machine stands.
//
// In words: "the log of /rt", "swap in use".
// Threading: immutable; the session must outlive it.
#ifndef DMDAX_TOOLS_CHECK_DEVICE_USE_H_
#define DMDAX_TOOLS_CHECK_DEVICE_USE_H_

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "block/block_device.h"
#include "state/session.h"
#include "tools/check/bdev_set.h"
#include "tools/check/seen_use.h"

namespace dmdax {

class DeviceUses {
 public:
  explicit DeviceUses(const Session& session);

  // "" if there is nothing, as far as is known.
  std::string Of(const BlockDevice& bdev) const;

  // The mount whose file system has the device as its log, journal or realtime
  // device; "": none has.
  std::string MountOf(const BlockDevice& bdev) const;

  // Whether no program maps what is there: swap, or the log of a file system.
  bool MapsNothing(const BlockDevice& bdev) const;

  // Of what an import saw there, whatever else it saw.
  enum class Swap { kNone, kIdle, kInUse };
  Swap SwapOn(const BlockDevice& bdev) const;
  // The one that it was given (swapon -p); nothing: the kernel chose it.
  std::optional<uint32_t> SwapPriority(const BlockDevice& bdev) const;

  // Of one that is open by somebody whom no input names, or may be the one that
  // an input calls otherwise: "holds ...", and what to do; "": it is neither.
  std::string WhyNotClosed(const BlockDevice& bdev) const;

  // Why no list of commands may take it, and what to do; "": one may, and what
  // lies there goes.
  std::string WhyItStays(const BlockDevice& bdev) const;

 private:
  struct Use {
    std::string what, stays, mount;
    bool maps_nothing = false;
  };
  void AddSeen(const Session& session);
  std::map<const BlockDevice*, Use> uses_;
  std::map<const BlockDevice*, SeenUse> open_;  // of WhyNotClosed()
  std::map<const BlockDevice*, Swap> swap_;
  std::map<const BlockDevice*, uint32_t> priorities_;
};

// Why nothing that an import saw on a device is ever DAX; "": it may be.
std::string WhyNeverDax(const Session& session, const BlockDevice& bdev);

// What lies on devices that go, which no list of commands makes again; of swap
// AddSwapSteps() does.
struct UsesThatGo {
  std::vector<std::string> remarks;  // "pmem1 holds swap, in use"
  std::string refused;               // a mount would lose its log, or ""
};
UsesThatGo UsesOf(const Session& session, const DeviceUses& uses,
                  const BdevSet& devices);

}  // namespace dmdax

#endif  // DMDAX_TOOLS_CHECK_DEVICE_USE_H_
