// SPDX-License-Identifier: Apache-2.0
//
// RowMover: other places for the rows of a volume, so that its data lies at
// multiples of 2 MiB in memory.
//
//   RowMover mover(request, world, volume, Seen::kLevel);
//   if (mover.HasWork() && mover.Run()) Use(world);  // the volume is moved
//
// Threading: thread-compatible.
#ifndef DMDAX_TOOLS_CHECK_MOVE_ROWS_H_
#define DMDAX_TOOLS_CHECK_MOVE_ROWS_H_

#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "absl/types/span.h"
#include "base/dev_t.h"
#include "state/session.h"
#include "state/world.pb.h"
#include "tools/check/cure.h"
#include "tools/check/leg_offs.h"

namespace dmdax {

// Makes one of linear rows that go on in each other on the device below too:
// the map is the same.
void JoinPieces(proto::MappedDevice* device, LegOffs* offs);

class RowMover {
 public:
  // Where the rows can lie instead.  The first two leave the volume as long as
  // it is; the last one is within where it was.
  enum class Way { kUp, kDown, kWithin };
  static constexpr Way kAllWays[] = {Way::kUp, Way::kDown, Way::kWithin};

  // `volume` is in the World.
  RowMover(const CureRequest& request, proto::World& world,
           proto::MappedDevice* volume, Seen seen);

  // Whether any row is off, or ends within a page of 2 MiB and not with the
  // volume.
  bool HasWork();

  // Moves it in the first way for which there is room and that changes it.
  // False: in none; the World is as it was.
  bool Run(absl::Span<const Way> ways = kAllWays);

  // The volume in the World; a move may have replaced it.
  proto::MappedDevice* Volume();

 private:
  using Ranges = std::vector<std::pair<uint64_t, uint64_t>>;
  // What rows have of a device below: by its number, first sector and end.
  using Areas = std::map<DevT, Ranges>;

  // Where a linear row ends within a page of 2 MiB and another follows: that
  // one gets the rest of the page, or gives its part away.
  enum class Ends { kDown, kUp };

  static bool EndsWithinPage(const proto::Target& row,
                             const proto::Target& next);
  bool HasEnds();
  void AddAreas(proto::MappedDevice& device, Areas* areas);
  size_t Overlaps(proto::World& world);
  bool Move(Way way, Ends ends);
  void MoveEnds(Ends ends, std::vector<uint64_t>* begins);
  bool FitsBeside(Way way, proto::World kept);
  static Ranges Without(Ranges all, Ranges taken);
  bool LeavesLastTable(DevT dev, const Ranges& now);
  bool IsTaken(DevT dev, uint64_t start, uint64_t end) const;

  const CureRequest& r_;
  proto::World& world_;
  const std::string name_;
  LegOffs offs_;
  Areas old_;
  bool changed_ = false;  // by the last Move()
};

}  // namespace dmdax

#endif  // DMDAX_TOOLS_CHECK_MOVE_ROWS_H_
