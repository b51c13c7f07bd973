// SPDX-License-Identifier: Apache-2.0
//
// The device-daxes of a UserSpace, and whose memory they are.
#include <cerrno>
#include <iterator>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "base/errno_status.h"
#include "process/field_error.h"
#include "process/user_space.h"

namespace dmdax {

UserSpace::DaxRanges::const_iterator UserSpace::DaxIn(uint64_t start,
                                                      uint64_t size) const {
  // Ranges do not overlap: of those that begin at or before `start` only the
  // last can reach it.
  auto it = dax_ranges_.upper_bound(start);
  if (it != dax_ranges_.begin() && std::prev(it)->second.end > start) {
    return std::prev(it);
  }
  return it != dax_ranges_.end() && it->first < start + size
             ? it
             : dax_ranges_.end();
}

// A region is a disk or a device-dax, not both.
absl::Status UserSpace::TakeFromDisks(const DevDaxOptions& options) {
  for (const DevDaxRange& r : options.ranges) {
    for (const PmemDevice* pmem : machine_.PmemsIn(r.start, r.size)) {
      const PmemOptions& p = pmem->options();
      if (machine_.FindBdevByName(p.name)->openers() > 0) {
        return FieldError(EBUSY, "",
                          absl::StrCat(options.name, ": the memory of ", p.name,
                                       ", which is in use"));
      }
      DevPagemap* fsdax = mem_.FindPagemap(pfn_t(p.base >> faults_.page_shift));
      if (fsdax != nullptr && fsdax->type == MemoryType::kFsDax) {
        mem_.RemovePagemap(fsdax);
      }
    }
  }
  return absl::OkStatus();
}

absl::StatusOr<DevDaxOptions> UserSpace::ResolveRanges(
    const DevDaxRequest& request) const {
  DevDaxOptions options = request.options;
  if (!request.pmem.empty()) {
    const PmemDevice* pmem = machine_.FindPmem(request.pmem);
    if (pmem == nullptr) {
      return FieldError(ENOENT, "pmem",
                        absl::StrCat("no pmem '", request.pmem, "'"));
    }
    if (!options.ranges.empty()) {
      return FieldError(EINVAL, "pmem", "pmem and range: one of them");
    }
    const PmemOptions& p = pmem->options();
    options.ranges.push_back({p.base + p.data_offset, p.size - p.data_offset});
  }
  options.static_region = options.ranges.size() == 1;
  return options;
}

// A region is a pmem or a device-dax; only the whole pmem can become one.
absl::Status UserSpace::CheckMemory(const DevDaxOptions& options) const {
  for (size_t i = 0; i < options.ranges.size(); ++i) {
    const DevDaxRange& r = options.ranges[i];
    const auto taken = [&](const std::string& name, uint64_t start,
                           uint64_t end, const char* hint) {
      return FieldError(
          EBUSY, absl::StrCat("range[", i, "].start"),
          absl::StrFormat("%s: 0x%x-0x%x is memory of %s at 0x%x-0x%x%s",
                          options.name, r.start, r.start + r.size - 1, name,
                          start, end - 1, hint));
    };
    for (const PmemDevice* pmem : machine_.PmemsIn(r.start, r.size)) {
      const PmemOptions& p = pmem->options();
      return taken(p.name, p.base, p.base + p.size,
                   "; a pmem becomes a device-dax as a whole, by its name");
    }
    if (const auto it = DaxIn(r.start, r.size); it != dax_ranges_.end()) {
      return taken(it->second.dax->options().name, it->first, it->second.end,
                   "");
    }
  }
  return absl::OkStatus();
}

absl::StatusOr<DevDax*> UserSpace::AddDevDax(const DevDaxRequest& request) {
  absl::Status s = CheckDevDaxName(request.options.name);
  if (s.ok() && request.pmem.empty()) {
    s = CheckDevDaxOptions(request.options, faults_);
  }
  if (s.ok()) s = CheckMemory(request.options);
  if (!s.ok()) return s;
  const std::string node = absl::StrCat("/dev/", request.options.name);
  if (const absl::StatusOr<DevT> dev = machine_.LookupBdev(node); dev.ok()) {
    return FieldError(EEXIST, "name",
                      absl::StrCat("name '", request.options.name, "': ", node,
                                   " is the node of ", dev->ToString()));
  }
  return RestoreDevDax(request);
}

absl::StatusOr<DevDax*> UserSpace::RestoreDevDax(const DevDaxRequest& request) {
  const std::string& name = request.options.name;
  if (daxes_.count(name) != 0) {
    return FieldError(EEXIST, "name",
                      absl::StrCat("there is a ", name, " already"));
  }
  const absl::StatusOr<DevDaxOptions> options = ResolveRanges(request);
  if (!options.ok()) return options.status();
  absl::Status s = CheckDevDaxOptions(*options, faults_);
  if (s.ok()) s = TakeFromDisks(*options);
  if (!s.ok()) return s;
  absl::StatusOr<std::unique_ptr<DevDax>> dax =
      DevDax::Create(faults_, mem_, *options, machine_.profile());
  if (!dax.ok()) {
    return FieldError(ErrnoOf(dax.status()), "",
                      absl::StrCat(name, ": ", dax.status().message()));
  }
  if (!request.pmem.empty()) {
    // The open disk can neither be removed nor be used otherwise.
    BlockDevice* bdev = machine_.FindBdevByName(request.pmem);
    s = bdev->Open(FMODE_READ | FMODE_WRITE | FMODE_EXCL, this);
    if (!s.ok()) return s;
    claimed_.push_back(bdev);
  }
  dax_requests_[name] = request;
  DevDax* added = (daxes_[name] = *std::move(dax)).get();
  uint64_t offset = 0;
  for (const DevDaxRange& r : added->options().ranges) {
    dax_ranges_[r.start] = {r.start + r.size, offset, added};
    offset += r.size;
  }
  return added;
}

}  // namespace dmdax
