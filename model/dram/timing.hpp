// SPDX-License-Identifier: Apache-2.0
/// Timing of a DRAM speed grade, in DRAM clocks (half a chip cycle each).
#pragma once

#include <array>
#include <cstdint>
#include <string>

namespace tsr {

/// One speed grade. configs/dram/*.toml hold the values; see load_dram_profile().
struct DramTiming {
  int cl = 0;     ///< read command to data
  int cwl = 0;    ///< write command to data
  int bl = 0;     ///< burst length on the data bus
  int ccd_s = 0;  ///< column to column command, other bank group
  int ccd_l = 0;  ///< column to column command, same bank group
  int rcdrd = 0;  ///< activate to read
  int rcdwr = 0;  ///< activate to write
  int rp = 0;     ///< precharge to activate or refresh, same bank
  int ras = 0;    ///< activate to precharge, same bank
  int rc = 0;     ///< activate to activate or refresh, same bank
  int rrd_s = 0;  ///< activate to activate or refresh, other bank group
  int rrd_l = 0;  ///< activate to activate or refresh, same bank group
  int faw = 0;    ///< window that holds at most four activates
  int ppd = 0;    ///< precharge to precharge
  int wr = 0;     ///< end of write data to precharge
  int rtp = 0;    ///< read to precharge
  int wtr_s = 0;  ///< end of write data to read, other bank group
  int wtr_l = 0;  ///< end of write data to read, same bank group
  int rtw = 0;    ///< read command to write command
  int refi = 0;   ///< refresh interval of every bank
  int rfcab = 0;  ///< all-bank refresh to the next command
  int rfcpb = 0;  ///< per-bank refresh to activate or refresh, same bank
  int rrefd = 0;  ///< per-bank refresh to activate or refresh, other bank
  int init = 0;   ///< release of reset to the first command
  int mod = 0;    ///< mode register command to the next command
  int cke = 0;    ///< entry to power-down or self-refresh to its exit
  int xp = 0;     ///< exit of power-down to the next command
  int xs = 0;     ///< exit of self-refresh to the next command
};

/// Name and member of a timing value; the name is the key in profile files.
struct DramTimingField {
  const char* name;
  int DramTiming::*member;
};

inline constexpr std::array<DramTimingField, 28> kDramTimingFields{{
    {"cl", &DramTiming::cl},       {"cwl", &DramTiming::cwl},     {"bl", &DramTiming::bl},
    {"ccd_s", &DramTiming::ccd_s}, {"ccd_l", &DramTiming::ccd_l}, {"rcdrd", &DramTiming::rcdrd},
    {"rcdwr", &DramTiming::rcdwr}, {"rp", &DramTiming::rp},       {"ras", &DramTiming::ras},
    {"rc", &DramTiming::rc},       {"rrd_s", &DramTiming::rrd_s}, {"rrd_l", &DramTiming::rrd_l},
    {"faw", &DramTiming::faw},     {"ppd", &DramTiming::ppd},     {"wr", &DramTiming::wr},
    {"rtp", &DramTiming::rtp},     {"wtr_s", &DramTiming::wtr_s}, {"wtr_l", &DramTiming::wtr_l},
    {"rtw", &DramTiming::rtw},     {"refi", &DramTiming::refi},   {"rfcab", &DramTiming::rfcab},
    {"rfcpb", &DramTiming::rfcpb}, {"rrefd", &DramTiming::rrefd}, {"init", &DramTiming::init},
    {"mod", &DramTiming::mod},     {"cke", &DramTiming::cke},     {"xp", &DramTiming::xp},
    {"xs", &DramTiming::xs},
}};

/// A speed grade with its name.
struct DramProfile {
  std::string name;
  int tck_ps = 0;  ///< DRAM clock period
  DramTiming timing;
};

}  // namespace tsr
