// SPDX-License-Identifier: Apache-2.0
#include "tools/machine_row.h"

#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <initializer_list>
#include <optional>
#include <string>

#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "base/errno_status.h"
#include "base/units.h"

namespace dmdax {
namespace {

using Json = nlohmann::ordered_json;

// As PrintJson() writes one.
std::optional<uint64_t> NumberOf(const Json& j) {
  if (j.is_number_unsigned()) return j.get<uint64_t>();
  if (!j.is_string()) return std::nullopt;
  const std::string text = j.get<std::string>();
  uint64_t number;
  if (text.empty() ||
      !std::all_of(text.begin(), text.end(), absl::ascii_isdigit) ||
      !absl::SimpleAtoi(text, &number)) {
    return std::nullopt;
  }
  return number;
}

// "pfn_target", "v6_1".
bool IsWord(absl::string_view text) {
  return !text.empty() && text.size() <= 64 &&
         std::all_of(text.begin(), text.end(), [](char c) {
           return absl::ascii_isalnum(static_cast<unsigned char>(c)) ||
                  c == '_' || c == '.' || c == '-';
         });
}

// What a key must be.
enum Kind { kText, kWord, kTexts, kNumber, kFlag, kObject, kObjects };
enum Presence { kNeeded, kMayLack };

const char* KindText(Kind kind) {
  switch (kind) {
    case kText:
      return "a string";
    case kWord:
      return "a word of letters, digits and _.-";
    case kTexts:
      return "an array of strings";
    case kNumber:
      return "a number of 0 to 2^64-1";
    case kFlag:
      return "true or false";
    case kObject:
      return "an object";
    case kObjects:
      return "an array of objects";
  }
  return "";
}

bool Is(const Json& j, Kind kind) {
  switch (kind) {
    case kText:
      return j.is_string();
    case kWord:
      return j.is_string() && IsWord(j.get_ref<const std::string&>());
    case kTexts:
      return j.is_array() && std::all_of(j.begin(), j.end(), [](const Json& s) {
               return s.is_string();
             });
    case kNumber:
      return NumberOf(j).has_value();
    case kFlag:
      return j.is_boolean();
    case kObject:
      return j.is_object();
    case kObjects:
      return j.is_array() && std::all_of(j.begin(), j.end(), [](const Json& o) {
               return o.is_object();
             });
  }
  return false;
}

struct Key {
  const char* name;
  Kind kind;
  Presence presence = kNeeded;
};

class RowChecker {
 public:
  absl::Status Run(const Json& row) {
    Row(row);
    return status_;
  }

 private:
  void Wrong(const std::string& what) {
    if (status_.ok()) status_ = ErrnoError(EINVAL, what);
  }

  // False: some key of `j`, which is at `at`, is wrong.
  bool Keys(const Json& j, const std::string& at,
            std::initializer_list<Key> keys) {
    for (const Key& key : keys) {
      const auto found = j.find(key.name);
      if (found == j.end()) {
        if (key.presence == kMayLack) continue;
        Wrong(absl::StrCat(at, key.name, " is missing"));
      } else if (!Is(*found, key.kind)) {
        constexpr size_t kShown = 40;
        Wrong(absl::StrCat(
            at, key.name, " is ",
            found->dump(-1, ' ', false, Json::error_handler_t::replace)
                .substr(0, kShown),
            ": not ", KindText(key.kind)));
      }
    }
    return status_.ok();
  }

  // Each object of an array.
  template <typename Fn>
  void Each(const Json& j, const char* key, const std::string& at, Fn fn) {
    const auto found = j.find(key);
    if (found == j.end()) return;
    for (size_t i = 0; i < found->size() && status_.ok(); ++i) {
      fn((*found)[i], absl::StrCat(at, key, "[", i, "]."));
    }
  }

  void Shares(const Json& of, const char* key, const std::string& at) {
    const auto found = of.find(key);
    if (found == of.end()) return;
    const std::string below = absl::StrCat(at, key, ".");
    if (!Keys(*found, below,
              {{"total", kNumber},
               {"pud", kNumber},
               {"pmd", kNumber},
               {"pte", kNumber},
               {"hole", kNumber},
               {"signal", kNumber},
               {"tail", kNumber}})) {
      return;
    }
    uint64_t sum = 0;
    for (const char* part : {"pud", "pmd", "pte", "hole", "signal", "tail"}) {
      sum = CheckedAdd(sum, *NumberOf((*found)[part])).value_or(UINT64_MAX);
    }
    const uint64_t total = *NumberOf((*found)["total"]);
    if (sum <= total) return;
    Wrong(absl::StrCat(below, "total is ", total, ", of which the parts are ",
                       sum));
  }

  // `after`: of a cure that was tried.
  void Cure(const Json& cure, const std::string& at, Presence after) {
    if (!Keys(
            cure, at,
            {{"commands", kTexts},
             {"remark", kText, kMayLack},
             {"tried", kFlag},
             {"untried", kText, kMayLack},
             {"after", kObject,
              cure.value("tried", Json()) == Json(true) ? after : kMayLack}})) {
      return;
    }
    Shares(cure, "after", at);
  }

  void Plan(const Json& plan, const std::string& at) {
    Keys(plan, at,
         {{"commands", kTexts},
          {"goes", kTexts},
          {"remark", kText, kMayLack},
          {"afresh", kText, kMayLack},
          {"joint", kTexts, kMayLack}});
  }

  void Obstacle(const Json& o, const std::string& at, Presence after) {
    if (!Keys(o, at,
              {{"name", kWord},
               {"text", kText},
               {"level", kText, kMayLack},
               {"device", kText, kMayLack},
               {"rows", kNumber},
               {"bytes", kNumber},
               {"down", kObjects, kMayLack},
               {"cure", kObject, kMayLack}})) {
      return;
    }
    Each(o, "down", at, [this](const Json& down, const std::string& below) {
      Keys(down, below, {{"device", kText}, {"why", kText}});
    });
    if (o.contains("cure")) Cure(o["cure"], absl::StrCat(at, "cure."), after);
  }

  void Kernel(const Json& kernel, const std::string& at) {
    const bool refused = kernel.contains("refused");
    const bool not_known = kernel.contains("not_known");
    const Presence asked = refused || not_known ? kMayLack : kNeeded;
    if (!Keys(kernel, at,
              {{"kernel", kWord},
               {"refused", kText, kMayLack},
               {"not_known", kTexts, kMayLack},
               {"either_way", kTexts, kMayLack},
               {"holds", kFlag},
               {"dax", kFlag, asked},
               {"map_sync", kFlag, asked},
               {"bytes", kObject, asked},
               {"obstacles", kObjects, asked},
               {"plan", kObject, kMayLack},
               {"cured", kObject, asked},
               {"cured_holds", kFlag, asked},
               {"cured_not_known", kTexts, kMayLack}})) {
      return;
    }
    const bool holds = kernel["holds"];
    if (refused && holds) Wrong(absl::StrCat(at, "holds, and is refused"));
    if (not_known && holds) Wrong(absl::StrCat(at, "holds, and is not known"));
    ++kernels_;
    holds_ &= holds;
    failing_ += !holds && !not_known ? 1 : 0;
    Shares(kernel, "bytes", at);
    Shares(kernel, "cured", at);
    if (kernel.contains("plan"))
      Plan(kernel["plan"], absl::StrCat(at, "plan."));
    // Nobody knows what a cure comes to that ends in what is not known.
    const Presence after =
        kernel.contains("cured_not_known") ? kMayLack : kNeeded;
    Each(kernel, "obstacles", at, [&](const Json& o, const std::string& below) {
      Obstacle(o, below, after);
    });
  }

  void Row(const Json& row) {
    if (!Keys(row, "", {{"machine", kText}, {"verdict", kWord}})) return;
    const std::string verdict = row["verdict"];
    const bool error = verdict == "error";
    if (!Keys(row, "",
              {{"error", kText, error ? kNeeded : kMayLack},
               {"notes", kTexts, kMayLack},
               {"without_pmem", kTexts, kMayLack},
               {"between", kObject, kMayLack},
               {"subjects", kObjects, error ? kMayLack : kNeeded}})) {
      return;
    }
    const bool between = row.contains("between");
    if (between && !Keys(row["between"], "between.",
                         {{"release", kText}, {"kernels", kTexts}})) {
      return;
    }
    Each(row, "subjects", "", [&](const Json& s, const std::string& at) {
      if (!Keys(s, at,
                {{"name", kText},
                 {"mount", kText, kMayLack},
                 {"files_seen", kFlag, kMayLack},
                 {"held_by", kTexts, kMayLack},
                 {"not_known", kTexts, kMayLack},
                 {"kernels", kObjects}})) {
        return;
      }
      if (s["kernels"].empty()) Wrong(absl::StrCat(at, "kernels has none"));
      kernels_ = failing_ = 0;
      Each(s, "kernels", at, [this](const Json& k, const std::string& below) {
        Kernel(k, below);
      });
      fails_ |= between ? failing_ == kernels_ : failing_ != 0;
    });
    if (!status_.ok()) return;
    const bool none = !row.contains("subjects") || row["subjects"].empty();
    const char* follows = row.contains("error") ? "error"
                          : none                ? "nothing"
                          : holds_              ? "yes"
                          : fails_              ? "no"
                                                : "unknown";
    if (verdict != follows) {
      Wrong(absl::StrCat("verdict is \"", verdict, "\": by the rest it is \"",
                         follows, "\""));
    }
  }

  absl::Status status_;
  bool holds_ = true;   // all subjects, on all kernels
  bool fails_ = false;  // some, and that is certain
  // Of one subject: kernels, and those on which it is certain.
  size_t kernels_ = 0, failing_ = 0;
};

}  // namespace

absl::Status CheckMachineRow(const Json& row) {
  if (!row.is_object()) return ErrnoError(EINVAL, "it is no object");
  return RowChecker().Run(row);
}

}  // namespace dmdax
