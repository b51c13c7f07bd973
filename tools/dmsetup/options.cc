// SPDX-License-Identifier: Apache-2.0
#include "tools/dmsetup/options.h"

#include <algorithm>
#include <cerrno>
#include <cstdlib>

#include "absl/strings/str_cat.h"
#include "tools/dmsetup/option_table.h"

namespace dmdax {

std::optional<uint32_t> CookieValue(const std::string& text, std::string* err) {
  char* end = nullptr;
  errno = 0;
  const unsigned long value = strtoul(text.c_str(), &end, 0);
  if (errno != 0 || value == 0 || *end != '\0' || value > UINT32_MAX) {
    absl::StrAppend(err, "Incorrect cookie value.\n");
    return std::nullopt;
  }
  return static_cast<uint32_t>(value);
}

bool CheckDmsetupOptions(const DmsetupOptions& o, std::string* err) {
  if (o.major.has_value() != o.minor.has_value()) {
    absl::StrAppend(err,
                    "Please specify both major number and minor number.\n");
    return false;
  }
  if (o.table && o.notable) {
    absl::StrAppend(err, "--table and --notable are incompatible.\n");
    return false;
  }
  if (o.report_format && *o.report_format != "basic" &&
      *o.report_format != "json" && *o.report_format != "json_std") {
    absl::StrAppend(err, "Unknown report format specified: ", *o.report_format,
                    ".\n");
    return false;
  }
  if (o.addnodeonresume && o.addnodeoncreate) {
    absl::StrAppend(
        err, "--addnodeonresume and --addnodeoncreate are incompatible.\n");
    return false;
  }
  return true;
}

bool ParseDmsetupOptions(absl::Span<const std::string> argv, DmsetupOptions& o,
                         std::string* err) {
  if (const char* mode = getenv("DM_DEFAULT_NAME_MANGLING_MODE")) {
    ParseMangling(mode, o.mangle);  // what it does not know is no error
  }
  std::vector<char*> raw;
  for (const std::string& word : argv) {
    raw.push_back(const_cast<char*>(word.c_str()));
  }
  raw.push_back(nullptr);
  optind = 0;  // glibc: start afresh
  opterr = 0;  // we print, so that the caller has it
  const int argc = static_cast<int>(argv.size());
  const std::vector<option> long_options = LongOptionsOf(argv[0]);
  while (true) {
    const int c = getopt_long(argc, raw.data(), kShortOptions,
                              long_options.data(), nullptr);
    if (c == -1) break;
    if (c == '?') {
      // getopt has permuted raw: find its word in there.
      std::vector<std::string> permuted(raw.begin(), raw.end() - 1);
      absl::StrAppend(err, GetoptComplaint(permuted, std::max(optind - 1, 1)));
      return false;
    }
    if (!ApplyOption(c, optarg, o, err)) return false;
  }
  if (optind < argc) o.command = raw[static_cast<size_t>(optind++)];
  for (int i = optind; i < argc; ++i) {
    o.args.push_back(raw[static_cast<size_t>(i)]);
  }
  return true;
}

}  // namespace dmdax
