// SPDX-License-Identifier: Apache-2.0
/// Which of the planted bugs is awake; written by the simulator. Part of the tile model with planted bugs only.
package tsr_plant_pkg;

  localparam int unsigned BugMe = 1, BugVe = 2, BugTdma = 3, BugRdma = 4, BugWdma = 5, BugCore = 6;

  int unsigned bug /*verilator public_flat_rw*/;

  /// Results whose fourth lane has its lowest bit turned over.
  function automatic logic [7:0][63:0] ve_results(logic [7:0][63:0] data);
    logic [7:0][63:0] r;
    r = data;
    if (bug == BugVe) r[3][0] = !data[3][0];
    return r;
  endfunction

endpackage
