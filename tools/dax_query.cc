// SPDX-License-Identifier: Apache-2.0
#include "tools/dax_query.h"

#include <algorithm>
#include <cerrno>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/errno_status.h"
#include "base/one_line.h"
#include "dm/device_mapper.h"
#include "dm/map/compiled_map.h"
#include "state/find_device.h"
#include "tools/check/dax_depth.h"

namespace dmdax {

absl::StatusOr<DaxQuery> DaxQuery::Create(const Session& session,
                                          const std::string& device) {
  absl::StatusOr<BlockDevice*> found = FindDevice(session, device);
  if (!found.ok()) return found.status();
  BlockDevice& bdev = **found;
  if (bdev.host_dax_dev() == nullptr) {
    return ErrnoError(EOPNOTSUPP, absl::StrCat(bdev.name(), " has no DAX"));
  }
  if (bdev.start_sect().value() % kPageSectors != 0) {
    return ErrnoError(
        EOPNOTSUPP,
        absl::StrCat(bdev.name(), " starts at sector ",
                     bdev.start_sect().value(), ", not on a page (nearest: ",
                     bdev.start_sect().value() / kPageSectors * kPageSectors,
                     "): unaligned partition for dax"));
  }
  const bool is_dm = bdev.dev().major_nr == session.ctl->major();
  DaxQuery query(&bdev, SectorToPage(bdev.start_sect()).value(), !is_dm);
  query.device_ = device;
  if (is_dm) {
    auto md = session.ctl->FindMinor(bdev.dev().minor_nr);
    const DmTable* live = md->live_table();
    query.md_ = md;
    query.not_dax_ =
        live == nullptr ? "it has no live table" : live->SupportsDax().reason;
    if (!query.not_dax_.empty()) {
      query.not_dax_ += NotDaxText(WhyNotDax(session, bdev), 1);
    }
  } else if (!bdev.queue().Has(QUEUE_FLAG_DAX)) {
    query.not_dax_ = "a raw namespace has no struct pages";
  }
  return query;
}

DaxQuery DaxQuery::Of(std::shared_ptr<MappedDevice> md) {
  DaxQuery query(&md->disk(), 0, /*bounded=*/false);
  query.device_ = md->dm_name();
  query.md_ = std::move(md);
  return query;
}

DaxAccess DaxQuery::Ask(pgoff_t pgoff, int64_t nr_pages, Trace* trace) const {
  if (bounded_) {
    if (pgoff.value() >= this->nr_pages()) return DaxAccess::Error(ERANGE);
    const uint64_t left = this->nr_pages() - pgoff.value();
    nr_pages =
        static_cast<int64_t>(std::min(left, static_cast<uint64_t>(nr_pages)));
  }
  DaxReadLock lock;
  return DaxDirectAccess(bdev_->host_dax_dev(), pgoff + first_page_, nr_pages,
                         DaxAccessMode::kAccess, trace);
}

// A mapped device answers a whole batch in one read section.
void DaxQuery::AskMany(absl::Span<const pgoff_t> pages, int64_t nr_pages,
                       absl::Span<uint64_t> pfns,
                       absl::Span<int64_t> rets) const {
  if (md_ != nullptr) {
    DaxReadLock lock;
    return md_->TranslateBatch(pages, pfns.first(pages.size()),
                               rets.empty() ? rets : rets.first(pages.size()),
                               nr_pages);
  }
  for (size_t i = 0; i < pages.size(); ++i) {
    const DaxAccess access = Ask(pages[i], nr_pages, nullptr);
    pfns[i] = access.ret > 0 ? access.pfn.value() : CompiledMap::kNoPfn;
    if (!rets.empty()) rets[i] = access.ret;
  }
}

absl::Status DaxQuery::BeyondEnd(pgoff_t pgoff) const {
  if (pgoff.value() < nr_pages()) return absl::OkStatus();
  return ErrnoError(
      ERANGE, absl::StrCat("page ", pgoff.value(), " is beyond the end of ",
                           OneLine(device_), ", which has ", nr_pages(),
                           nr_pages() == 1 ? " page" : " pages", " (",
                           bdev_->nr_sectors(), " sectors)"));
}

size_t DaxQuery::Extents(uint64_t* page, uint64_t end,
                         absl::Span<DaxExtent> out) const {
  if (md_ != nullptr) return md_->Extents(page, end, out);
  size_t n = 0;
  while (n < out.size() && *page < end) {
    const DaxAccess access =
        Ask(pgoff_t(*page), static_cast<int64_t>(end - *page), nullptr);
    out[n] = DaxExtent::Of({access.ret, access.pfn.value()});
    *page += out[n].pages;
    ++n;
  }
  return n;
}

void DaxQuery::ForEachPiece(uint64_t unit, DaxPieceFn fn) const {
  DaxReadLock lock;
  DaxForEachPiece(bdev_->host_dax_dev(), pgoff_t(first_page_), nr_pages(), unit,
                  fn);
}

}  // namespace dmdax
