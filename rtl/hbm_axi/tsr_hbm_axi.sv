// SPDX-License-Identifier: Apache-2.0
`include "tsr_assert.svh"

/// The HBM controller with an AXI4 slave port, to be used on its own: tsr_mem behind a translation to its links.
///
/// Addresses: bit 31 and 30 zero: byte of the memory. Bits 31:30 = 1: register, node-local 0x2_0000 + addr[29:0] (see
/// docs/regs/hbm.md), one beat of at most four bytes. Anything else, and memory beyond MemMib: DECERR.
///
/// Data are 512 bits wide. INCR, WRAP and FIXED bursts of any length, size and alignment; every beat is a request of its
/// own. Order is kept among reads of one ID, and among writes of one ID; a read that starts after the B of a write
/// sees it. AxQOS[3] puts a read in the high class. Exclusive accesses are plain ones, answered OKAY. Errors: DECERR where
/// nothing is, SLVERR for everything else that the memory node refuses (also all memory before initialization).
///
/// *Latency:* that of tsr_mem, and 4 cycles each way. *Backpressure:* all five channels are independent; R and B never
/// block requests of the other direction. *Throughput:* one beat a cycle, reads and writes together.
/// *Reset:* as tsr_mem. All AXI outputs come from flops.
module tsr_hbm_axi
  import tsr_axi_pkg::*;
#(
  /// Bits of an ID.
  parameter int unsigned IdW = 4,
  /// Capacity in MiB, at most 1024.
  parameter int unsigned MemMib = 1024
) (
  input  logic             clk_i,
  input  logic             rst_ni,

  input  logic             aw_valid_i,
  output logic             aw_ready_o,
  input  logic [IdW-1:0]   aw_id_i,
  input  addr_t            aw_addr_i,
  input  logic [7:0]       aw_len_i,
  input  logic [2:0]       aw_size_i,
  input  burst_e           aw_burst_i,

  input  logic             w_valid_i,
  output logic             w_ready_o,
  input  tsr_pkg::data_t   w_data_i,
  input  logic [63:0]      w_strb_i,
  input  logic             w_last_i,

  output logic             b_valid_o,
  input  logic             b_ready_i,
  output logic [IdW-1:0]   b_id_o,
  output resp_e            b_resp_o,

  input  logic             ar_valid_i,
  output logic             ar_ready_o,
  input  logic [IdW-1:0]   ar_id_i,
  input  addr_t            ar_addr_i,
  input  logic [7:0]       ar_len_i,
  input  logic [2:0]       ar_size_i,
  input  burst_e           ar_burst_i,
  input  logic [3:0]       ar_qos_i,

  output logic             r_valid_o,
  input  logic             r_ready_i,
  output logic [IdW-1:0]   r_id_o,
  output tsr_pkg::data_t   r_data_o,
  output resp_e            r_resp_o,
  output logic             r_last_o,

  /// DFI, as tsr_mem has it.
  output tsr_hbm_pkg::dfi_cmd_t [tsr_hbm_pkg::NumPc-1:0]       dfi_cmd_o,
  output logic                  [tsr_hbm_pkg::NumPc-1:0][31:0] dfi_wstrb_o,
  output tsr_hbm_pkg::atom_t    [tsr_hbm_pkg::NumPc-1:0]       dfi_wdata_o,
  output logic                  [tsr_hbm_pkg::NumPc-1:0][15:0] dfi_wside_o,
  input  logic                  [tsr_hbm_pkg::NumPc-1:0]       dfi_rvalid_i,
  input  tsr_hbm_pkg::atom_t    [tsr_hbm_pkg::NumPc-1:0]       dfi_rdata_i,
  input  logic                  [tsr_hbm_pkg::NumPc-1:0][15:0] dfi_rside_i
);

  import tsr_pkg::NumVc;
  import tsr_pkg::flit_t;
  import tsr_pkg::node_t;

  `TSR_STATIC_ASSERT(CapacityLegal, (MemMib >= 1) && (MemMib <= 1024))

  localparam int unsigned Slots       = 256;  // as many as a tag can name
  localparam int unsigned ReadBursts  = 64;
  localparam int unsigned WriteBursts = 16;
  localparam node_t       Self   = '{y: 6'd0, x: 6'd0};
  localparam node_t       Memory = '{y: 6'd0, x: 6'd1};
  localparam logic [31:0] RegBase = 32'h0002_0000;

  // A chip of two nodes: this one, which may write registers, and the memory.
  function automatic tsr_pkg::chip_cfg_t straps();
    tsr_pkg::chip_cfg_t c;
    c         = '0;
    c.mesh_w  = 6'd2;
    c.mesh_h  = 6'd1;
    c.ctl     = Self;
    c.mem_mib = 16'(MemMib);
    c.mem[0]  = Memory;
    return c;
  endfunction

  // ------------------------------------------------------------ halves

  logic           rd_valid, rd_ready, wr_valid, wr_ready;
  cmd_t           rd_cmd, wr_cmd;
  logic [7:0]     rd_slot;
  logic [3:0]     wr_burst;
  tsr_pkg::data_t wr_data;
  logic [63:0]    wr_strb;

  // The answer, from flops.
  logic           rsp_valid_q, rsp_write_q;
  logic [7:0]     rsp_slot_q;
  tsr_pkg::data_t rsp_data_q;
  resp_e          rsp_resp_q;

  tsr_axi_read #(.IdW(IdW), .Slots(Slots), .Bursts(ReadBursts)) u_read (
    .clk_i, .rst_ni, .ar_valid_i, .ar_ready_o, .ar_id_i,
    .ar_cmd_i('{addr: ar_addr_i, len: ar_len_i, size: ar_size_i, burst: ar_burst_i, high: ar_qos_i[3]}),
    .r_valid_o, .r_ready_i, .r_id_o, .r_data_o, .r_resp_o, .r_last_o,
    .req_valid_o(rd_valid), .req_ready_i(rd_ready), .req_cmd_o(rd_cmd), .req_slot_o(rd_slot),
    .rsp_valid_i(rsp_valid_q && !rsp_write_q), .rsp_slot_i(rsp_slot_q), .rsp_data_i(rsp_data_q),
    .rsp_resp_i(rsp_resp_q));

  tsr_axi_write #(.IdW(IdW), .Bursts(WriteBursts)) u_write (
    .clk_i, .rst_ni, .aw_valid_i, .aw_ready_o, .aw_id_i,
    .aw_cmd_i('{addr: aw_addr_i, len: aw_len_i, size: aw_size_i, burst: aw_burst_i, high: 1'b0}),
    .w_valid_i, .w_ready_o, .w_data_i, .w_strb_i, .w_last_i, .b_valid_o, .b_ready_i, .b_id_o, .b_resp_o,
    .req_valid_o(wr_valid), .req_ready_i(wr_ready), .req_cmd_o(wr_cmd), .req_data_o(wr_data),
    .req_strb_o(wr_strb), .req_burst_o(wr_burst),
    .rsp_valid_i(rsp_valid_q && rsp_write_q), .rsp_burst_i(rsp_slot_q[3:0]), .rsp_resp_i(rsp_resp_q));

  logic unused_inputs;
  assign unused_inputs = ^{ar_qos_i[2:0], wr_cmd.len, wr_cmd.size, wr_cmd.burst, wr_cmd.high, wr_cmd.addr[5:0],
                           rd_cmd.len, rd_cmd.burst};

  // ------------------------------------------------------------ requests

  /// Global address of a register beat: whole words of its size.
  function automatic tsr_pkg::addr_t reg_addr(addr_t addr);
    return {tsr_pkg::SpaceNode, 8'b0, Memory.y, Memory.x, RegBase + {2'b0, addr[29:0]}};
  endfunction

  function automatic logic is_reg(addr_t addr);
    return addr[31:30] == 2'd1;
  endfunction

  flit_t rd_flit, wr_flit, req_flit;

  always_comb begin
    rd_flit          = '0;
    rd_flit.hdr.kind = tsr_pkg::KindRead;
    rd_flit.hdr.cls  = rd_cmd.high;
    rd_flit.hdr.src  = Self;
    rd_flit.hdr.dst  = {Memory, Memory};
    rd_flit.hdr.tag  = rd_slot;
    rd_flit.hdr.addr = {24'b0, rd_cmd.addr[31:6], 6'b0};
    rd_flit.hdr.strb = 64'd64;
    if (is_reg(rd_cmd.addr)) begin
      rd_flit.hdr.strb = 64'd1 << rd_cmd.size;
      rd_flit.hdr.addr = reg_addr(rd_cmd.addr & ~((32'd1 << rd_cmd.size) - 32'd1));
    end
    wr_flit          = '0;
    wr_flit.hdr.kind = tsr_pkg::KindWrite;
    wr_flit.hdr.src  = Self;
    wr_flit.hdr.dst  = {Memory, Memory};
    wr_flit.hdr.vc   = 1'b1;  // tells the answers apart
    wr_flit.hdr.tag  = {4'b0, wr_burst};
    wr_flit.hdr.addr = {24'b0, wr_cmd.addr[31:6], 6'b0};
    wr_flit.hdr.strb = wr_strb;
    wr_flit.data     = wr_data;
    if (is_reg(wr_cmd.addr)) wr_flit.hdr.addr = reg_addr({wr_cmd.addr[31:6], 6'b0});
  end

  // The halves take turns.
  logic last_wr_q, pick_wr, tx_ready;
  assign pick_wr  = wr_valid && !(rd_valid && last_wr_q);
  assign rd_ready = tx_ready && !pick_wr;
  assign wr_ready = tx_ready && pick_wr;
  assign req_flit = pick_wr ? wr_flit : rd_flit;
  always_ff @(posedge clk_i) begin
    if (!rst_ni) last_wr_q <= 1'b0;
    else if (tx_ready && (rd_valid || wr_valid)) last_wr_q <= pick_wr;
  end

  // ------------------------------------------------------------ links and memory

  logic              req_valid, rsp_valid, rx_valid, unused_par_err, unused_tx_idle, unused_rx_idle, unused_idle;
  logic [3:0]        unused_router_sel;
  flit_t             req_link, rsp_link, rx_flit, unused_req_flit;
  logic [NumVc-1:0]  req_credit, rsp_credit, unused_rsp_credit;
  logic              unused_req_valid;
  logic [63:0]       now_q;

  always_ff @(posedge clk_i) begin
    if (!rst_ni) now_q <= '0;
    else now_q <= now_q + 64'd1;
  end

  tsr_link_tx u_tx (
    .clk_i, .rst_ni, .now_i(now_q[tsr_pkg::AgeW-1:0]), .valid_i(rd_valid || wr_valid), .ready_o(tx_ready),
    .flit_i(req_flit), .link_valid_o(req_valid), .link_flit_o(req_link), .link_credit_i(req_credit),
    .idle_o(unused_tx_idle));

  tsr_mem u_mem (
    .clk_i, .rst_ni, .now_i(now_q), .node_i(Memory), .cfg_i(straps()),
    .req_tx_valid_o(unused_req_valid), .req_tx_flit_o(unused_req_flit), .req_tx_credit_i('0),
    .req_rx_valid_i(req_valid), .req_rx_flit_i(req_link), .req_rx_credit_o(req_credit),
    .rsp_tx_valid_o(rsp_valid), .rsp_tx_flit_o(rsp_link), .rsp_tx_credit_i(rsp_credit),
    .rsp_rx_valid_i(1'b0), .rsp_rx_flit_i('0), .rsp_rx_credit_o(unused_rsp_credit),
    .dfi_cmd_o, .dfi_wstrb_o, .dfi_wdata_o, .dfi_wside_o, .dfi_rvalid_i, .dfi_rdata_i, .dfi_rside_i,
    .router_sel_o(unused_router_sel), .router_cnt_i('0), .idle_o(unused_idle), .wake_o());

  tsr_link_rx u_rx (
    .clk_i, .rst_ni, .link_valid_i(rsp_valid), .link_flit_i(rsp_link), .link_credit_o(rsp_credit),
    .valid_o(rx_valid), .ready_i(1'b1), .flit_o(rx_flit), .par_err_o(unused_par_err), .idle_o(unused_rx_idle));

  // ------------------------------------------------------------ answers

  function automatic resp_e response(tsr_pkg::hdr_t h, logic good);
    if (h.kind == tsr_pkg::KindErrRsp) return (h.err == tsr_pkg::ErrUnmapped) ? RespDecErr : RespSlvErr;
    return (h.poison || !good) ? RespSlvErr : RespOkay;
  endfunction

  logic unused_rsp;
  assign unused_rsp = ^{rx_flit.hdr, unused_req_flit};

  always_ff @(posedge clk_i) begin
    rsp_valid_q <= rst_ni && rx_valid;
    if (rx_valid) begin
      rsp_write_q <= rx_flit.hdr.vc;
      rsp_slot_q  <= rx_flit.hdr.tag;
      rsp_data_q  <= rx_flit.data;
      rsp_resp_q  <= response(rx_flit.hdr, rx_flit.hdr.dpar == tsr_pkg::data_parity(rx_flit.data));
    end
  end

endmodule
