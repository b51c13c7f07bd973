// SPDX-License-Identifier: Apache-2.0
//
// DaxUser, DaxStackChange: which devices have compiled what lies below them,
// and must do so again when it changes.
//
// A mapped device compiles its whole stack into one map.  It therefore names
// the DaxDevices it uses, and whoever changes one of them does so within a
// DaxStackChange:
//
//   {
//     DaxStackChange change(dev);   // all maps above dev are dropped
//     // swap the table, mark bad blocks, kill the device
//   }                               // and built again, from below upwards
//
// Promise: a query that begins after the change has ended sees it, on every
// device above.  A query that runs meanwhile walks the chain and sees what it
// would see in the kernel.  Changes nest, and are serialised process-wide.
//
// The kernel needs none of this: its readers follow live pointers.
// Threading: thread-safe.  Make no change inside a read section of an Srcu: a
// change waits for readers.
#ifndef DMDAX_DAX_DAX_USERS_H_
#define DMDAX_DAX_DAX_USERS_H_

#include <vector>

#include "absl/container/inlined_vector.h"

namespace dmdax {

class DaxDevice;

// A device that compiled its stack.
class DaxUser {
 public:
  virtual ~DaxUser() = default;
  // Where it offers what it compiled.
  virtual DaxDevice& dax_dev() = 0;
  // Stops offering a compiled map.  Returns when no reader has it any more.
  virtual void DropCompiled() = 0;
  // Compiles again, and names with SetDaxUses() what it found below.
  virtual void Compile() = 0;
};

// Names the devices from which `user` is compiled, in place of those named
// before.  Empty: it uses nothing and may be destroyed.
void SetDaxUses(DaxUser& user, std::vector<const DaxDevice*> below);

class DaxStackChange {
 public:
  // `self`, if given, is dropped and compiled too.
  explicit DaxStackChange(const DaxDevice& dev, DaxUser* self = nullptr);
  ~DaxStackChange();
  DaxStackChange(const DaxStackChange&) = delete;
  DaxStackChange& operator=(const DaxStackChange&) = delete;

 private:
  // All users above `dev` (or `self` and those above it) into affected_.
  void Affect(const DaxDevice& dev, DaxUser* self);

  DaxStackChange* const outer_;
  // Users that are affected, each before those that it uses.
  absl::InlinedVector<DaxUser*, 2> affected_;
};

}  // namespace dmdax

#endif  // DMDAX_DAX_DAX_USERS_H_
