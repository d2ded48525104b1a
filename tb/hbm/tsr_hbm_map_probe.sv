// SPDX-License-Identifier: Apache-2.0
/// Shows the address mapping of tsr_hbm_pkg and the layout of dfi_cmd_t to a test.
///
/// *Latency:* combinational. *Reset:* none needed.
module tsr_hbm_map_probe
  import tsr_hbm_pkg::*;
(
  input  logic              clk_i,
  input  logic              rst_ni,
  /// Node-local byte offset.
  input  logic [LocalW-1:0] offset_i,
  output logic              pc_o,
  output bank_t             bank_o,
  output row_t              row_o,
  output col_t              col_o,

  /// Packed command and its fields.
  input  logic [63:0]       cmd_i,
  output logic              reset_n_o,
  output logic              wdata_valid_o,
  output logic              col_valid_o,
  output logic [1:0]        col_cmd_o,
  output logic              col_phase_o,
  output bank_t             col_bank_o,
  output col_t              cmd_col_o,
  output logic              row_valid_o,
  output logic [2:0]        row_cmd_o,
  output logic              row_phase_o,
  output bank_t             row_bank_o,
  output row_t              cmd_row_o
);
  block_t   block;
  dfi_cmd_t cmd;
  logic     unused_ports;

  assign unused_ports  = clk_i ^ rst_ni;
  assign block         = map_block(offset_i);
  assign pc_o          = map_pc(offset_i);
  assign bank_o        = block.bank;
  assign row_o         = block.row;
  assign col_o         = {block.col_hi, offset_i[5]};

  assign cmd           = dfi_cmd_t'(cmd_i);
  assign reset_n_o     = cmd.reset_n;
  assign wdata_valid_o = cmd.wdata_valid;
  assign col_valid_o   = cmd.col_valid;
  assign col_cmd_o     = cmd.col_cmd;
  assign col_phase_o   = cmd.col_phase;
  assign col_bank_o    = cmd.col_bank;
  assign cmd_col_o     = cmd.col;
  assign row_valid_o   = cmd.row_valid;
  assign row_cmd_o     = cmd.row_cmd;
  assign row_phase_o   = cmd.row_phase;
  assign row_bank_o    = cmd.row_bank;
  assign cmd_row_o     = cmd.row;
endmodule
