// SPDX-License-Identifier: Apache-2.0
#include "tools/advise/advise.h"

#include <algorithm>
#include <cerrno>
#include <map>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/errno_status.h"
#include "base/kernel_profile.h"
#include "base/one_line.h"
#include "import/nd_pfn.h"
#include "mm/fault_reason.h"
#include "tools/advise/site.h"
#include "tools/advise/trial.h"
#include "tools/byte_count.h"
#include "tools/check/cure_lines.h"
#include "tools/check/ext4_align_words.h"
#include "tools/check/namespace_size.h"
#include "tools/check/world_rows.h"

namespace dmdax {
namespace {

constexpr uint64_t kMiB = uint64_t{1} << 20;

// The least size of a file system.  mkfs.xfs refuses less than this; ext4 has
// hardly a free piece of 2 MiB on less.
uint64_t LeastSize(AdviseFs fs) {
  switch (fs) {
    case AdviseFs::kExt4:
      return 16 * kMiB;
    case AdviseFs::kXfs:
      return kLeastXfsBytes;
    case AdviseFs::kNone:
      return 0;
  }
  return 0;
}

std::string MkfsLine(const AdviceWish& wish, const std::string& device,
                     OldData old) {
  const bool goes = old == OldData::kGoes;
  const bool huge = wish.page == AdvisePage::k2M;
  if (wish.fs == AdviseFs::kXfs) {
    // With reflink most kernels mount it without DAX, or not at all.
    return absl::StrCat("mkfs.xfs ", goes ? "-f " : "",
                        "-b size=4096 -m reflink=0 ",
                        huge ? absl::StrCat("-d ", XfsAlignWords(wish.size),
                                            ",extszinherit=512 ")
                             : "",
                        ShellWord(device));
  }
  return absl::StrCat("mkfs.ext4 ", goes ? "-F " : "", "-b 4096",
                      huge ? Ext4AlignWords(wish.size) : "", " ",
                      ShellWord(device));
}

class Adviser {
 public:
  explicit Adviser(const AdviseRequest& request) : request_(request) {}

  absl::StatusOr<Advice> Run() {
    if (!request_.unknown.empty()) {
      return Advice{.wish = request_.wish,
                    .reason = "not_known",
                    .text = request_.unknown};
    }
    absl::StatusOr<Advice> advice = Judge(request_.wish);
    if (!advice.ok() || advice->given) return advice;
    for (const AdviceWish& wish : Neighbours(*advice)) {
      absl::StatusOr<Advice> other = Judge(wish);
      if (!other.ok() || !other->given) continue;
      advice->nearest = other->wish;
      break;
    }
    return advice;
  }

 private:
  absl::StatusOr<Advice> Judge(const AdviceWish& wish) {
    Advice advice{.wish = wish};
    const bool giga = wish.page == AdvisePage::k1G;
    if (giga && wish.fs != AdviseFs::kNone) {
      advice.reason = FaultReasonName(FaultReasonCode::kFsNoPud);
      advice.text = FaultReasonText(
          {.code = FaultReasonCode::kFsNoPud, .where = FsName(wish.fs)});
      return advice;
    }
    if (giga && wish.stripes > 1) {
      advice.reason = "no_stripes";
      advice.text =
          "1 GiB pages are device-dax's, which is no block device: nothing "
          "stripes over it";
      return advice;
    }
    absl::StatusOr<const Site*> site =
        SiteFor(giga ? SiteRequest::kNamespace : SiteRequest::kVolume);
    if (!site.ok()) return site.status();
    advice.goes = (*site)->goes;
    advice.removal = (*site)->removal;
    advice.left_out = (*site)->left_out;
    advice.may_go = (*site)->may_go;
    if (!(*site)->unmet.empty()) {
      advice.reason = (*site)->unmet;
      advice.text = (*site)->text;
      advice.cure = (*site)->cure;
    } else if ((*site)->legs.empty()) {
      advice.reason = "no_device";
      advice.text = "there is no persistent memory with DAX that is free";
    } else if (giga) {
      JudgeNamespace(**site, advice);
    } else {
      if (absl::Status s = JudgeVolume(**site, advice); !s.ok()) return s;
    }
    return advice;
  }

  absl::StatusOr<const Site*> SiteFor(SiteRequest::Use use) {
    auto at = sites_.find(use);
    if (at == sites_.end()) {
      absl::StatusOr<Site> site =
          FindSite(request_.world, {request_.devices, use, request_.map});
      if (!site.ok()) return site.status();
      at = sites_.emplace(use, *std::move(site)).first;
    }
    return &at->second;
  }

  // Whether all of the kernels make a namespace with struct pages on the disk.
  bool CanStart(const Site& site, size_t leg) const {
    const uint64_t start = site.world.pmem(site.pmems[leg]).base();
    return std::all_of(request_.kernels.begin(), request_.kernels.end(),
                       [&](const std::string& kernel) {
                         const auto profile = FindKernelProfile(
                             kernel.empty() ? request_.world.kernel() : kernel);
                         return NdPfnCanStart(
                             start,
                             profile.ok() ? **profile : DefaultKernelProfile());
                       });
  }

  void JudgeNamespace(const Site& site, Advice& advice) {
    GigaNamespace best;
    std::string off;  // a disk on which there can be none
    for (size_t leg = 0; leg < site.legs.size(); ++leg) {
      if (!CanStart(site, leg)) {
        off = site.disks[leg];
        continue;
      }
      const GigaNamespace space = PlanNamespace(site, leg);
      if (best.size == 0 || space.size > best.size) best = space;
      if (advice.wish.size != 0 && best.size >= advice.wish.size) break;
    }
    room_ = best.size;
    if (best.disk.empty() && !off.empty()) {
      advice.reason = FaultReasonName(FaultReasonCode::kPfnDevice);
      advice.text = absl::StrCat(
          off,
          " itself starts off 2 MiB, where no namespace with struct pages "
          "can be made from Linux 5.3 on");
      return;
    }
    if (best.size == 0 || best.size < advice.wish.size) {
      advice.reason = "no_room";
      advice.text = absl::StrCat(
          "the largest device has ", BytesText(best.size),
          " in whole pages of 1 GiB behind its info block and memory map, ",
          best.disk);
      return;
    }
    if (advice.wish.size != 0 && advice.wish.size != best.size) {
      advice.may_go = absl::StrCat(
          advice.may_go, advice.may_go.empty() ? "" : "; ",
          "a namespace is made anew as a whole: ", BytesText(best.size),
          " in place of ", BytesText(advice.wish.size));
    }
    advice.wish.size = best.size;
    advice.device = absl::StrCat("/dev/", best.name);
    advice.ndctl = {NamespaceSizeLook(best.disk, 1024 * kMiB),
                    absl::StrCat("ndctl create-namespace -f ",
                                 NamespaceSizeWords(best.disk),
                                 " -m devdax --align 1G --map dev")};
    const Trial trial(site, advice.wish, best);
    Ask(trial, {""}, advice);
  }

  absl::Status JudgeVolume(const Site& site, Advice& advice) {
    AdviceWish& wish = advice.wish;
    const bool huge = wish.page == AdvisePage::k2M;
    const LayoutPlan plan =
        PlanLayout(site.legs, {.size = wish.size,
                               .stripes = wish.stripes,
                               .align = huge ? 2 * kMiB : 0});
    room_ = plan.room;
    if (!plan.unmet.empty()) {
      advice.reason = plan.unmet;
      advice.text = plan.text;
      return absl::OkStatus();
    }
    wish.size = plan.size;
    if (wish.size < LeastSize(wish.fs)) {
      advice.reason = "fs_too_small";
      advice.text = absl::StrCat(FsName(wish.fs), " needs ",
                                 BytesText(LeastSize(wish.fs)), ", this is ",
                                 BytesText(wish.size));
      return absl::OkStatus();
    }
    VolumeName name = request_.name;
    if (name.vg.empty()) name.vg = site.vg;
    const std::string mapped = MappedName(name);
    const std::string mount =
        request_.mount.empty() ? site.mount : request_.mount;
    if (site.names.count(mapped) != 0) {
      return ErrnoError(EEXIST,
                        absl::StrCat("there is a device ", mapped, "; free is ",
                                     site.vg, "/", name.lv));
    }
    if (site.groups.count(name.vg) != 0) {
      return ErrnoError(EEXIST,
                        absl::StrCat("there is a volume group ", name.vg,
                                     ", and vgcreate makes "
                                     "none of that name; free is ",
                                     site.vg, "/", name.lv));
    }
    if (site.mounts.count(mount) != 0) {
      return ErrnoError(EBUSY, absl::StrCat("something is mounted at ", mount,
                                            "; free is ", site.mount));
    }
    const Trial trial(site, wish, plan, mapped, mount);
    Ask(trial,
        wish.fs == AdviseFs::kNone
            ? std::vector<std::string>{""}
            : std::vector<std::string>{"dax=always", "dax"},
        advice);
    if (!advice.given) return absl::OkStatus();
    advice.device = absl::StrCat("/dev/mapper/", mapped);
    const OldData old = site.goes.empty() ? OldData::kNone : OldData::kGoes;
    advice.table = LayoutTable(plan, site.legs);
    advice.lvm = LayoutLvmLines(plan, site.legs, name, old);
    advice.dmsetup = {DmsetupCreateLine(mapped, advice.table)};
    if (wish.fs == AdviseFs::kNone) return absl::OkStatus();
    advice.mkfs = {MkfsLine(wish, advice.device, old)};
    // Every system has this one.
    if (mount != "/mnt") {
      advice.mount = {absl::StrCat("mkdir -p ", ShellWord(mount))};
    }
    advice.mount.push_back(absl::StrCat("mount -o ", advice.option, " ",
                                        ShellWord(advice.device), " ",
                                        ShellWord(mount)));
    if (huge) AddFileLines(mapped, mount, advice);
    return absl::OkStatus();
  }

  // How a file of half of the volume is made, of 1 GiB at most.
  static void AddFileLines(const std::string& mapped, const std::string& mount,
                           Advice& advice) {
    const uint64_t pages =
        std::min<uint64_t>(512, advice.wish.size / 2 / kPmdBytes);
    const std::string file = absl::StrCat(mount, "/file");
    if (advice.wish.fs == AdviseFs::kXfs) {
      advice.files = {
          absl::StrCat("fallocate -l ", 2 * pages, "MiB ", ShellWord(file))};
      return;
    }
    advice.files =
        Ext4AllocateLines(KernelNameWord(mapped), file, pages * kPmdBytes,
                          FileLength::kGrows, FileFailure::kLeave);
  }

  // With the first of the options with which most kernels hold, and which most
  // take: a kernel that knows no such option says nothing of the rest.
  void Ask(const Trial& trial, const std::vector<std::string>& options,
           Advice& advice) {
    std::pair<ptrdiff_t, ptrdiff_t> most = {-1, 0};
    for (const std::string& option : options) {
      std::vector<KernelAdvice> kernels;
      for (const std::string& kernel : request_.kernels) {
        kernels.push_back(trial.On(
            kernel.empty() ? request_.world.kernel() : kernel, option));
      }
      const ptrdiff_t hold =
          std::count_if(kernels.begin(), kernels.end(),
                        [](const KernelAdvice& k) { return k.holds; });
      const ptrdiff_t taken = std::count_if(
          kernels.begin(), kernels.end(),
          [](const KernelAdvice& k) { return k.reason != "refused"; });
      if (std::pair(hold, taken) <= most) continue;
      most = {hold, taken};
      advice.kernels = std::move(kernels);
      advice.option = option;
    }
    advice.given = true;
    for (const KernelAdvice& on : advice.kernels) {
      if (on.holds || !advice.given) continue;
      advice.given = false;
      advice.reason = on.reason;
      advice.text = absl::StrCat("on ", on.kernel, ": ", on.text);
      advice.cure = on.cure;
    }
  }

  // Wishes that ask for less, the least loss first.
  std::vector<AdviceWish> Neighbours(const Advice& refused) const {
    const AdviceWish& wish = request_.wish;
    std::vector<AdviceWish> all;
    const auto add = [&](auto change) {
      AdviceWish other = wish;
      change(other);
      all.push_back(other);
    };
    if (refused.reason == "no_room" && room_ != 0) {
      add([&](AdviceWish& w) { w.size = room_; });
    }
    if (wish.size != 0 && wish.size < LeastSize(wish.fs)) {
      add([&](AdviceWish& w) { w.size = LeastSize(w.fs); });
    }
    for (uint64_t n = std::min<uint64_t>(wish.stripes, 64); n > 1; --n) {
      add([&](AdviceWish& w) { w.stripes = n - 1; });
    }
    if (wish.sync) add([](AdviceWish& w) { w.sync = false; });
    if (wish.fs == AdviseFs::kXfs) {
      add([](AdviceWish& w) { w.fs = AdviseFs::kExt4; });
    }
    if (wish.page == AdvisePage::k1G) {
      add([](AdviceWish& w) { w.page = AdvisePage::k2M; });
      add([](AdviceWish& w) {
        w.fs = AdviseFs::kNone;
        w.stripes = 1;
      });
    }
    if (wish.page != AdvisePage::k4K) {
      add([](AdviceWish& w) { w.page = AdvisePage::k4K; });
    }
    add([](AdviceWish& w) {
      w.size = 0;
      w.stripes = 1;
    });
    add([](AdviceWish& w) {
      w = {.fs = AdviseFs::kNone, .page = AdvisePage::k4K};
    });
    return all;
  }

  const AdviseRequest& request_;
  std::map<SiteRequest::Use, Site> sites_;
  uint64_t room_ = 0;  // of the wish judged last
};

}  // namespace

absl::StatusOr<Advice> Advise(const AdviseRequest& request) {
  return Adviser(request).Run();
}

}  // namespace dmdax
