// SPDX-License-Identifier: Apache-2.0
//
// raid: where I/O goes, and what becomes of it when a device fails: it is put
// out of the set, and the others serve.
// Mirrors: raid0_make_request, raid1_make_request, raid10_make_request,
// fix_read_error, handle_read_error, handle_write_finished of
// drivers/md/raid*.c (4.14 to 7.3).
#include <algorithm>
#include <cerrno>
#include <cstring>
#include <map>
#include <optional>
#include <vector>

#include "absl/strings/str_cat.h"
#include "dm/bio_map.h"
#include "dm/targets/raid/dm_raid_layout.h"
#include "dm/targets/raid/dm_raid_md.h"
#include "dm/targets/raid/dm_raid_row.h"

namespace dmdax {
namespace {

using Members = std::vector<RaidMember>;

std::vector<RaidPlace> PlacesOf(const RaidSet& rs, uint64_t offset) {
  return rs.type->is_raid1() ? LegsOf(rs, offset) : CopiesOf(rs, offset);
}

BioMap Refused() { return {.kind = BioMap::Kind::kError, .err = EIO}; }

// Where a read goes: the first copy that serves, but rather one that is not
// write-mostly.
const RaidPlace* ReadPlace(const RaidSet& rs, const Members& members,
                           const std::vector<RaidPlace>& places) {
  const RaidPlace* found = nullptr;
  for (const RaidPlace& place : places) {
    if (!RaidServes(rs, members, place.dev)) continue;
    if (!rs.devs[place.dev].write_mostly) return &place;
    if (found == nullptr) found = &place;
  }
  return found;
}

sector_t At(const RaidSet& rs, const RaidPlace& place) {
  return sector_t(place.sector + rs.data_begin());
}

// raid1_read_request() and raid1_write_request(): one leg serves reads, and a
// write goes to all that are there.
BioMap MapToCopies(const RaidSet& rs, const std::vector<RaidPlace>& places,
                   ReqOp op, uint64_t sectors) {
  const Members members = rs.Members();
  if (IsRead(op)) {
    const RaidPlace* place = ReadPlace(rs, members, places);
    if (place == nullptr) return Refused();
    return {.kind = BioMap::Kind::kRemapped,
            .dev = rs.devs[place->dev].data,
            .sector = At(rs, *place),
            .choice = place->dev,
            .sectors = sectors};
  }
  if (RaidWritesWait(rs, members)) return {.kind = BioMap::Kind::kWaits};
  BioMap map = Refused();
  for (const RaidPlace& place : places) {
    if (!RaidTakes(rs, members, place.dev)) continue;
    const DmDev* dev = rs.devs[place.dev].data;
    if (map.kind == BioMap::Kind::kError) {
      map = {.kind = BioMap::Kind::kRemapped,
             .dev = dev,
             .sector = At(rs, place),
             .sectors = sectors};
    } else {
      map.also.push_back({dev, At(rs, place)});
    }
  }
  return map;
}

// The pages of a bio, each with its place in the set.
template <typename Fn>
bool ForEachPage(const DmTarget& ti, const DmBio& bio, Fn fn) {
  const uint64_t start = ti.Offset(bio.sector);
  for (uint64_t done = 0; done < bio.sectors;) {
    const uint64_t in_page = (start + done) % kRaidPage;
    const uint64_t n = std::min(bio.sectors - done, kRaidPage - in_page);
    if (!fn(start + done, in_page << kSectorShift, done << kSectorShift,
            n << kSectorShift)) {
      return false;
    }
    done += n;
  }
  return true;
}

void PutOut(const DmTarget& ti, const RaidRow& row) {
  for (const uint32_t dev : row.errors()) RaidError(ti, dev);
}

bool WritePages(const DmTarget& ti, const RaidSet& rs, const DmBio& bio) {
  struct Piece {
    RaidStripe stripe;
    size_t from, at, bytes;
  };
  std::map<uint64_t, std::vector<Piece>> rows;
  ForEachPage(ti, bio, [&](uint64_t sector, size_t from, size_t at, size_t n) {
    RaidStripe stripe = StripeOf(rs, sector);
    const uint64_t key = stripe.sector / kRaidPage;
    rows[key].push_back({std::move(stripe), from, at, n});
    return true;
  });
  bool ok = true;
  for (const auto& [key, pieces] : rows) {
    RaidWriteStart(ti, key * kRaidPage, kRaidPage);
    const Members members = rs.Members();
    RaidRow row(rs, members, pieces[0].stripe);
    for (const Piece& piece : pieces) {
      row.Put(piece.stripe.index, piece.from,
              bio.written.subspan(piece.at, piece.bytes));
    }
    ok &= row.Write();
    if (row.errors().empty()) continue;
    // With a device less the bitmap keeps what it has missed.
    PutOut(ti, row);
    RaidWriteStart(ti, key * kRaidPage, kRaidPage);
  }
  return ok;
}

bool ReadPages(const DmTarget& ti, const RaidSet& rs, const DmBio& bio) {
  return ForEachPage(ti, bio,
                     [&](uint64_t sector, size_t from, size_t at, size_t n) {
                       const RaidStripe stripe = StripeOf(rs, sector);
                       const Members members = rs.Members();
                       RaidRow row(rs, members, stripe);
                       RaidPage page;
                       const bool ok = row.Get(stripe.index, &page);
                       PutOut(ti, row);
                       if (!ok) return false;
                       memcpy(bio.data.data() + at, page.data() + from, n);
                       return true;
                     });
}

// --- copies that fail ---

std::string Md(const RaidSet& rs) {
  return rs.type->is_raid1() ? "md/raid1:mdX: " : "md/raid10:mdX: ";
}

void SayLimited(const DmTarget& ti, absl::string_view place,
                absl::string_view text) {
  MachineOf(ti).log().PrintkRatelimited(place, KernLevel::kErr, text);
}

absl::string_view NameOf(const RaidSet& rs, uint32_t dev) {
  return rs.devs[dev].data->bdev->name();
}

// fix_read_error() of one page: what another copy has is written over it.
void FixPage(const DmTarget& ti, const RaidSet& rs, uint32_t bad,
             uint64_t offset, uint64_t sectors) {
  const std::vector<RaidPlace> places = PlacesOf(rs, offset);
  const Members members = rs.Members();
  const auto at =
      std::find_if(places.begin(), places.end(),
                   [&](const RaidPlace& p) { return p.dev == bad; });
  if (at == places.end() || !RaidServes(rs, members, bad)) return;
  std::vector<char> page(sectors << kSectorShift);
  auto read = [&](const RaidPlace& place) {
    return BioRead(*rs.devs[place.dev].data->bdev, At(rs, place),
                   absl::MakeSpan(page))
        .ok();
  };
  if (read(*at)) return;
  const bool found =
      std::any_of(places.begin(), places.end(), [&](const RaidPlace& place) {
        return place.dev != bad && RaidServes(rs, members, place.dev) &&
               read(place);
      });
  if (!found) return RaidError(ti, bad);
  if (!BioWrite(*rs.devs[bad].data->bdev, At(rs, *at), page).ok()) {
    RaidError(ti, bad);
    if (!rs.type->is_raid10()) return;
    SayLimited(ti, "raid10 correction write",
               absl::StrCat(Md(rs), "read correction write failed (", sectors,
                            " sectors at ", At(rs, *at).value(), " on ",
                            NameOf(rs, bad), ")"));
    SayLimited(ti, "raid10 failing drive",
               absl::StrCat(Md(rs), NameOf(rs, bad), ": failing drive"));
    return;
  }
  if (!read(*at)) return RaidError(ti, bad);
  MachineOf(ti).log().Printk(
      KernLevel::kInfo,
      absl::StrCat(Md(rs), "read error corrected (", sectors, " sectors at ",
                   At(rs, *at).value(), " on ", NameOf(rs, bad), ")"));
}

AfterFailure ReadFailed(const DmTarget& ti, const RaidSet& rs, const DmBio& bio,
                        uint32_t bad) {
  Members members = rs.Members();
  const uint64_t start = ti.Offset(bio.sector);
  const std::vector<RaidPlace> places = PlacesOf(rs, start);
  // The last copy is not tried again.
  const auto serving =
      std::count_if(places.begin(), places.end(), [&](const RaidPlace& place) {
        return RaidServes(rs, members, place.dev);
      });
  if (serving < 2 || rs.stripes.HeldHere()) return AfterFailure::kFails;
  const std::string name(NameOf(rs, bad));
  SayLimited(ti, "raid1 rescheduling",
             absl::StrCat(Md(rs), name, ": rescheduling sector ", start));
  {
    OwnedLock lock(&rs.stripes);
    for (uint64_t done = 0; done < bio.sectors; done += kRaidPage) {
      FixPage(ti, rs, bad, start + done,
              std::min(kRaidPage, bio.sectors - done));
    }
  }
  members = rs.Members();
  const RaidPlace* next = ReadPlace(rs, members, places);
  if (next == nullptr) return AfterFailure::kFails;
  const absl::string_view to = NameOf(rs, next->dev);
  SayLimited(ti, "raid1 redirecting",
             rs.type->is_raid1()
                 ? absl::StrCat(Md(rs), "redirecting sector ", start,
                                " to other mirror: ", to)
                 : absl::StrCat(Md(rs), to, ": redirecting sector ", start,
                                " to another mirror"));
  return AfterFailure::kMapsAgain;
}

AfterFailure WriteFailed(const DmTarget& ti, const RaidSet& rs,
                         const DmBio& bio, const DmIoFailure& failure) {
  const Members before = rs.Members();
  const uint64_t start = ti.Offset(bio.sector);
  bool served = false;
  size_t number = 0;
  std::vector<uint32_t> failed;
  // The map's places are those of the devices that took it, in this order.
  for (const RaidPlace& place : PlacesOf(rs, start)) {
    if (!RaidTakes(rs, before, place.dev)) continue;
    const bool bad = std::find(failure.places.begin(), failure.places.end(),
                               number++) != failure.places.end();
    if (bad) failed.push_back(place.dev);
    served |= !bad && RaidServes(rs, before, place.dev);
  }
  for (const uint32_t dev : failed) RaidError(ti, dev);
  if (RaidWritesWait(rs, rs.Members())) return AfterFailure::kWaits;
  RaidWriteStart(ti, start, bio.sectors);
  return served ? AfterFailure::kSucceeds : AfterFailure::kFails;
}

}  // namespace

BioMap RaidMap(const DmTarget& ti, sector_t sector, ReqOp op) {
  const RaidSet& rs = ti.Private<RaidSet>();
  const uint64_t offset = ti.Offset(sector);
  if (rs.type->is_raid1()) return MapToCopies(rs, LegsOf(rs, offset), op, 0);
  // What lies behind in the chunk goes with it.
  const uint64_t left = rs.chunk_sectors - offset % rs.chunk_sectors;
  if (!rs.type->is_raid456()) {
    return MapToCopies(rs, CopiesOf(rs, offset), op, left);
  }
  // Of a write, the data and what has their parity.
  const RaidStripe stripe = StripeOf(rs, offset);
  if (IsRead(op) && !RaidServes(rs, rs.Members(), stripe.data[stripe.index])) {
    // It lies nowhere.
    return {.kind = BioMap::Kind::kError, .err = EOPNOTSUPP};
  }
  std::vector<RaidPlace> places = {{stripe.data[stripe.index], stripe.sector}};
  if (!IsRead(op)) places.push_back({stripe.p, stripe.sector});
  if (!IsRead(op) && stripe.q != RaidStripe::kNone) {
    places.push_back({stripe.q, stripe.sector});
  }
  return MapToCopies(rs, places, op, left);
}

std::optional<int> RaidSubmit(const DmTarget& ti, const DmBio& bio) {
  const RaidSet& rs = ti.Private<RaidSet>();
  if (rs.type->is_raid0()) return std::nullopt;
  const bool reads = !bio.data.empty();
  const Members members = rs.Members();
  if (!reads && RaidWritesWait(rs, members)) return std::nullopt;
  if (!rs.type->is_raid456()) {
    if (!reads) RaidWriteStart(ti, ti.Offset(bio.sector), bio.sectors);
    return std::nullopt;
  }
  // What fails then comes to ->io_failed.
  if (reads && RaidDegraded(rs, members) == 0) return std::nullopt;
  // A set that lies on itself.
  if (rs.stripes.HeldHere()) return EIO;
  OwnedLock lock(&rs.stripes);
  return (reads ? ReadPages(ti, rs, bio) : WritePages(ti, rs, bio)) ? 0 : EIO;
}

AfterFailure RaidIoFailed(const DmTarget& ti, const DmBio& bio,
                          const DmIoFailure& failure) {
  const RaidSet& rs = ti.Private<RaidSet>();
  if (IsRead(bio.op) && rs.type->is_raid456()) {
    if (rs.stripes.HeldHere()) return AfterFailure::kFails;
    OwnedLock lock(&rs.stripes);
    return ReadPages(ti, rs, bio) ? AfterFailure::kSucceeds
                                  : AfterFailure::kFails;
  }
  const bool copies = rs.type->is_raid1() || rs.type->is_raid10();
  if (copies && IsRead(bio.op)) {
    if (failure.attempt > rs.disks()) return AfterFailure::kFails;
    return ReadFailed(ti, rs, bio, failure.map.choice);
  }
  if (copies && bio.op == ReqOp::kWrite) {
    return WriteFailed(ti, rs, bio, failure);
  }
  return failure.places.size() <= failure.map.also.size()
             ? AfterFailure::kSucceeds
             : AfterFailure::kFails;
}

}  // namespace dmdax
