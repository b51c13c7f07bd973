// SPDX-License-Identifier: Apache-2.0
#include "tools/dmsetup/usage.h"

#include "absl/strings/str_cat.h"
#include "tools/dmsetup/command.h"

namespace dmdax {
namespace {

constexpr char kHead[] =
    "Usage:\n"
    "\n"
    "dmsetup\n";

constexpr char kOptions[] =
    "        [--version] [-h|--help [-c|-C|--columns]]\n"
    "        [-v|--verbose [-v|--verbose ...]] [-f|--force]\n"
    "        [--checks] [--manglename {none|hex|auto}]\n"
    "        [-r|--readonly] [--noopencount] [--noflush] [--nolockfs] "
    "[--inactive]\n"
    "        [--udevcookie <cookie>] [--noudevrules] [--noudevsync] "
    "[--verifyudev]\n"
    "        [-y|--yes] [--readahead {[+]<sectors>|auto|none}] [--retry]\n"
    "        [-c|-C|--columns] [-o <fields>] [-O|--sort <sort_fields>]\n"
    "        [-S|--select <selection>] [--nameprefixes] [--noheadings]\n"
    "        [--separator <separator>]\n"
    "\n";

constexpr char kNotes[] =
    "\n"
    "<device> may be device name or (if only one) -u <uuid> or -j "
    "<major> -m <minor>\n"
    "<mangling_mode> is one of 'none', 'auto' and 'hex'.\n"
    "<fields> are comma-separated.  Use 'help -c' for list.\n"
    "<concise_device_specification> has single-device entries "
    "separated by semi-colons:\n"
    "    <name>,<uuid>,<minor>,<flags>,<table>\n"
    "        where <flags> is 'ro' or 'rw' (the default) and any of "
    "<uuid>, <minor>\n"
    "        and <flags> may be empty. Separate extra table lines with "
    "commas.\n"
    "    E.g.: dev1,,,,0 100 linear 253:1 0,100 100 error;dev2,,,ro,0 "
    "1 error\n"
    "Table_file contents may be supplied on stdin.\n"
    "Options are: devno, devname, blkdevname.\n"
    "Tree specific options are: ascii, utf, vt100; compact, inverted, "
    "notrunc;\n"
    "                           blkdevname, [no]device, active, open, "
    "rw and uuid.\n"
    "\n";

}  // namespace

std::string DmsetupUsage() {
  std::string usage = absl::StrCat(kHead, kOptions);
  for (const DmsetupCommand* command : DmsetupCommands()) {
    absl::StrAppend(&usage, "\t", command->name, " ", command->arguments, "\n");
  }
  return usage + kNotes;
}

std::string DmsetupVerbUsage(const DmsetupCommand& command) {
  return absl::StrCat("As dmsetup has it:\n        ", command.name, " ",
                      command.arguments, "\nWith all of dmsetup's verbs:\n",
                      kOptions, kNotes + 1);
}

}  // namespace dmdax
