// SPDX-License-Identifier: Apache-2.0
/// JTAG pins of the ctl node.
#pragma once

namespace tsr {

/// Levels of the pins. Who changes `tck` or `trst_n` wakes the ctl node and lets cycles pass: TCK
/// must stay high for at least 1 cycle and low for at least 3, after which `tdo` is right
/// (rtl/debug/tsr_jtag_tap.sv).
struct JtagPins {
  bool tck = false;
  bool tms = true;
  bool tdi = false;
  bool trst_n = false;  ///< low: the port is in reset, as when nobody is connected
  bool tdo = false;     ///< output of the chip
};

}  // namespace tsr
