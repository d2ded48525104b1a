// SPDX-License-Identifier: Apache-2.0
`include "tsr_assert.svh"

/// One pseudo channel with its data integrity and initialization, and nothing else: the controller as its benchmark
/// measures it.
///
/// Reads and writes are offered on two ports, one block a cycle is taken from them in turn. Addresses are
/// bytes inside the pseudo channel: all node-local offsets that map to pseudo channel 0, without the gaps.
///
/// *Latency:* that of tsr_hbm_pc and tsr_hbm_rmw; the ports add nothing. *Backpressure:* ready of each port; reads are
/// always taken. *Throughput:* one 64-byte block a cycle in. *Reset:* not initialized.
module tsr_hbm_bare
  import tsr_hbm_pkg::*;
(
  input  logic              clk_i,
  input  logic              rst_ni,

  input  timing_t           t_i,
  input  logic [6:0]        wr_low_i,
  input  logic [6:0]        wr_high_i,
  input  logic [11:0]       age_limit_i,
  /// Reads with rd_high_i go before the others.
  input  logic              qos_i,
  input  logic              ref_all_i,
  input  logic [11:0]       pd_idle_i,
  input  logic [2:0]        ref_postpone_i,
  input  logic [2:0]        ref_pull_in_i,
  /// Start the initialization; init_done_o: requests are served.
  input  logic              start_i,
  output logic              init_done_o,

  input  logic              rd_valid_i,
  output logic              rd_ready_o,
  input  logic [28:0]       rd_addr_i,
  input  logic [1:0]        rd_need_i,
  input  logic              rd_high_i,
  /// Comes back with the data.
  input  logic [23:0]       rd_id_i,

  input  logic              wr_valid_i,
  output logic              wr_ready_o,
  input  logic [28:0]       wr_addr_i,
  input  logic [63:0]       wr_strb_i,
  input  tsr_pkg::data_t    wr_data_i,

  output logic              out_valid_o,
  output logic [23:0]       out_id_o,
  output tsr_pkg::data_t    out_data_o,

  output dfi_cmd_t          dfi_cmd_o,
  output logic [31:0]       dfi_wstrb_o,
  output atom_t             dfi_wdata_o,
  output logic [15:0]       dfi_wside_o,
  input  logic              dfi_rvalid_i,
  input  atom_t             dfi_rdata_i,
  input  logic [15:0]       dfi_rside_i,

  output logic              empty_o,
  /// Counters, see tsr_hbm_pc.
  input  logic [5:0]        cnt_sel_i,
  output logic [63:0]       cnt_o
);

  dfi_cmd_t         init_cmd;
  logic             init_busy;
  logic [NumPc-1:0] init_error;

  // The initialization serves all pseudo channels of a node: the missing ones answer as this one does.
  tsr_hbm_init u_init (
    .clk_i, .rst_ni, .t_i, .start_i, .busy_o(init_busy), .done_o(init_done_o), .error_o(init_error),
    .cmd_o(init_cmd), .rvalid_i({NumPc{dfi_rvalid_i}}), .rdata_i({NumPc{dfi_rdata_i[0]}}));

  logic              read_now, last_read_q, ready, rd_room, wr_room;
  logic [28:0]       addr;
  logic [LocalW-1:0] off;
  rd_meta_t          meta, out_meta;
  logic              unused_inputs, unused_down, unused_self;
  assign unused_inputs = init_busy ^ (^init_error) ^ (^out_meta) ^ (^addr[5:0]);

  // The kinds take turns, also when one is not taken: it may wait for its bank. Pseudo channel 0: bit 6 of the
  // offset follows from the others.
  always_comb begin
    read_now  = rd_valid_i && rd_room && !(wr_valid_i && wr_room && last_read_q);
    addr      = read_now ? rd_addr_i : wr_addr_i;
    off       = {addr[28:6], 1'b0, 6'b0};
    off[6]    = map_pc(off);
    meta      = '0;
    meta.doff = rd_id_i;
    meta.cls  = rd_high_i;
    meta.lo   = rd_need_i[0] ? 6'd0 : 6'd32;
    meta.hi   = rd_need_i[1] ? 6'd63 : 6'd31;
  end

  always_ff @(posedge clk_i) begin
    if (!rst_ni) last_read_q <= 1'b0;
    else last_read_q <= read_now;
  end

  assign rd_ready_o = ready && read_now;
  assign wr_ready_o = ready && !read_now;

  logic             pc_valid, pc_ready, pc_write, pc_back, pc_take, pc_empty, rmw_empty;
  block_t           pc_block;
  logic [1:0]       pc_need;
  rd_meta_t         pc_meta, pc_back_meta;
  logic [63:0]      pc_strb;
  tsr_pkg::data_t   pc_data, pc_back_data;
  logic [1:0][15:0] pc_side, pc_back_side;
  tsr_hbm_ecc_pkg::ecc_event_t unused_event;
  logic             unused_scrub_ready, unused_injected, unused_poison;

  tsr_hbm_rmw u_rmw (
    .clk_i, .rst_ni, .ecc_i(1'b1),
    .in_valid_i(read_now || wr_valid_i), .in_ready_o(ready), .in_op_i(read_now ? OpRead : OpWrite),
    .in_amo_i(tsr_pkg::AmoAdd), .in_block_i(map_block(off)),
    .in_need_i(read_now ? rd_need_i : {wr_strb_i[63:32] != '0, wr_strb_i[31:0] != '0}),
    .in_meta_i(meta), .in_strb_i(wr_strb_i), .in_data_i(wr_data_i), .in_poison_i(1'b0),
    .scrub_valid_i(1'b0), .scrub_ready_o(unused_scrub_ready), .scrub_urgent_i(1'b0), .scrub_block_i('0),
    .scrub_blk_i('0), .inject_i('0), .injected_o(unused_injected),
    .pc_valid_o(pc_valid), .pc_ready_i(pc_ready), .pc_write_o(pc_write), .pc_block_o(pc_block),
    .pc_need_o(pc_need), .pc_meta_o(pc_meta), .pc_strb_o(pc_strb), .pc_data_o(pc_data), .pc_side_o(pc_side),
    .rd_valid_i(pc_back), .rd_ready_o(pc_take), .rd_meta_i(pc_back_meta), .rd_data_i(pc_back_data),
    .rd_side_i(pc_back_side),
    .out_valid_o, .out_ready_i(1'b1), .out_meta_o(out_meta), .out_data_o, .out_poison_o(unused_poison),
    .event_o(unused_event), .empty_o(rmw_empty));

  assign empty_o = pc_empty && rmw_empty;

  tsr_hbm_pc u_pc (
    .clk_i, .rst_ni, .step_i(span_t'(1)), .t_i, .run_i(init_done_o), .init_cmd_i(init_cmd), .ref_enable_i(1'b1),
    .ref_postpone_i, .ref_pull_in_i,
    .wr_low_i, .wr_high_i, .age_limit_i, .qos_i, .ref_all_i, .pd_idle_i,
    .self_refresh_i(1'b0),
    .in_valid_i(pc_valid), .in_ready_o(pc_ready), .in_write_i(pc_write), .in_block_i(pc_block),
    .in_need_i(pc_need), .in_meta_i(pc_meta), .in_strb_i(pc_strb), .in_data_i(pc_data), .in_side_i(pc_side),
    .rd_room_o(rd_room), .wr_room_o(wr_room),
    .out_valid_o(pc_back), .out_ready_i(pc_take), .out_meta_o(pc_back_meta), .out_data_o(pc_back_data),
    .out_side_o(pc_back_side),
    .dfi_cmd_o, .dfi_wstrb_o, .dfi_wdata_o, .dfi_wside_o, .dfi_rvalid_i, .dfi_rdata_i, .dfi_rside_i,
    .empty_o(pc_empty), .down_o(unused_down), .self_o(unused_self), .still_o(), .next_o(), .cnt_clear_i(1'b0),
    .cnt_sel_i, .cnt_o);

  assign out_id_o = out_meta.doff;

endmodule
