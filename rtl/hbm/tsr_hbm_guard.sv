// SPDX-License-Identifier: Apache-2.0
/// Data integrity of a memory node beside the data path: records and counts errors, arms deliberate ones,
/// drives the scrubber. Holds the state behind the ECC and SCRUB registers.
///
/// *Latency:* events are counted in the cycle in which they come. *Backpressure:* none. *Throughput:* all events
/// of both pseudo channels, every cycle. *Reset:* counters zero, nothing recorded.
module tsr_hbm_guard
  import tsr_hbm_pkg::*;
  import tsr_hbm_ecc_pkg::*;
(
  input  logic                      clk_i,
  input  logic                      rst_ni,
  input  span_t                     step_i,
  input  tsr_pkg::chip_cfg_t        cfg_i,
  /// The DRAM is initialized.
  input  logic                      run_i,
  input  logic                      clear_i,
  input  ecc_event_t [NumPc-1:0]    event_i,

  input  tsr_hbm_reg_pkg::reg2hw_t  reg2hw_i,
  /// Only the fields of this block's registers; all others are zero.
  output tsr_hbm_reg_pkg::hw2reg_t  hw2reg_o,

  output logic                      ecc_o,
  output inject_t [NumPc-1:0]       inject_o,
  input  logic [NumPc-1:0]          injected_i,

  output logic [NumPc-1:0]          scrub_valid_o,
  input  logic [NumPc-1:0]          scrub_ready_i,
  output logic                      scrub_urgent_o,
  output block_t                    scrub_block_o,
  output logic [LocalW-7:0]         scrub_blk_o,
  output span_t                     scrub_next_o
);

  // Settings go through flops: they reach the decode of requests, and with it the registers themselves.
  logic    ecc_q, scrub_q, injected_q;
  inject_t inject_q;
  assign ecc_o = ecc_q;

  always_ff @(posedge clk_i) begin
    ecc_q        <= reg2hw_i.ecc_ctrl.enable.q;
    scrub_q      <= run_i && reg2hw_i.ecc_ctrl.enable.q && reg2hw_i.scrub_ctrl.enable.q;
    injected_q   <= injected_i != '0;
    inject_q.arm <= reg2hw_i.ecc_inject.arm.q && (injected_i == '0) && !injected_q;
    if (reg2hw_i.ecc_inject.arm.q) begin
      inject_q.two    <= reg2hw_i.ecc_inject.two.q;
      inject_q.second <= reg2hw_i.ecc_inject.second.q;
      inject_q.first  <= reg2hw_i.ecc_inject.first.q;
    end
  end

  assign inject_o = {NumPc{inject_q}};

  // ------------------------------------------------------------ errors

  typedef struct packed {
    logic [LocalW-6:0] atom;
    check_t            syndrome;
    logic              scrub;
  } record_t;

  record_t     fixed_q, lost_q;
  logic [31:0] fixed_count_q, lost_count_q, rmw_count_q, atomic_count_q, scrub_count_q, repair_count_q;
  logic        fixed_now, lost_now;

  /// Where an event was.
  function automatic record_t record(ecc_event_t e, logic upper, tsr_pkg::chip_cfg_t cfg);
    logic [39:0] offset;
    offset = e.scrub ? {e.blk, 6'b0} : tsr_pkg::hbm_local({e.blk, 6'b0}, cfg.mem_log2);
    return '{atom: {offset[LocalW-1:6], upper}, syndrome: e.syndrome[upper], scrub: e.scrub};
  endfunction

  assign fixed_now = (event_i[0].fixed | event_i[1].fixed) != '0;
  assign lost_now  = (event_i[0].lost | event_i[1].lost) != '0;

  always_ff @(posedge clk_i) begin
    automatic ecc_event_t e;
    if (fixed_now) begin
      fixed_count_q <= fixed_count_q + 32'($countones({event_i[1].fixed, event_i[0].fixed}));
      e = (event_i[0].fixed != '0) ? event_i[0] : event_i[1];
      if (!reg2hw_i.ecc_status.fixed.q) fixed_q <= record(e, !e.fixed[0], cfg_i);
    end
    if (lost_now) begin
      lost_count_q <= lost_count_q + 32'($countones({event_i[1].lost, event_i[0].lost}));
      e = (event_i[0].lost != '0) ? event_i[0] : event_i[1];
      if (!reg2hw_i.ecc_status.lost.q) lost_q <= record(e, !e.lost[0], cfg_i);
    end
    if (event_i[0].rmw || event_i[1].rmw) rmw_count_q <= rmw_count_q + 32'(event_i[0].rmw) + 32'(event_i[1].rmw);
    if (event_i[0].atomic || event_i[1].atomic) begin
      atomic_count_q <= atomic_count_q + 32'(event_i[0].atomic) + 32'(event_i[1].atomic);
    end
    if (event_i[0].scrubbed || event_i[1].scrubbed) scrub_count_q <= scrub_count_q + 32'd1;
    if (event_i[0].repaired || event_i[1].repaired) begin
      repair_count_q <= repair_count_q + 32'(event_i[0].repaired) + 32'(event_i[1].repaired);
    end
    if (!rst_ni || clear_i) begin
      fixed_count_q  <= '0;
      lost_count_q   <= '0;
      rmw_count_q    <= '0;
      atomic_count_q <= '0;
      scrub_count_q  <= '0;
      repair_count_q <= '0;
    end
    if (!rst_ni) begin
      fixed_q <= '0;
      lost_q  <= '0;
    end
  end

  // ------------------------------------------------------------ scrubber

  logic scrub_valid, scrub_pc;

  tsr_hbm_scrub u_scrub (
    .clk_i, .rst_ni, .step_i, .run_i(scrub_q),
    .interval_i(reg2hw_i.scrub_ctrl.interval.q), .mib_i(cfg_i.mem_mib),
    .valid_o(scrub_valid), .urgent_o(scrub_urgent_o), .blk_o(scrub_blk_o), .pc_o(scrub_pc),
    .block_o(scrub_block_o), .ready_i(scrub_ready_i != '0), .next_o(scrub_next_o));

  assign scrub_valid_o = scrub_valid ? {scrub_pc, !scrub_pc} : '0;

  // ------------------------------------------------------------ registers

  always_comb begin
    hw2reg_o = '0;
    hw2reg_o.ecc_status.fixed.d         = 1'b1;
    hw2reg_o.ecc_status.fixed.de        = fixed_now;
    hw2reg_o.ecc_status.lost.d          = 1'b1;
    hw2reg_o.ecc_status.lost.de         = lost_now;
    hw2reg_o.ecc_fixed_count.v.d        = fixed_count_q;
    hw2reg_o.ecc_lost_count.v.d         = lost_count_q;
    hw2reg_o.ecc_fixed_addr.addr.d      = {fixed_q.atom, 5'b0};
    hw2reg_o.ecc_fixed_info.syndrome.d  = fixed_q.syndrome;
    hw2reg_o.ecc_fixed_info.scrub.d     = fixed_q.scrub;
    hw2reg_o.ecc_lost_addr.addr.d       = {lost_q.atom, 5'b0};
    hw2reg_o.ecc_lost_info.syndrome.d   = lost_q.syndrome;
    hw2reg_o.ecc_lost_info.scrub.d      = lost_q.scrub;
    hw2reg_o.ecc_inject.arm.d           = 1'b0;
    hw2reg_o.ecc_inject.arm.de          = injected_q;
    hw2reg_o.rmw_count.v.d              = rmw_count_q;
    hw2reg_o.atomic_count.v.d           = atomic_count_q;
    hw2reg_o.scrub_addr.addr.d          = {scrub_blk_o, 6'b0};
    hw2reg_o.scrub_count.v.d            = scrub_count_q;
    hw2reg_o.scrub_fixed.v.d            = repair_count_q;
  end

endmodule
