// SPDX-License-Identifier: Apache-2.0
//
// ScratchTree: /dev, /sys and /proc of the machine as a real directory tree
// (docs/protocol.md, "Names are files"), in a directory of our own.
//
//   absl::StatusOr<std::unique_ptr<ScratchTree>> tree = ScratchTree::Make();
//   (*tree)->Sync(session);             // after each change of the machine:
//                                       // costs what has changed
//   (*tree)->path();                    // "/tmp/dmdax-Yz3fQa/tree"
//   (*tree)->NodeAt("/dev/mapper/home"); // what a client has made there
//
// The directory goes with the object; of one whose process was killed, the next
// that is made removes the rest, which it knows by its lock.
//
// Errors: the errno of the system call, with the path; EMFILE if the process
// may not have as many open files as it needs.
// Threading: thread-compatible; clients read while it is being written.
#ifndef DMDAX_SERVER_SCRATCH_TREE_H_
#define DMDAX_SERVER_SCRATCH_TREE_H_

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "base/dev_t.h"
#include "base/fd.h"
#include "server/disk_facts.h"
#include "server/tree_entry.h"
#include "state/session.h"

namespace dmdax {

class ScratchTree {
 public:
  static absl::StatusOr<std::unique_ptr<ScratchTree>> Make();
  ~ScratchTree();
  ScratchTree(const ScratchTree&) = delete;
  ScratchTree& operator=(const ScratchTree&) = delete;

  const std::string& path() const { return tree_; }
  // Where the tree lies, and room for a socket beside it.
  const std::string& directory() const { return top_; }

  absl::Status Sync(const Session& session);

  // The nodes of the machine as they were synced, and those of one device.
  const std::map<std::string, DevT>& nodes() const { return nodes_; }
  const std::set<std::string>& NodesOf(DevT dev) const;

  // The block device node at a path of the machine, links followed.
  std::optional<DevT> NodeAt(const std::string& path) const;
  // The same of a path that is the host's, where a client may have made one:
  // HostNodes.
  static absl::StatusOr<DevT> HostNode(const std::string& path);

 private:
  ScratchTree(std::string top, Fd lock)
      : top_(std::move(top)), tree_(top_ + "/tree"), lock_(std::move(lock)) {}
  absl::Status MakeSkeleton();
  absl::Status Put(const TreeEntry& entry);
  void Remove(const std::vector<TreeEntry>& entries);
  absl::Status MakeNode(const std::string& path, int kind, DevT dev);
  static absl::Status MakeDirs(const std::string& path);

  // --- scratch_sync.cc ---
  // Of a disk and of one that holds it: their names.
  using Links = std::set<std::pair<std::string, std::string>>;
  void Forget();
  absl::Status SyncProc(const Session& session);
  absl::Status SyncDisks(const Session& session, const std::set<DevT>& devices);
  Links MoveLinks(const Session& session, const std::vector<DiskFacts>& gone,
                  const std::vector<DiskFacts>& fresh);
  absl::Status PutLinks(const Session& session,
                        const std::vector<DiskFacts>& gone,
                        const std::vector<DiskFacts>& fresh,
                        const Links& added);
  absl::Status Replace(const std::vector<DiskFacts>& gone,
                       const std::vector<DiskFacts>& fresh);
  absl::Status SyncPartitions(const std::vector<DiskFacts>& gone,
                              const std::vector<DiskFacts>& fresh);
  size_t LastLines(const std::map<DevT, std::string>& lines) const;
  absl::Status WritePartitions();
  absl::Status SyncNodes(const Session& session,
                         const std::set<std::string>& paths);
  absl::Status PutLink(const std::string& path, const std::string& to);
  // Of a disk that is in the tree, or null.
  const DiskFacts* FindFacts(const Session& session,
                             const std::string& name) const;
  std::string Full(const std::string& path) const { return tree_ + "/" + path; }

  const std::string top_, tree_;
  const Fd lock_;
  bool is_filled_ = false;  // with all of the machine
  uint32_t dm_major_ = 0;
  std::string release_;
  std::map<DevT, DiskFacts> devices_;
  std::map<std::string, std::set<std::string>> holders_;  // of a disk, by name
  // The lines of /proc/partitions, and the file as far as it is written.
  std::map<DevT, std::string> partitions_;
  Fd partitions_file_;
  size_t partitions_size_ = 0;
  std::map<std::string, DevT> nodes_;
  // nodes_ the other way round.
  std::map<DevT, std::set<std::string>> paths_of_;
};

}  // namespace dmdax

#endif  // DMDAX_SERVER_SCRATCH_TREE_H_
