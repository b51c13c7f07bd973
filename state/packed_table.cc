// SPDX-License-Identifier: Apache-2.0
#include "state/packed_table.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "base/errno_status.h"
#include "state/target_spec.h"

namespace dmdax {
namespace {

template <typename T>
void CopyTo(const google::protobuf::RepeatedField<T>& field,
            Column<T>* column) {
  const size_t n = static_cast<size_t>(field.size());
  column->Resize(n);
  if (n > 0) memcpy(column->data(), field.data(), n * sizeof(T));
}

template <typename T>
void CopyTo(const Column<T>& column,
            google::protobuf::RepeatedField<T>* field) {
  field->Add(column.begin(), column.end());
}

// A name that a table can not be loaded with as it is: SpecFromTarget() has
// the words for it.
bool IsOdd(const std::string& name) {
  return name.empty() || absl::StrContains(name, '\0');
}

std::shared_ptr<const LinearRows> FromPacked(const proto::PackedTable& packed) {
  if (packed.length_size() == 0) return nullptr;
  for (const std::string& name : packed.device_name()) {
    if (IsOdd(name)) return nullptr;
  }
  auto rows = std::make_shared<LinearRows>();
  rows->devices.assign(packed.device_name().begin(),
                       packed.device_name().end());
  CopyTo(packed.length(), &rows->length);
  CopyTo(packed.device(), &rows->device);
  CopyTo(packed.start(), &rows->start);
  return rows;
}

std::shared_ptr<LinearRows> FromTargets(const proto::Table& table) {
  auto rows = std::make_shared<LinearRows>();
  absl::flat_hash_map<absl::string_view, uint32_t> ids;
  uint64_t begin = 0;
  for (const proto::Target& target : table.target()) {
    if (!target.has_linear() || target.start() != begin) return nullptr;
    const std::string& name = target.linear().device();
    const auto [it, added] =
        ids.try_emplace(name, static_cast<uint32_t>(rows->devices.size()));
    if (added) {
      if (IsOdd(name)) return nullptr;
      rows->devices.push_back(name);
    }
    rows->Add(target.length(), it->second, target.linear().start());
    begin += target.length();
  }
  return rows->size() == 0 ? nullptr : rows;
}

template <typename Fn>
void ForEachTable(proto::World* world, Fn fn) {
  for (proto::MappedDevice& d : *world->mutable_mapped_device()) {
    if (d.has_table()) fn(d.mutable_table());
    if (d.has_inactive_table()) fn(d.mutable_inactive_table());
  }
}

}  // namespace

PackedError CheckPacked(const proto::Table& table) {
  if (!table.has_packed()) return {};
  const proto::PackedTable& packed = table.packed();
  if (table.target_size() > 0) {
    return {"", "a table has rows or is packed, not both"};
  }
  const int rows = packed.length_size();
  const auto column = [&](const char* name, int size) -> PackedError {
    if (size == rows) return {};
    return {absl::StrCat(name, "[", std::min(size, rows), "]"),
            absl::StrCat(rows, " rows have a length, but ", size, " a ", name)};
  };
  if (PackedError e = column("device", packed.device_size()); !e.ok()) return e;
  if (PackedError e = column("start", packed.start_size()); !e.ok()) return e;
  const uint32_t names = static_cast<uint32_t>(packed.device_name_size());
  const auto bad = std::find_if(packed.device().begin(), packed.device().end(),
                                [&](uint32_t d) { return d >= names; });
  if (bad == packed.device().end()) return {};
  const auto row = bad - packed.device().begin();
  return {absl::StrCat("device[", row, "]"),
          absl::StrCat("target ", row, ": device ", *bad, ", but there are ",
                       names, " names")};
}

bool PackTable(proto::Table* table) {
  if (table->has_packed()) return true;
  const std::shared_ptr<LinearRows> rows = FromTargets(*table);
  if (rows == nullptr) return false;
  proto::PackedTable& packed = *table->mutable_packed();
  for (std::string& name : rows->devices) {
    *packed.add_device_name() = std::move(name);
  }
  CopyTo(rows->length, packed.mutable_length());
  CopyTo(rows->device, packed.mutable_device());
  CopyTo(rows->start, packed.mutable_start());
  table->clear_target();
  return true;
}

absl::Status UnpackTable(proto::Table* table) {
  if (PackedError e = CheckPacked(*table); !e.ok()) {
    return ErrnoError(EINVAL, absl::StrCat("packed", e.field.empty() ? "" : ".",
                                           e.field, ": ", e.what));
  }
  if (!table->has_packed()) return absl::OkStatus();
  const proto::PackedTable& packed = table->packed();
  uint64_t begin = 0;
  table->mutable_target()->Reserve(packed.length_size());
  for (int i = 0; i < packed.length_size(); ++i) {
    proto::Target& target = *table->add_target();
    target.set_start(begin);
    target.set_length(packed.length(i));
    proto::Linear& linear = *target.mutable_linear();
    linear.set_device(packed.device_name(static_cast<int>(packed.device(i))));
    linear.set_start(packed.start(i));
    begin += packed.length(i);
  }
  table->clear_packed();
  return absl::OkStatus();
}

void PackWorld(proto::World* world) { ForEachTable(world, PackTable); }

absl::Status UnpackWorld(proto::World* world) {
  absl::Status all;
  ForEachTable(world, [&](proto::Table* table) {
    if (all.ok()) all = UnpackTable(table);
  });
  return all;
}

std::shared_ptr<const LinearRows> RowsOfTable(const proto::Table& table) {
  return table.has_packed() ? FromPacked(table.packed()) : FromTargets(table);
}

}  // namespace dmdax
