// SPDX-License-Identifier: Apache-2.0
//
// Where the address space of a node lands on what is below it: rows of a
// table, a partition's start, a file's extents.
//
//   const auto node_of = [](const BlockDevice&) { return 1; };
//   AddTableRows(*LiveTable(session, *bdev), node_of, /*most=*/4096, node);
//   node.rows[0].legs[0].start;  // 1048576, on node 1
//
// Threading: pure functions of a machine.
#ifndef DMDAX_TOOLS_DRAW_DRAW_ROWS_H_
#define DMDAX_TOOLS_DRAW_DRAW_ROWS_H_

#include <cstddef>

#include "absl/functional/function_ref.h"
#include "block/block_device.h"
#include "dm/dm_table.h"
#include "iomap/file_extents.h"
#include "tools/draw/draw_model.h"

namespace dmdax {

// The node that a device is, or -1.
using NodeOf = absl::FunctionRef<int(const BlockDevice& bdev)>;

// Each sets rows, all_rows and detail of a node.  At most `most` rows: more are
// summarised.
void AddTableRows(const DmTable& table, NodeOf node_of, size_t most,
                  DrawNode& node);
void AddExtents(const FileExtents& extents, int below, size_t most,
                DrawNode& node);
void AddPartition(BlockDevice& bdev, NodeOf node_of, DrawNode& node);

}  // namespace dmdax

#endif  // DMDAX_TOOLS_DRAW_DRAW_ROWS_H_
