// SPDX-License-Identifier: Apache-2.0
//
// Families: what translate_bench measures, a file each.
//
// Every function builds what it needs, checks that its contenders agree, and
// registers its benchmarks; names read <stack>/<measure>/<contender>, and
// goals.txt says which are compared.
#ifndef DMDAX_BENCH_FAMILIES_H_
#define DMDAX_BENCH_FAMILIES_H_

#include <cstddef>

#include "absl/strings/string_view.h"

namespace dmdax::bench {

struct Options {
  size_t max_targets = 1 << 20;  // largest table
  size_t queries = 1 << 17;      // distinct random pages, a power of two
  // The family asked for; empty: all.
  absl::string_view family;
};

// One table: targets:N, equal:N, skewed:N.
void RegisterTables(const Options& options);
// Tables on top of each other: depth:D, deep:DxN.
void RegisterDepth(const Options& options);
// striped:CHUNKxLEGS, nested:D.
void RegisterStriped(const Options& options);
// copy:N/..., maps so small that a batch is a copy of N pages.
void RegisterCopies(const Options& options);
// read:T (read sections in T threads) and error:K (answers that are errors).
void RegisterReadSide(const Options& options);

// load:N a table of N linear rows as text (a time is a row's): reload is
// text -> queryable device in place of the table before, next to a baseline
// of sscanf, malloc and a B-tree; parse is the text alone.
void RegisterLoad(const Options& options);
// proto:N the same table as a binary World, a message a row or packed.
void RegisterMessages(const Options& options);
// flatten:MxD the map of the topmost of D levels of M rows; a time is an
// extent's, bytes_per_extent its memory.
void RegisterFlatten(const Options& options);
// sweep:N and sweep_tall:D, whole ranges into arrays of extents and of frames;
// classify:N, every slot of a hundred terabytes; slots_rows:N, slots_extents:N
// and petabyte:KIND, every slot of what is in pieces.
void RegisterSweep(const Options& options);
void RegisterClassify(const Options& options);
void RegisterSlots(const Options& options);
// stream:N, pages from one file in memory to another, as `dmdax translate`
// does.
void RegisterStreams(const Options& options);
// First touches of files and device-dax: fault_bench.cc lists the names.
void RegisterFaults(const Options& options);
// restore:KIND, machines of many devices, files, extents or touches from their
// bytes; a time is that of one of them.
void RegisterRestore(const Options& options);

// Not benchmarks but reports, which are made only when they are asked for by
// name.  Return what main() returns.
//
// growth: what twice as many devices, disks, mappings ... cost; a failure if
// more than their input has grown.
int ReportGrowth(const Options& options);
// state: what a command about one device costs beside many others.
int ReportState(const Options& options);
// memory: what each device, disk, row, file, extent and touch takes.
int ReportMemory(const Options& options);

}  // namespace dmdax::bench

#endif  // DMDAX_BENCH_FAMILIES_H_
