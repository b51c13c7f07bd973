// SPDX-License-Identifier: Apache-2.0
//
// StackDepth: how many mapped devices, one upon the other, are being walked.
//
//   StackDepth depth;   // one level more, until it goes
//   StackDepth::now();  // 1
//   depth.too_deep();   // false
//   StackDepth::walked();  // all levels that this thread ever walked
//
// Until 6.5 a load accepts a device that is stacked on itself.  There the
// kernel recurses until its stack of 16 KiB is gone; we stop and say ELOOP.
// No real stack comes near the limit.
// Mirrors nothing.  Threading: a count for each thread.
#ifndef DMDAX_DM_STACK_DEPTH_H_
#define DMDAX_DM_STACK_DEPTH_H_

#include <cstdint>

namespace dmdax {

class StackDepth {
 public:
  static constexpr int kMax = 256;

  StackDepth() {
    ++depth_;
    ++walked_;
  }
  ~StackDepth() { --depth_; }
  StackDepth(const StackDepth&) = delete;
  StackDepth& operator=(const StackDepth&) = delete;

  bool too_deep() const { return depth_ > kMax; }
  // How many levels this thread is walking already.
  static int now() { return depth_; }
  // How many it has walked since it began: what its walks have cost.
  static uint64_t walked() { return walked_; }

  // Until it goes, what is asked within a walk is not a part of it.
  class Aside {
   public:
    Aside() : before_(depth_) { depth_ = 0; }
    ~Aside() { depth_ = before_; }
    Aside(const Aside&) = delete;
    Aside& operator=(const Aside&) = delete;

   private:
    const int before_;
  };

 private:
  inline static thread_local constinit int depth_ = 0;
  inline static thread_local constinit uint64_t walked_ = 0;
};

}  // namespace dmdax

#endif  // DMDAX_DM_STACK_DEPTH_H_
