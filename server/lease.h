// SPDX-License-Identifier: Apache-2.0
//
// Leases: runs of devices that clients read and write themselves, in the file
// that has the bytes, until the machine needs them back.
//
//   Leases leases;
//   leases.Give();      // a client knows the generation now
//   leases.Revoke();    // whoever was reading or writing has ended
//
// A client may use what it was given while the page that it shares with the
// server has the generation of that moment: it says in the page that it
// begins, looks at the generation and whether the server is there, moves the
// bytes, and says that it has ended (server/protocol.h, dmdax_lease_page).
//
// As a suspend does, Revoke() waits for what is under way; for one that is
// stopped in the middle no longer than a second.
// Threading: thread-compatible; the page is for any process.
#ifndef DMDAX_SERVER_LEASE_H_
#define DMDAX_SERVER_LEASE_H_

#include <cstdint>

#include "base/fd.h"
#include "server/protocol.h"

namespace dmdax {

class Leases {
 public:
  Leases() = default;
  ~Leases();
  Leases(const Leases&) = delete;
  Leases& operator=(const Leases&) = delete;

  // The page, for a client to map; none: there is none, and no leases.
  Fd Page();

  // The generation of a lease that is given now; 0: there are none.
  uint64_t Give();
  void Revoke();

 private:
  bool Make();

  Fd fd_;
  dmdax_lease_page* page_ = nullptr;
  bool given_ = false;
};

}  // namespace dmdax

#endif  // DMDAX_SERVER_LEASE_H_
