// SPDX-License-Identifier: Apache-2.0
//
// Cures below device-mapper: partitions, namespaces, bad blocks, device-dax.
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "base/round_up.h"
#include "tools/check/cure.h"
#include "tools/check/world_rows.h"

namespace dmdax {
namespace {

constexpr char kNamespaceAnew[] =
    "the namespace is made anew: save the data and restore it";

proto::Pmem* FindPmem(proto::World& world, const std::string& name) {
  for (proto::Pmem& pmem : *world.mutable_pmem()) {
    if (pmem.name() == name) return &pmem;
  }
  return nullptr;
}

// The disk that a reason blames: the lowest level is a pmem's own.
proto::Pmem* BlamedPmem(const CureRequest& request, proto::World& world) {
  if (request.reason.level.has_value()) {
    return FindPmem(world, request.reason.level->device);
  }
  return request.subject.bdev == nullptr
             ? nullptr
             : FindPmem(world, request.subject.bdev->whole().name());
}

std::string CreateNamespace(const proto::Pmem& pmem, const char* options) {
  return absl::StrCat("ndctl create-namespace -f -e ", NamespaceOf(pmem.name()),
                      " -m fsdax ", options);
}

}  // namespace

std::string NamespaceOf(const std::string& disk) {
  std::string number(absl::StripPrefix(disk, "pmem"));
  return absl::StrCat("namespace", number,
                      absl::StrContains(number, '.') ? "" : ".0");
}

std::optional<Cure> CurePartition(const CureRequest& request,
                                  proto::World& world) {
  const std::string name =
      request.reason.level.has_value()  ? request.reason.level->name
      : request.subject.bdev == nullptr ? ""
                                        : request.subject.bdev->name();
  for (proto::Block& part : *world.mutable_block()) {
    if (part.name() != name || part.partition_of().empty()) continue;
    const uint64_t start = RoundUp(part.start(), kPmdSectors);
    const uint64_t shift = start - part.start();
    if (shift >= part.sectors()) return std::nullopt;
    part.set_start(start);
    part.set_sectors(RoundDown(part.sectors() - shift, kPmdSectors));
    return Cure{
        .commands = {absl::StrCat("parted -s /dev/", part.partition_of(),
                                  " mklabel gpt mkpart data ", start, "s ",
                                  start + part.sectors() - 1, "s")},
        .remark = "the partition is made anew: save the data and restore it",
        .in_world = true};
  }
  return std::nullopt;
}

std::optional<Cure> CureNamespaceAlign(const CureRequest& request,
                                       proto::World& world) {
  proto::Pmem* pmem = BlamedPmem(request, world);
  if (pmem == nullptr) return std::nullopt;
  const uint64_t off = (pmem->base() + pmem->data_offset()) % kPmdBytes;
  if (off == 0) return std::nullopt;
  pmem->set_data_offset(pmem->data_offset() + kPmdBytes - off);
  return Cure{.commands = {CreateNamespace(*pmem, "--align 2M")},
              .remark = kNamespaceAnew,
              .in_world = true};
}

std::optional<Cure> CureRawNamespace(const CureRequest& request,
                                     proto::World& world) {
  proto::Pmem* pmem = BlamedPmem(request, world);
  if (pmem == nullptr || !pmem->raw()) return std::nullopt;
  pmem->set_raw(false);
  return Cure{.commands = {CreateNamespace(*pmem, "--map dev")},
              .remark = kNamespaceAnew,
              .in_world = true};
}

std::optional<Cure> CureBadBlocks(const CureRequest& request,
                                  proto::World& world) {
  proto::Pmem* pmem = BlamedPmem(request, world);
  if (pmem == nullptr || pmem->badblocks_size() == 0) return std::nullopt;
  pmem->clear_badblocks();
  return Cure{.commands = {absl::StrCat("ndctl clear-errors ",
                                        NamespaceOf(pmem->name()))},
              .remark = "what stood in the bad blocks is lost: restore it",
              .in_world = true};
}

std::optional<Cure> CureDevDaxAlign(const CureRequest& request,
                                    proto::World& world) {
  const uint64_t want = uint64_t{4096} << request.reason.order;
  for (proto::DevDax& dax : *world.mutable_dax()) {
    if (dax.name() != request.subject.name) continue;
    dax.set_align(want);
    return Cure{.commands = {absl::StrCat(
                    "ndctl create-namespace -f -e ",
                    NamespaceOf(dax.pmem().empty() ? "pmemN" : dax.pmem()),
                    " -m devdax --align ", want >> 20, "M")},
                .remark = kNamespaceAnew,
                .in_world = true};
  }
  return std::nullopt;
}

}  // namespace dmdax
