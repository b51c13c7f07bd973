// SPDX-License-Identifier: Apache-2.0
//
// A session made from a World file: textproto, JSON or binary, by content; or
// from anything that `dmdax import` takes, a sosreport for instance, with its
// notes on standard error.
// A file without any content is refused (ENODATA): every format has an empty
// World of no bytes, and nobody means that one.
#ifndef DMDAX_TOOLS_WORLD_FILE_H_
#define DMDAX_TOOLS_WORLD_FILE_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "formats/world_format.h"
#include "state/session.h"

namespace dmdax {

// The World itself, not loaded.  Notes of an import go to `notes`, if it is
// given, without its guesses, which are in the World.  That its kernel is only
// the nearest is not among them: who asks it says so (KernelOf()).
absl::StatusOr<ParsedWorld> ReadWorldFile(
    const std::string& path, const std::string& kernel = "",
    std::vector<std::string>* notes = nullptr);

// `path` may be "-".  `kernel`, unless empty, replaces the world's profile.
// Errors are those of ReadInput(), ParseWorld() and LoadWorld(), or those of
// Importer, and begin with
// "<path>:<line>:<column>: " where that is known.
absl::StatusOr<Session> SessionFromWorldFile(const std::string& path,
                                             const std::string& kernel);

}  // namespace dmdax

#endif  // DMDAX_TOOLS_WORLD_FILE_H_
