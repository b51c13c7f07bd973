// SPDX-License-Identifier: Apache-2.0
#include "state/target_spec.h"

#include <string>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "dm/dm_split_args.h"

namespace dmdax {
namespace {

// Parameters beyond this stay as they are: splitting them would cost memory
// many times their size.  It is 16 times the longest row seen in practice.
constexpr size_t kMaxTypedParams = 1 << 20;

bool TypedLinear(const std::vector<std::string>& argv, proto::Linear* linear) {
  uint64_t start;
  if (argv.size() != 2 || !absl::SimpleAtoi(argv[1], &start)) return false;
  linear->set_device(argv[0]);
  linear->set_start(start);
  return true;
}

bool TypedStriped(const std::vector<std::string>& argv,
                  proto::Striped* striped) {
  uint32_t chunk;
  if (argv.size() < 2 || argv.size() % 2 != 0 ||
      !absl::SimpleAtoi(argv[1], &chunk)) {
    return false;
  }
  striped->set_chunk(chunk);
  for (size_t i = 2; i < argv.size(); i += 2) {
    if (!TypedLinear({argv[i], argv[i + 1]}, striped->add_stripe())) {
      return false;
    }
  }
  return true;
}

// Fills the typed form of `type`, if it has one and the words may fit it;
// whether they do, printing it tells.
bool Typed(const std::string& type, const std::vector<std::string>& argv,
           proto::Target* target) {
  if (type == "linear") return TypedLinear(argv, target->mutable_linear());
  if (type == "striped") return TypedStriped(argv, target->mutable_striped());
  if (type == "zero") {
    target->mutable_zero();
    return true;
  }
  if (type == "error") {
    target->mutable_error();
    return true;
  }
  if (type == "log-writes" && argv.size() == 2) {
    target->mutable_log_writes()->set_device(argv[0]);
    target->mutable_log_writes()->set_log_device(argv[1]);
    return true;
  }
  return false;
}

std::string LinearParams(const proto::Linear& linear) {
  return absl::StrCat(DmEscapeArg(linear.device()), " ", linear.start());
}

std::string StripedParams(const proto::Striped& striped) {
  std::string params =
      absl::StrCat(striped.stripe_size(), " ", striped.chunk());
  for (const proto::Linear& leg : striped.stripe()) {
    absl::StrAppend(&params, " ", LinearParams(leg));
  }
  return params;
}

}  // namespace

proto::Target TargetFromSpec(const DmTargetSpec& spec) {
  proto::Target target;
  target.set_start(spec.sector_start.value());
  target.set_length(spec.length);
  if (spec.params.size() <= kMaxTypedParams) {
    const absl::StatusOr<std::vector<std::string>> argv =
        DmSplitArgs(spec.params);
    if (argv.ok() && Typed(spec.target_type, *argv, &target) &&
        SpecFromTarget(target).params == spec.params) {
      return target;
    }
  }
  target.clear_kind();
  target.mutable_raw()->set_type(spec.target_type);
  target.mutable_raw()->set_params(spec.params);
  return target;
}

DmTargetSpec SpecFromTarget(const proto::Target& target) {
  DmTargetSpec spec{sector_t(target.start()), target.length(), "", ""};
  switch (target.kind_case()) {
    case proto::Target::kLinear:
      spec.target_type = "linear";
      spec.params = LinearParams(target.linear());
      break;
    case proto::Target::kStriped:
      spec.target_type = "striped";
      spec.params = StripedParams(target.striped());
      break;
    case proto::Target::kZero:
      spec.target_type = "zero";
      break;
    case proto::Target::kError:
      spec.target_type = "error";
      break;
    case proto::Target::kLogWrites:
      spec.target_type = "log-writes";
      spec.params = absl::StrCat(DmEscapeArg(target.log_writes().device()), " ",
                                 DmEscapeArg(target.log_writes().log_device()));
      break;
    case proto::Target::kRaw:
      spec.target_type = target.raw().type();
      spec.params = target.raw().params();
      break;
    case proto::Target::KIND_NOT_SET:
      break;
  }
  return spec;
}

}  // namespace dmdax
