// SPDX-License-Identifier: Apache-2.0
#include "tests/conformance/child_output.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <array>
#include <iostream>

namespace dmdax::conformance {

ChildOutput::ChildOutput() {
  // What is printed already is not the child's.
  std::cout.flush();
  file_ = Fd(memfd_create("child output", MFD_CLOEXEC));
  saved_ = Fd(fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 0));
  if (file_.ok() && saved_.ok()) dup2(file_.get(), STDOUT_FILENO);
}

std::string ChildOutput::Take() {
  std::string text;
  if (!file_.ok() || !saved_.ok()) return text;
  dup2(saved_.get(), STDOUT_FILENO);
  std::array<char, 4096> bytes{};
  ssize_t got = 0;
  for (off_t at = 0;
       (got = pread(file_.get(), bytes.data(), bytes.size(), at)) > 0;
       at += got) {
    text.append(bytes.data(), static_cast<size_t>(got));
  }
  file_ = Fd();
  return text;
}

}  // namespace dmdax::conformance
