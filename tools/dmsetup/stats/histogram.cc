// SPDX-License-Identifier: Apache-2.0
#include "tools/dmsetup/stats/histogram.h"

#include <algorithm>
#include <cmath>
#include <cstdlib>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "absl/strings/string_view.h"
#include "tools/dmsetup/stats/dm_malloc.h"

namespace dmdax {
namespace {

// Nanoseconds of the unit that `c` begins with, which it is moved behind; 0
// if it begins with none.
uint64_t TakeUnit(const char*& c) {
  if (*c == 's') {
    ++c;
    return kNsecPerSec;
  }
  if (*c == '\0' || c[1] != 's') return 0;
  const uint64_t unit = *c == 'm'   ? kNsecPerMsec
                        : *c == 'u' ? kNsecPerUsec
                        : *c == 'n' ? 1
                                    : 0;
  if (unit != 0) c += 2;
  return unit;
}

// "10ms": the largest unit that leaves a whole number.
std::string WithSuffix(uint64_t ns) {
  if (ns % kNsecPerSec == 0) return absl::StrCat(ns / kNsecPerSec, "s");
  if (ns % kNsecPerMsec == 0) return absl::StrCat(ns / kNsecPerMsec, "ms");
  if (ns % kNsecPerUsec == 0) return absl::StrCat(ns / kNsecPerUsec, "us");
  return absl::StrCat(ns, "ns");
}

std::string BoundsText(uint64_t lower, uint64_t upper, HistogramStyle style,
                       int width) {
  const auto text = [&](uint64_t ns) {
    return style.suffix ? WithSuffix(ns) : absl::StrCat(ns);
  };
  const char* const sep = style.values != HistogramStyle::kNone ? ":" : "";
  if (style.bounds == HistogramStyle::kRange && upper != UINT64_MAX) {
    return absl::StrCat(text(lower), "-", text(upper), sep);
  }
  const std::string bound = absl::StrCat(
      style.bounds == HistogramStyle::kRange ? ">" : "", text(lower));
  return absl::StrFormat("%*s%s", width, bound, sep);
}

}  // namespace

uint64_t DmHistogram::sum() const {
  uint64_t sum = 0;
  for (const Bin& bin : bins) sum += bin.count;
  return sum;
}

bool DmHistogram::SameBounds(const DmHistogram& other) const {
  return std::equal(
      bins.begin(), bins.end(), other.bins.begin(), other.bins.end(),
      [](const Bin& a, const Bin& b) { return a.upper == b.upper; });
}

std::optional<DmHistogram> HistogramBoundsFromString(const std::string& text,
                                                     LibdmLog& log) {
  constexpr absl::string_view kValid = "0123456789,muns";
  DmHistogram histogram;
  // One for each comma: where two follow each other, the last stays 0.
  histogram.bins.resize(
      static_cast<size_t>(std::count(text.begin(), text.end(), ',')) + 1);
  const auto bad_character = [&](char c) {
    log.Backtrace();
    log.Error(absl::StrCat("Invalid character in histogram: ",
                           absl::string_view(&c, 1)));
    return std::nullopt;
  };
  uint64_t unit = 1;
  size_t next = 0;
  const char* c = text.c_str();
  do {
    if (*c == '\0' || kValid.find(*c) == kValid.npos) return bad_character(*c);
    if (*c == ',') {
      log.Error(absl::StrCat("Empty histogram bin not allowed: ", text));
      return std::nullopt;
    }
    char* end = nullptr;
    const uint64_t value = strtoull(c, &end, 10);
    c = end;
    if (const uint64_t given = TakeUnit(c)) {
      unit = given;
    } else if (*c == ',') {
      ++c;
    } else if (*c != '\0') {
      return bad_character(*c);
    }
    if (*c == ',') ++c;
    if (next < histogram.bins.size()) {
      histogram.bins[next++].upper = value * unit;
    }
  } while (*c != '\0');
  return histogram;
}

std::optional<std::string> BuildHistogramArg(const DmHistogram& bounds,
                                             bool& precise, LibdmLog& log) {
  const auto& bins = bounds.bins;
  for (size_t i = 0; i < bins.size(); ++i) {
    if (i > 0 && bins[i].upper < bins[i - 1].upper) {
      log.Error(
          "Histogram boundaries must be in order of increasing magnitude.");
      return std::nullopt;
    }
    if (bins[i].upper % kNsecPerMsec != 0) precise = true;
  }
  const uint64_t scale = precise ? 1 : kNsecPerMsec;
  // The logarithm of a bound of 0 makes this more than there is.
  uint64_t len = 1;
  for (const DmHistogram::Bin& bin : bins) {
    const double value = static_cast<double>(bin.upper);
    len += 1 + static_cast<uint64_t>(
                   std::lround(std::log10(value / static_cast<double>(scale))));
  }
  len += std::max<uint64_t>(1, bins.size() - 1);  // commas
  if (!DmMallocAllows(len, log)) {
    log.Error("Could not allocate memory for histogram argument.");
    return std::nullopt;
  }
  return absl::StrJoin(bins, ",",
                       [&](std::string* out, const DmHistogram::Bin& bin) {
                         absl::StrAppend(out, bin.upper / scale);
                       });
}

std::string HistogramToString(const DmHistogram& histogram,
                              HistogramStyle style) {
  constexpr int kValueWidth = 6, kBoundWidth = 6, kBoundWidthNoSuffix = 10;
  const bool values = style.values != HistogramStyle::kNone;
  const int column = values && style.aligned ? kValueWidth : 0;
  const double total = static_cast<double>(histogram.sum());
  std::string text;
  for (size_t i = 0; i < histogram.bins.size(); ++i) {
    int width = column;
    const char* sep = values && column == 0 ? ":" : "";
    if (style.bounds != HistogramStyle::kNoBounds) {
      const int bound_width = column == 0    ? 0
                              : style.suffix ? kBoundWidth
                                             : kBoundWidthNoSuffix;
      const std::string bound = BoundsText(
          histogram.lower(i), histogram.bins[i].upper, style, bound_width);
      absl::StrAppend(&text, bound);
      sep = column != 0 || !values ? "," : ":";
      // A bound that is too wide takes from the value's column.
      width = std::max(
          0, column - (static_cast<int>(bound.size()) - (bound_width + 1)));
      if (column == 0) width = 0;
    }
    if (i + 1 == histogram.bins.size()) sep = "";
    const uint64_t count = histogram.bins[i].count;
    switch (style.values) {
      case HistogramStyle::kNone:
        break;
      case HistogramStyle::kCounts:
        absl::StrAppendFormat(&text, "%*d", width, count);
        break;
      case HistogramStyle::kPercent:
        absl::StrAppendFormat(
            &text, "%*.2f%%", width,
            count == 0 ? 0. : 100. * static_cast<double>(count) / total);
        break;
    }
    absl::StrAppend(&text, sep);
  }
  return text;
}

}  // namespace dmdax
