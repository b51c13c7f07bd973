// SPDX-License-Identifier: Apache-2.0
#include "run/nbdkit/device.h"

#include <fcntl.h>
#include <linux/fs.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <climits>
#include <cstdio>

#include "run/node.h"

namespace dmdax::nbd {
namespace {

// The node that a path leads to.  Of a link, a path from the top is one of the
// machine's, or is in the tree already.
run::Node NodeAt(const std::string& tree, std::string path) {
  for (int links = 0; links < 40; ++links) {
    const std::string real = tree + path;
    struct stat st;
    if (lstat(real.c_str(), &st) != 0) return {};
    if (S_ISBLK(st.st_mode)) {
      // nbdkit runs on a machine itself, whose door has looked already.
      return {DMDAX_KIND_BLOCK,
              DMDAX_DEV(major(st.st_rdev), minor(st.st_rdev))};
    }
    if (!S_ISLNK(st.st_mode)) return run::NodeOf(st);
    char to[PATH_MAX];
    const ssize_t n = readlink(real.c_str(), to, sizeof(to));
    if (n <= 0) return {};
    const std::string target(to, static_cast<size_t>(n));
    if (target[0] != '/') {
      path = path.substr(0, path.rfind('/') + 1) + target;
    } else {
      path = target.rfind(tree + "/", 0) == 0 ? target.substr(tree.size())
                                              : target;
    }
  }
  return {};
}

run::Node Find(const std::string& tree, const std::string& name) {
  unsigned major, minor;
  int end = 0;
  if (sscanf(name.c_str(), "%u:%u%n", &major, &minor, &end) == 2 &&
      static_cast<size_t>(end) == name.size()) {
    return {DMDAX_KIND_BLOCK, DMDAX_DEV(major, minor)};
  }
  if (name[0] == '/') return NodeAt(tree, name);
  const run::Node mapped = NodeAt(tree, "/dev/mapper/" + name);
  return mapped ? mapped : NodeAt(tree, "/dev/" + name);
}

}  // namespace

Device::~Device() {
  if (end_ >= 0) close(end_);
}

int Device::Open(const std::string& name, int flags) {
  const run::Node node = Find(machine_.tree(), name);
  if (node.kind != DMDAX_KIND_BLOCK) return ENXIO;
  dev_ = node.dev;
  dmdax_message open = {};
  open.op = DMDAX_OP_OPEN;
  open.flags = static_cast<uint32_t>(flags | O_DIRECT);
  open.arg[0] = DMDAX_KIND_BLOCK;
  open.arg[1] = dev_;
  const int error = machine_.Call(&open, Bytes{.out_fd = &end_});
  handle_ = open.handle;
  return error;
}

int Device::Read(uint64_t offset, size_t size, void* to) {
  for (size_t done = 0; done < size;) {
    dmdax_message read = {};
    read.op = DMDAX_OP_READ;
    read.handle = handle_;
    read.arg[0] = offset + done;
    read.arg[1] = std::min<size_t>(size - done, DMDAX_MAX_IO);
    Bytes bytes = {.out = static_cast<char*>(to) + done,
                   .out_size = read.arg[1]};
    if (const int error = machine_.Call(&read, &bytes)) return error;
    // Since the client has been told its size, it has shrunk.
    if (bytes.out_size == 0) return EIO;
    done += bytes.out_size;
  }
  return 0;
}

int Device::Write(uint64_t offset, size_t size, const void* from) {
  for (size_t done = 0; done < size;) {
    dmdax_message write = {};
    write.op = DMDAX_OP_WRITE;
    write.handle = handle_;
    write.arg[0] = offset + done;
    const size_t piece = std::min<size_t>(size - done, DMDAX_MAX_IO);
    const Bytes bytes = {.in = static_cast<const char*>(from) + done,
                         .in_size = piece};
    write.arg[1] = piece;
    if (const int error = machine_.Call(&write, bytes)) return error;
    if (write.arg[0] == 0) return ENOSPC;
    done += write.arg[0];
  }
  return 0;
}

int Device::Sync() {
  dmdax_message sync = {};
  sync.op = DMDAX_OP_SYNC;
  sync.handle = handle_;
  return machine_.Call(&sync);
}

int Device::OfRange(uint32_t command, uint64_t offset, uint64_t size) {
  const uint64_t range[2] = {offset, size};
  return Ioctl(command, range, sizeof(range), nullptr, 0);
}

int Device::Ioctl(uint32_t command, const void* in, size_t in_size, void* out,
                  size_t out_size) {
  dmdax_message ioctl = {};
  ioctl.op = DMDAX_OP_IOCTL;
  ioctl.handle = handle_;
  ioctl.arg[0] = command;
  // The address of an argument that is there.
  ioctl.arg[1] = 1;
  return machine_.Call(
      &ioctl,
      Bytes{.in = in, .in_size = in_size, .out = out, .out_size = out_size});
}

uint64_t Device::Limit(const char* name) const {
  char path[PATH_MAX];
  // A partition has its disk's.
  for (const char* const where : {"queue", "../queue"}) {
    snprintf(path, sizeof(path), "%s/sys/dev/block/%u:%u/%s/%s",
             machine_.tree().c_str(), DMDAX_MAJOR(dev_), DMDAX_MINOR(dev_),
             where, name);
    FILE* const file = fopen(path, "re");
    if (file == nullptr) continue;
    unsigned long long number = 0;
    if (fscanf(file, "%llu", &number) != 1) number = 0;
    fclose(file);
    return number;
  }
  return 0;
}

}  // namespace dmdax::nbd
