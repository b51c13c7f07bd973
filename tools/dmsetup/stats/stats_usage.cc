// SPDX-License-Identifier: Apache-2.0
#include "absl/strings/str_cat.h"
#include "tools/dmsetup/stats/stats_commands.h"

namespace dmdax {
namespace {

// The text of dmsetup 1.02.185 behind the program's name.
constexpr char kStatsUsage[] =
    "\n"
    "        [-h|--help]\n"
    "        [-v|--verbose [-v|--verbose ...]]\n"
    "        [--areas <nr_areas>] [--areasize <size>]\n"
    "        [--userdata <data>] [--clear]\n"
    "        [--count <count>] [--interval <seconds>]\n"
    "        [-o <fields>] [-O|--sort <sort_fields>]\n"
    "\t      [--programid <id>]\n"
    "        [--start <start>] [--length <length>]\n"
    "        [--segments] [--units <units>]\n"
    "\n"
    "\thelp \n"
    "\tclear [--allregions|--regionid id] [--alldevices|<device>...] \n"
    "\tcreate [--start <start> [--length <len>]\n"
    "\t    [--areas <nr_areas>] [--areasize <size>] \n"
    "\t    [--programid <id>] [--userdata <data> ] \n"
    "\t    [--bounds histogram_boundaries] [--precise] \n"
    "\t    [--segments] [--alldevices|<device>...] \n"
    "\tcreate --filemap [--nogroup] [--nomonitor] [--follow mode]\n"
    "\t    [--programid <id>] [--userdata <data> ] \n"
    "\t    [--bounds histogram_boundaries] [--precise] <file_path>\n"
    "\tdelete [--allprograms|--programid id] \n"
    "\t    [--allregions|--regionid id] \n"
    "\t    [--alldevices|<device>...] \n"
    "\tgroup [--alias NAME] --regions <regions>\n"
    "\t    [--allprograms|--programid id] [--alldevices|<device>...] \n"
    "\tlist [--allprograms|--programid id] [--allregions|--regionid id] \n"
    "\tprint [--clear] [--allprograms|--programid id] \n"
    "\t    [--allregions|--regionid id] \n"
    "\t    [--alldevices|<device>...] \n"
    "\treport [--interval <seconds>] [--count <cnt>]\n"
    "\t    [--units <u>] [--programid <id>] [--regionid <id>] \n"
    "\t    [-o <fields>] [-O|--sort <sort_fields>]\n"
    "\t    [-S|--select <selection>] [--nameprefixes]\n"
    "\t    [--noheadings] [--separator <separator>]\n"
    "\t    [--allprograms|--programid id] [<device>...]\n"
    "\tungroup --groupid <id> [--allprograms|--programid id] \n"
    "\t    [--alldevices|<device>...] \n"
    "\tupdate_filemap --groupid <id> \n"
    "\t    [--nomonitor] [--follow mode] <file_path>\n"
    "\tversion \n"
    "\n"
    "<device> may be device name or (if only one) -u <uuid> or -j <major> -m "
    "<minor>\n"
    "<fields> are comma-separated.  Use 'help -c' for list.\n"
    "\n";

}  // namespace

std::string StatsUsage(absl::string_view program) {
  return absl::StrCat("Usage:\n\n", program, kStatsUsage);
}

}  // namespace dmdax
