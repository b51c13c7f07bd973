// SPDX-License-Identifier: Apache-2.0
#include "tools/advise/wish.h"

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "tools/byte_count.h"

namespace dmdax {

std::string FsName(AdviseFs fs) {
  switch (fs) {
    case AdviseFs::kExt4:
      return "ext4";
    case AdviseFs::kXfs:
      return "xfs";
    case AdviseFs::kNone:
      return "none";
  }
  return "";
}

std::string PageName(AdvisePage page) {
  switch (page) {
    case AdvisePage::k4K:
      return "4k";
    case AdvisePage::k2M:
      return "2m";
    case AdvisePage::k1G:
      return "1g";
  }
  return "";
}

std::string PageText(AdvisePage page) {
  switch (page) {
    case AdvisePage::k4K:
      return "4 KiB pages";
    case AdvisePage::k2M:
      return "2 MiB pages";
    case AdvisePage::k1G:
      return "1 GiB pages";
  }
  return "";
}

std::string WishText(const AdviceWish& wish) {
  std::string text =
      wish.size == 0 ? "as much as there is" : BytesText(wish.size);
  if (wish.stripes > 1) absl::StrAppend(&text, ", ", wish.stripes, " stripes");
  if (wish.fs != AdviseFs::kNone) absl::StrAppend(&text, ", ", FsName(wish.fs));
  absl::StrAppend(&text, ", ", PageText(wish.page));
  if (wish.sync) absl::StrAppend(&text, ", MAP_SYNC");
  return text;
}

std::string WishOptions(const AdviceWish& wish) {
  std::string text;
  if (wish.size != 0) {
    const std::string size = absl::AsciiStrToUpper(LvmSize(wish.size));
    absl::StrAppend(&text, "--size ", absl::StripSuffix(size, "B"), " ");
  }
  if (wish.stripes > 1) absl::StrAppend(&text, "--stripes ", wish.stripes, " ");
  absl::StrAppend(&text, "--fs ", FsName(wish.fs), " --page ",
                  PageName(wish.page), wish.sync ? " --sync" : "");
  return text;
}

std::string LvmSize(uint64_t bytes) {
  static constexpr char kUnits[] = {'g', 'm', 'k'};
  int shift = 30;
  for (char unit : kUnits) {
    if (bytes != 0 && (bytes >> shift) << shift == bytes) {
      return absl::StrCat(bytes >> shift, std::string(1, unit));
    }
    shift -= 10;
  }
  return absl::StrCat(bytes, "b");
}

}  // namespace dmdax
