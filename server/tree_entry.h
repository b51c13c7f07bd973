// SPDX-License-Identifier: Apache-2.0
//
// TreeEntry: a file of the scratch tree (docs/protocol.md, "Names are files").
#ifndef DMDAX_SERVER_TREE_ENTRY_H_
#define DMDAX_SERVER_TREE_ENTRY_H_

#include <string>

namespace dmdax {

struct TreeEntry {
  enum Kind { kDirectory, kText, kLink };
  std::string path;  // from the top of the tree, without a leading slash
  Kind kind = kDirectory;
  std::string text;  // of a file, or where a link leads
  bool writable = false;
};

}  // namespace dmdax

#endif  // DMDAX_SERVER_TREE_ENTRY_H_
