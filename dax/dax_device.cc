// SPDX-License-Identifier: Apache-2.0
#include "dax/dax_device.h"

#include <algorithm>
#include <cerrno>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/errno_status.h"
#include "dax/dax_users.h"

namespace dmdax {

DaxDevice::DaxDevice(const KernelProfile& profile, std::string host,
                     DaxOperations* ops)
    : profile_(profile), host_(std::move(host)), ops_(ops) {}

void DaxDevice::SetFastPath(const DaxFastPath* fast_path) {
  offered_ = fast_path == nullptr ? &kNoDaxFastPath : fast_path;
  fast_path_.store(alive() ? offered_ : &kNoDaxFastPath,
                   std::memory_order_release);
}

void DaxDevice::Kill() {
  DaxDevice* const self = this;
  KillAll({&self, 1});
}

void DaxDevice::KillAll(absl::Span<DaxDevice* const> devices) {
  if (devices.empty()) return;
  for (DaxDevice* dev : devices) {
    DaxStackChange change(*dev);
    dev->alive_.store(false, std::memory_order_release);
    dev->fast_path_.store(&kNoDaxFastPath, std::memory_order_release);
  }
  dax_srcu.Synchronize();
}

void DaxDevice::Run() {
  DaxStackChange change(*this);
  alive_.store(true, std::memory_order_release);
  fast_path_.store(offered_, std::memory_order_release);
}

DaxAccess DaxDirectAccessChecked(DaxDevice* dev, pgoff_t pgoff,
                                 int64_t nr_pages, DaxAccessMode mode,
                                 Trace* trace) {
  if (!dev->alive()) return DaxAccess::Error(ENXIO);
  // 7.2 checks for missing operations here; older kernels would crash.
  if (dev->ops() == nullptr) return DaxAccess::Error(EOPNOTSUPP);
  if (nr_pages < 0) {
    return dev->profile().dax_returns_negative_nr ? DaxAccess{.ret = nr_pages}
                                                  : DaxAccess::Error(EINVAL);
  }
  DaxAccess access = dev->ops()->DirectAccess(pgoff, nr_pages, mode, trace);
  if (access.ret == 0) {
    access.ret = -ERANGE;
  } else {
    access.ret = std::min(access.ret, nr_pages);
  }
  return access;
}

int DaxZeroPageRange(DaxDevice* dev, pgoff_t pgoff, uint64_t nr_pages,
                     Trace* trace) {
  if (dev == nullptr || dev->ops() == nullptr) return -EOPNOTSUPP;
  if (!dev->alive()) return -ENXIO;
  // Only one page at a time is supported, in every kernel.
  if (nr_pages != 1) return -EIO;
  const int ret = dev->ops()->ZeroPageRange(pgoff, nr_pages, trace);
  // dax_mem2blk_err(): callers in the block layer do not know memory errors.
  return ret == -EHWPOISON ? -EIO : ret;
}

size_t DaxRecoveryWrite(DaxDevice* dev, pgoff_t pgoff, uint64_t offset,
                        absl::Span<const char> bytes) {
  if (dev == nullptr || dev->ops() == nullptr) return 0;
  return dev->ops()->RecoveryWrite(pgoff, offset, bytes);
}

absl::StatusOr<DaxRun> DaxTranslate(DaxDevice& dev, pgoff_t pgoff,
                                    int64_t nr_pages, Trace* trace) {
  if (nr_pages < 1) {
    return ErrnoError(
        EINVAL,
        absl::StrCat("at least 1 page must be asked for, not ", nr_pages));
  }
  DaxReadLock lock;
  const DaxAccess access =
      DaxDirectAccess(&dev, pgoff, nr_pages, DaxAccessMode::kAccess, trace);
  if (access.ret < 0) {
    const int err = static_cast<int>(-access.ret);
    return ErrnoError(err, absl::StrCat(dev.host(), ": page ", pgoff.value(),
                                        ": -", ErrnoName(err)));
  }
  return DaxRun{access.pfn, access.ret, access.kaddr};
}

}  // namespace dmdax
