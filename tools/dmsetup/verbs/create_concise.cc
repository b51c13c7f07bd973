// SPDX-License-Identifier: Apache-2.0
//
// create --concise: many devices in one string.
//
//   name,uuid,minor,flags,line[,line...][;name,...]
//
// Mirrors: _create_concise of dmsetup.c (1.02.185), its quirk included: an
// end is seen only after an ordinary character, not after a quoted one or a
// comma.
#include <cstdlib>
#include <iterator>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "tools/dmsetup/command.h"

namespace dmdax {
namespace {

// The fields of one device as far as they are read.
class Fields {
 public:
  enum { kName, kUuid, kMinor, kFlags, kTable, kCount };

  bool last() const { return count_ == kCount; }
  bool started() const { return count_ > 1 || !fields_[0].empty(); }
  void Add(char c) { fields_[count_ - 1].push_back(c); }
  void Next() { ++count_; }
  const std::string& operator[](size_t i) const { return fields_[i]; }

  // "Parsed 2 fields: name: x uuid: y minor: (null) ..."
  std::string Parsed() const {
    constexpr const char* kNames[] = {"name", "uuid", "minor", "flags",
                                      "table"};
    std::string text = absl::StrCat("Parsed ", count_, " fields:");
    for (size_t i = 0; i < kCount; ++i) {
      absl::StrAppend(&text, " ", kNames[i], ": ",
                      i < count_ ? fields_[i] : "(null)");
    }
    return text;
  }

 private:
  std::string fields_[kCount];
  size_t count_ = 1;
};

bool CreateFrom(DmsetupContext& ctx, const Fields& fields) {
  DmsetupOptions& o = ctx.options;
  const DmsetupOptions before = o;
  if (!fields[Fields::kUuid].empty()) o.uuid = fields[Fields::kUuid];
  if (!fields[Fields::kMinor].empty()) {
    o.minor = atoi(fields[Fields::kMinor].c_str());
  }
  const std::string& flags = fields[Fields::kFlags];
  if (flags == "ro") {
    o.readonly = true;
  } else if (!flags.empty() && flags != "rw") {
    return Say(ctx, absl::StrCat("Invalid flags parameter '", flags,
                                 "' must be 'ro' or 'rw' or empty."));
  }
  o.table = fields[Fields::kTable];
  const bool ok = CreateOneDevice(ctx, fields[Fields::kName], std::nullopt);
  o = before;
  // A read-only device leaves the ones after it writeable in any case.
  o.readonly = false;
  return ok;
}

}  // namespace

bool CreateConcise(DmsetupContext& ctx, const CommandCall& call) {
  const DmsetupOptions& o = ctx.options;
  if (o.table || o.minor || o.uuid || o.notable || o.inactive) {
    return Say(ctx,
               "--concise is incompatible with --[no]table, --minor, --uuid "
               "and --inactive.");
  }
  const std::string text = call.args.empty() ? ctx.input : call.args[0];
  Fields fields;
  const auto skip_space = [&](size_t& i) {
    while (i < text.size() &&
           absl::ascii_isspace(static_cast<unsigned char>(text[i]))) {
      ++i;
    }
  };
  for (size_t i = 0; i < text.size();) {
    const char c = text[i++];
    if (c == '\\') {
      if (i == text.size()) {
        return Say(ctx, absl::StrCat("Backslash must be followed by another "
                                     "character at end of string.\n",
                                     fields.Parsed()));
      }
      fields.Add(text[i++]);
    } else if (c == ',' && !fields.last()) {
      fields.Next();
      skip_space(i);
    } else if (c == ',') {
      fields.Add('\n');
    } else if (c == ';' || i == text.size()) {
      if (c != ';') fields.Add(c);
      if (!fields.last()) {
        return Say(ctx, absl::StrCat("Five comma-separated fields are required "
                                     "for each device\n",
                                     fields.Parsed()));
      }
      if (!CreateFrom(ctx, fields)) return false;
      fields = Fields();
      skip_space(i);
    } else {
      fields.Add(c);
    }
  }
  if (!fields.started()) return true;
  return Say(ctx, absl::StrCat("Incomplete entry: five comma-separated fields "
                               "are required for each device\n",
                               fields.Parsed()));
}

}  // namespace dmdax
