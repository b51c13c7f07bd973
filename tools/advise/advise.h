// SPDX-License-Identifier: Apache-2.0
//
// Advise: what to type so that a volume, its file system and its files get the
// pages that are wished for; or why nothing does, and the nearest wish that can
// be had.
//
//   AdviseRequest request{.world = world, .kernels = {"v6_1", "v6_12"}};
//   request.wish = {.size = uint64_t{6} << 30, .stripes = 2};
//   absl::StatusOr<Advice> advice = Advise(request);
//   if (!advice.ok()) return advice.status();
//   for (const std::string& line : advice->lvm) std::cout << line << "\n";
//   if (!advice->given) std::cout << advice->text << "\n";
//
// What is given has been tried: the table is loaded on a copy of the devices,
// on each kernel, the file system mounted, and each page of a file that covers
// all of the volume but its first 2 MiB asked for.  So it holds for a file
// wherever the file system puts it, as long as its extents begin at 2 MiB:
// that is the file system's doing, and what `mkfs` and `files` say is meant to
// make it do so.  Which kernels need the queue's line, and which mount option
// they all take, comes from trying too.
// Threading: pure functions of a World.
#ifndef DMDAX_TOOLS_ADVISE_ADVISE_H_
#define DMDAX_TOOLS_ADVISE_ADVISE_H_

#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "state/source_map.h"
#include "state/world.pb.h"
#include "tools/advise/layout.h"
#include "tools/advise/wish.h"
#include "tools/check/look.h"

namespace dmdax {

struct AdviseRequest {
  const proto::World& world;
  std::vector<std::string> devices = {};  // none: all that are free
  std::vector<std::string> kernels = {};  // profiles; "" is the World's own
  AdviceWish wish = {};
  VolumeName name = {"", "data"};  // "": a volume group that there is not yet
  std::string mount = "";          // "": a directory where nothing is mounted
  SourceMap map = {};
  // Why nobody knows what the machine's kernel does (KernelAnswer); "": it is
  // known.
  std::string unknown = "";
};

// What was tried on one kernel.
struct KernelAdvice {
  std::string kernel;  // "v6_1"
  bool holds = false;
  bool dax = false, sync = false;
  PageShares shares;
  // What this kernel needs whenever the device is made, or nothing.
  std::vector<std::string> sysfs;
  // If it does not hold: "run_bad_blocks"; "refused", by the kernel;
  // "not_modelled"; what is known against it.
  std::string reason, text;
  std::vector<std::string> cure;
};

struct Advice {
  AdviceWish wish;  // with its size, in whole extents
  bool given = false;
  std::vector<std::string> goes, left_out;  // see Site
  std::string may_go;                       // see Site
  // Lines for a shell, in this order; `lvm` and `dmsetup` are alternatives.
  std::vector<std::string> removal, ndctl, lvm, dmsetup, mkfs, mount, files;
  std::string table;   // the mapped device's rows
  std::string device;  // "/dev/mapper/vg-data", "/dev/dax0.0"
  std::string option;  // of the mount: "dax=always"
  std::vector<KernelAdvice> kernels;
  // If it is not given: why, and a wish like it that is.
  std::string reason, text;
  std::vector<std::string> cure;
  std::optional<AdviceWish> nearest;
};

// Errors are those of FindSite().
absl::StatusOr<Advice> Advise(const AdviseRequest& request);

}  // namespace dmdax

#endif  // DMDAX_TOOLS_ADVISE_ADVISE_H_
