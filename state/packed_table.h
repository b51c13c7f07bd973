// SPDX-License-Identifier: Apache-2.0
//
// Tables of linear rows between their forms: a message a row, columns of a
// message, and columns in memory.
//
//   PackTable(&table);        // target { ... } ...  ->  packed { ... }
//   UnpackTable(&table);      // and back, to the same rows
//   auto rows = RowsOfTable(table);  // ready for DmCtl::TableLoad(), or null
//
// Packed is for tables that programs write: 8 bytes a row instead of 31, and a
// million rows load twenty times as fast.  Nothing is lost either way, because
// only tables that have no more to them are packed: every row linear, the
// first at sector 0, each where the one before ended.
// Threading: pure functions.
#ifndef DMDAX_STATE_PACKED_TABLE_H_
#define DMDAX_STATE_PACKED_TABLE_H_

#include <memory>
#include <string>

#include "absl/status/status.h"
#include "dm/linear_rows.h"
#include "state/world.pb.h"

namespace dmdax {

// What is wrong with a packed table, and in which of its fields: "device[7]".
struct PackedError {
  std::string field;
  std::string what;

  bool ok() const { return what.empty(); }
};

// Columns of different lengths, a device that has no name, a table that has
// targets too.
PackedError CheckPacked(const proto::Table& table);

// Whether it could be packed, and was.
bool PackTable(proto::Table* table);
// EINVAL: what CheckPacked() says.  A table that is not packed stays as it is.
absl::Status UnpackTable(proto::Table* table);

// PackTable() or UnpackTable() of all tables of a World; those that can not be
// packed stay readable.
void PackWorld(proto::World* world);
absl::Status UnpackWorld(proto::World* world);

// The rows of a packed table that CheckPacked() has passed, or of one that
// could be packed; else null.
std::shared_ptr<const LinearRows> RowsOfTable(const proto::Table& table);

}  // namespace dmdax

#endif  // DMDAX_STATE_PACKED_TABLE_H_
