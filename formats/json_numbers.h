// SPDX-License-Identifier: Apache-2.0
//
// JsonNumbers: Protobuf's JSON has every 64-bit number in a string; ours only
// those that JavaScript would round, as all JSON of dmdax has them.
//
//   proto::Pmem pmem;
//   pmem.set_base(uint64_t{4} << 30);
//   std::string json = R"({"base": "4294967296"})";  // as Protobuf prints it
//   json = JsonNumbers(json, *pmem.GetDescriptor());  // {"base": 4294967296}
//
// Every reader of Protobuf's JSON takes both.
// Threading: pure function.
#ifndef DMDAX_FORMATS_JSON_NUMBERS_H_
#define DMDAX_FORMATS_JSON_NUMBERS_H_

#include <google/protobuf/descriptor.h>

#include <string>

#include "absl/strings/string_view.h"

namespace dmdax {

// `json` is what MessageToJsonString() printed of a message of this type, with
// the fields' own names.  One pass, without a tree: a World may be large.
std::string JsonNumbers(absl::string_view json,
                        const google::protobuf::Descriptor& type);

}  // namespace dmdax

#endif  // DMDAX_FORMATS_JSON_NUMBERS_H_
