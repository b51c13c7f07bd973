// SPDX-License-Identifier: Apache-2.0
#include "import/contradictions.h"

#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "block/block_device.h"
#include "fs/dax_words.h"
#include "fs/file_system_type.h"
#include "fs/mount_words.h"
#include "import/guess.h"
#include "process/mount_point.h"
#include "state/find_device.h"

namespace dmdax {
namespace {

void CompareDevice(const Session& session, const std::string& device,
                   const Said<bool>& said, const Place& other, Facts* facts) {
  if (!said) return;
  absl::StatusOr<BlockDevice*> bdev = FindDevice(session, device);
  if (!bdev.ok() || (*bdev)->unmodelled() != nullptr) return;
  const bool dax = (*bdev)->queue().Has(QUEUE_FLAG_DAX);
  if (dax == said->value) return;
  const char* with = said->value ? " has DAX" : " has no DAX";
  facts->Guess(said->place,
               MakeGuess(dax ? proto::Guess::DAX : proto::Guess::NO_DAX, device,
                         absl::StrCat(said->place.ToString(), " says that ",
                                      device, with, "; by ", other.ToString(),
                                      dax ? " it has" : " it has none")));
}

// A file system may mount without the DAX that it was asked for.
void CompareMount(const Session& session, const proto::Mount& mount,
                  Facts* facts) {
  const std::string option = DaxForAll(mount.options());
  if (option.empty()) return;
  const absl::StatusOr<MountPoint*> at =
      session.user->FindMount(MountPath(mount.path()));
  if (!at.ok() || (*at)->sb().ShouldEnableDax(false)) return;
  const FileSystemType* type = (*at)->sb().s_type;
  // Of one without DAX it is told by its type.
  if (type != nullptr && !type->no_dax.empty()) return;
  ContradictMount(mount, mount.options(), session.machine->profile().name,
                  "it mounts without DAX", facts);
}

}  // namespace

void FindContradictions(const Session& session, const proto::World& world,
                        Facts* facts) {
  for (const proto::MappedDevice& m : world.mapped_device()) {
    const Mapped& known = facts->mapped.at(m.name());
    CompareDevice(session, m.name(), known.dax,
                  known.table ? *known.table : known.place, facts);
  }
  for (const proto::Pmem& p : world.pmem()) {
    const Disk& known = facts->disks.at(p.name());
    CompareDevice(session, p.name(), known.dax,
                  known.mode ? known.mode->place : known.place, facts);
  }
  for (const proto::Mount& mount : world.mount()) {
    CompareMount(session, mount, facts);
  }
}

bool DaxIsByFlag(const KernelProfile& kernel, absl::string_view type,
                 absl::string_view options) {
  if (!kernel.has_dax_modes || (type != "ext4" && type != "xfs")) return false;
  for (absl::string_view option : MountWords(options)) {
    if (option == "dax=inode") return true;
    // ext4 gives no file DAX whose data it journals.
    if (KindOfMountWord(option) == MountWordKind::kDax ||
        option == "data=journal") {
      return false;
    }
  }
  return true;
}

void ContradictMount(const proto::Mount& mount, const std::string& options,
                     absl::string_view kernel, absl::string_view words,
                     Facts* facts) {
  Place place;
  for (const MountFact& m : facts->mounts) {
    if (m.path == mount.path() && !m.options.empty()) place = m.place;
  }
  proto::Guess guess =
      MakeGuess(proto::Guess::NO_DAX, mount.path(),
                absl::StrCat(place.ToString(), " says that ", mount.path(),
                             " is mounted with ", DaxForAll(options),
                             ", which is refused here: ", words));
  guess.set_options(options);
  guess.set_refused_by(std::string(kernel));
  facts->Guess(place, std::move(guess));
}

int RefusedMounts(const Facts& facts) {
  int refused = 0;
  for (const auto& [place, guess] : facts.guesses) {
    refused += guess.refused_by().empty() ? 0 : 1;
  }
  return refused;
}

}  // namespace dmdax
