// SPDX-License-Identifier: Apache-2.0
//
// MapperNodes: the nodes in /dev/mapper, which libdevmapper keeps where there
// is no udev.
//
//   MapperNodes nodes(machine, err);
//   nodes.Add("home", dev);  // /dev/mapper/home is there
//
// Mirrors: _add_dev_node, _rm_dev_node, _rename_dev_node,
// _set_dev_node_read_ahead of libdm/libdm-common.c (1.02.185), as they are
// where udev is disabled; but each is done at once, and not when libdevmapper
// would have waited for udev.
// Threading: none.
#ifndef DMDAX_TOOLS_DMSETUP_MAPPER_NODES_H_
#define DMDAX_TOOLS_DMSETUP_MAPPER_NODES_H_

#include <cstdint>
#include <optional>
#include <string>

#include "absl/strings/string_view.h"
#include "block/machine.h"

namespace dmdax {

// Where libdevmapper has its nodes.
inline constexpr char kMapperDir[] = "/dev/mapper";

// Sectors of read-ahead to set; kAuto leaves it to the kernel.
struct NodeReadAhead {
  static constexpr uint32_t kAuto = UINT32_MAX;
  uint32_t sectors = kAuto;
  bool minimum = false;  // DM_READ_AHEAD_MINIMUM_FLAG: or more
};

class MapperNodes {
 public:
  // `err` gets a line for what fails.
  MapperNodes(Machine& machine, std::string& err)
      : machine_(machine), err_(err) {}

  // Names are as the kernel has them.
  void Add(absl::string_view name, DevT dev);
  void Remove(absl::string_view name);
  void Rename(absl::string_view old_name, absl::string_view new_name);

  // get_dev_node_read_ahead(): sectors, nothing after saying why not.
  std::optional<uint32_t> ReadAhead(absl::string_view name, DevT dev);
  void SetReadAhead(absl::string_view name, DevT dev, NodeReadAhead value);

 private:
  void Say(absl::string_view text);
  bool IsOther(const std::string& path) const;
  BlockDevice* FindDisk(absl::string_view name, DevT dev);

  Machine& machine_;
  std::string& err_;
};

}  // namespace dmdax

#endif  // DMDAX_TOOLS_DMSETUP_MAPPER_NODES_H_
