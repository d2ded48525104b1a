// SPDX-License-Identifier: Apache-2.0
`include "tsr_assert.svh"

/// A whole chip: a mesh of nodes, each a router with the endpoint that `Kinds` names behind its local port.
///
/// The monolithic view of the chip, for lint, synthesis and as the check of the composed platform: both give
/// the same flits in the same cycles. The tops `tsr_<config>` are generated from the configuration files.
/// Reset: synchronous; the ctl core alone starts by itself.
module tsr_chip
  import tsr_pkg::*;
#(
  parameter int unsigned      Width   = 2,              // columns, 1..8
  parameter int unsigned      Height  = 4,              // rows, 1..8
  parameter int unsigned      NumMem  = 2,              // memory nodes: 1, 2, 4 or 8
  /// Endpoint of node y * Width + x: 0 none, 1 tile, 2 memory node, 3 ctl.
  parameter logic [Width*Height-1:0][1:0] Kinds = 16'b10_10_01_01_01_01_00_11,
  parameter chip_cfg_t        Cfg     = '0,
  parameter int unsigned      SpmBytes = 262144,        // scratchpad of a tile
  parameter int unsigned      MeRows  = 8,              // matrix engine grid
  parameter int unsigned      MeCols  = 8
) (
  input  logic                   clk_i,
  input  logic                   rst_ni,
  input  tsr_ctl_pkg::fuse_t     fuse_i,

  // Host port of the ctl node.
  input  logic                   host_req_valid_i,
  input  tsr_ctl_pkg::host_req_t host_req_i,
  output logic                   host_credit_o,
  output logic                   host_rsp_valid_o,
  output tsr_ctl_pkg::host_rsp_t host_rsp_o,
  output logic                   host_irq_o,

  // Pins.
  output logic                   uart_tx_o,
  input  logic                   uart_rx_i,
  output logic                   fatal_o,

  // JTAG port, see tsr_jtag_tap.
  input  logic                   jtag_tck_i,
  input  logic                   jtag_tms_i,
  input  logic                   jtag_tdi_i,
  input  logic                   jtag_trst_ni,
  output logic                   jtag_tdo_o,
  output logic                   jtag_tdo_oe_o,

  // DRAM, two pseudo channels a memory node.
  output tsr_hbm_pkg::dfi_cmd_t  [NumMem-1:0][1:0]       dfi_cmd_o,
  output logic                   [NumMem-1:0][1:0][31:0] dfi_wstrb_o,
  output tsr_hbm_pkg::atom_t     [NumMem-1:0][1:0]       dfi_wdata_o,
  output logic                   [NumMem-1:0][1:0][15:0] dfi_wside_o,
  input  logic                   [NumMem-1:0][1:0]       dfi_rvalid_i,
  input  tsr_hbm_pkg::atom_t     [NumMem-1:0][1:0]       dfi_rdata_i,
  input  logic                   [NumMem-1:0][1:0][15:0] dfi_rside_i
);

  localparam int unsigned NumNodes = Width * Height;
  localparam logic [1:0] KindTile = 2'd1, KindMem = 2'd2, KindCtl = 2'd3;

  `TSR_STATIC_ASSERT(MeshLegal, Width >= 1 && Width <= 8 && Height >= 1 && Height <= 8)

  /// Memory nodes in front of node n, row by row.
  function automatic int unsigned mem_index(int unsigned n);
    int unsigned count;
    count = 0;
    for (int unsigned i = 0; i < n; i++) if (Kinds[i] == KindMem) count++;
    return count;
  endfunction

  // Time keeps counting outside of the gated domains.
  logic [63:0] now_q;
  always_ff @(posedge clk_i) begin
    if (!rst_ni) now_q <= '0;
    else now_q <= now_q + 64'd1;
  end

  // ---------------------------------------------------------------- links, by node and direction
  // The composed platform compares these: they are public to the simulator.
  logic  [NumDir-1:0]            req_tx_valid  [NumNodes] /*verilator public_flat_rd*/;
  flit_t [NumDir-1:0]            req_tx_flit   [NumNodes] /*verilator public_flat_rd*/;
  logic  [NumDir-1:0]            rsp_tx_valid  [NumNodes] /*verilator public_flat_rd*/;
  flit_t [NumDir-1:0]            rsp_tx_flit   [NumNodes] /*verilator public_flat_rd*/;
  logic  [NumDir-1:0][NumVc-1:0] req_rx_credit [NumNodes];
  logic  [NumDir-1:0][NumVc-1:0] rsp_rx_credit [NumNodes];
  logic  [NumDir-1:0]            req_rx_valid  [NumNodes];
  flit_t [NumDir-1:0]            req_rx_flit   [NumNodes];
  logic  [NumDir-1:0]            rsp_rx_valid  [NumNodes];
  flit_t [NumDir-1:0]            rsp_rx_flit   [NumNodes];
  logic  [NumDir-1:0][NumVc-1:0] req_tx_credit [NumNodes];
  logic  [NumDir-1:0][NumVc-1:0] rsp_tx_credit [NumNodes];

  for (genvar y = 0; y < Height; y++) begin : gen_row
    for (genvar x = 0; x < Width; x++) begin : gen_node
      localparam int unsigned N    = y * Width + x;
      localparam logic [1:0]  Kind = Kinds[N];
      localparam logic [NumDir-1:0] LinkEn = {x > 0, y < Height - 1, x < Width - 1, y > 0, 1'b1};
      node_t node;
      assign node = '{y: coord_t'(y), x: coord_t'(x)};

      // ------------------------------------------------------------ wires from the neighbours
      for (genvar d = 1; d < NumDir; d++) begin : gen_link
        // Neighbour in direction d, and the port of it that faces this node.
        localparam bit Has = LinkEn[d];
        localparam int unsigned Peer = !Has ? N : d == 1 ? N - Width : d == 2 ? N + 1 :
                                       d == 3 ? N + Width : N - 1;
        localparam int unsigned Back = d == 1 ? 3 : d == 2 ? 4 : d == 3 ? 1 : 2;
        assign req_rx_valid[N][d]  = Has && req_tx_valid[Peer][Back];
        assign req_rx_flit[N][d]   = req_tx_flit[Peer][Back];
        assign req_tx_credit[N][d] = Has ? req_rx_credit[Peer][Back] : '0;
        assign rsp_rx_valid[N][d]  = Has && rsp_tx_valid[Peer][Back];
        assign rsp_rx_flit[N][d]   = rsp_tx_flit[Peer][Back];
        assign rsp_tx_credit[N][d] = Has ? rsp_rx_credit[Peer][Back] : '0;
      end

      // ------------------------------------------------------------ router
      logic [3:0]  cnt_sel;
      logic [31:0] cnt;
      tsr_router_node u_router (
        .clk_i, .rst_ni, .node_i(node), .now_i(now_q[AgeW-1:0]), .link_en_i(LinkEn),
        .req_rx_valid_i(req_rx_valid[N]), .req_rx_flit_i(req_rx_flit[N]), .req_rx_credit_o(req_rx_credit[N]),
        .req_tx_valid_o(req_tx_valid[N]), .req_tx_flit_o(req_tx_flit[N]), .req_tx_credit_i(req_tx_credit[N]),
        .rsp_rx_valid_i(rsp_rx_valid[N]), .rsp_rx_flit_i(rsp_rx_flit[N]), .rsp_rx_credit_o(rsp_rx_credit[N]),
        .rsp_tx_valid_o(rsp_tx_valid[N]), .rsp_tx_flit_o(rsp_tx_flit[N]), .rsp_tx_credit_i(rsp_tx_credit[N]),
        .cnt_sel_i(cnt_sel), .cnt_o(cnt), .idle_o()
      );

      // ------------------------------------------------------------ endpoint
      // The clock of a sleeping tile or ctl node stands still until something arrives, or until its wake-up time.
      if (Kind == KindTile) begin : gen_tile
        logic idle, arriving, due, gclk;
        logic [63:0] wake;
        assign arriving = req_tx_valid[N][0] || rsp_tx_valid[N][0] || req_rx_credit[N][0] != '0 ||
                          rsp_rx_credit[N][0] != '0;
        assign due      = now_q >= wake;
        tsr_clk_gate u_gate (.clk_i, .en_i(!rst_ni || !idle || arriving || due), .test_en_i(1'b0), .clk_o(gclk));
        tsr_tile #(.SpmBytes(SpmBytes), .Rows(MeRows), .Cols(MeCols)) u_tile (
          .clk_i(gclk), .rst_ni, .node_i(node), .cfg_i(Cfg), .now_i(now_q),
          .req_tx_valid_o(req_rx_valid[N][0]), .req_tx_flit_o(req_rx_flit[N][0]),
          .req_tx_credit_i(req_rx_credit[N][0]),
          .req_rx_valid_i(req_tx_valid[N][0]), .req_rx_flit_i(req_tx_flit[N][0]),
          .req_rx_credit_o(req_tx_credit[N][0]),
          .rsp_tx_valid_o(rsp_rx_valid[N][0]), .rsp_tx_flit_o(rsp_rx_flit[N][0]),
          .rsp_tx_credit_i(rsp_rx_credit[N][0]),
          .rsp_rx_valid_i(rsp_tx_valid[N][0]), .rsp_rx_flit_i(rsp_tx_flit[N][0]),
          .rsp_rx_credit_o(rsp_tx_credit[N][0]),
          .router_sel_o(cnt_sel), .router_cnt_i(cnt), .halted_o(), .retire_o(), .idle_o(idle), .wake_o(wake)
        );
      end else if (Kind == KindCtl) begin : gen_ctl
        logic idle, arriving, due, gclk;
        logic [63:0] wake;
        assign arriving = req_tx_valid[N][0] || rsp_tx_valid[N][0] || req_rx_credit[N][0] != '0 ||
                          rsp_rx_credit[N][0] != '0;
        assign due      = now_q >= wake;
        // The port's clock wakes it. A pin that changes at the clock's edge may be seen one cycle late, here or there.
        logic jtag_moved;
        logic [1:0] jtag_q;
        always_ff @(posedge clk_i) jtag_q <= {jtag_tck_i, jtag_trst_ni};
        assign jtag_moved = jtag_q != {jtag_tck_i, jtag_trst_ni};
        tsr_clk_gate u_gate (
          .clk_i, .en_i(!rst_ni || !idle || arriving || due || host_req_valid_i || !uart_rx_i || jtag_moved),
          .test_en_i(1'b0), .clk_o(gclk)
        );
        tsr_ctl u_ctl (
          .clk_i(gclk), .rst_ni, .node_i(node), .cfg_i(Cfg), .fuse_i, .now_i(now_q),
          .req_tx_valid_o(req_rx_valid[N][0]), .req_tx_flit_o(req_rx_flit[N][0]),
          .req_tx_credit_i(req_rx_credit[N][0]),
          .req_rx_valid_i(req_tx_valid[N][0]), .req_rx_flit_i(req_tx_flit[N][0]),
          .req_rx_credit_o(req_tx_credit[N][0]),
          .rsp_tx_valid_o(rsp_rx_valid[N][0]), .rsp_tx_flit_o(rsp_rx_flit[N][0]),
          .rsp_tx_credit_i(rsp_rx_credit[N][0]),
          .rsp_rx_valid_i(rsp_tx_valid[N][0]), .rsp_rx_flit_i(rsp_tx_flit[N][0]),
          .rsp_rx_credit_o(rsp_tx_credit[N][0]),
          .router_sel_o(cnt_sel), .router_cnt_i(cnt),
          .host_req_valid_i, .host_req_i, .host_credit_o, .host_rsp_valid_o, .host_rsp_o, .host_irq_o,
          .uart_tx_o, .uart_rx_i, .fatal_o,
          .jtag_tck_i, .jtag_tms_i, .jtag_tdi_i, .jtag_trst_ni, .jtag_tdo_o, .jtag_tdo_oe_o,
          .halted_o(), .retire_o(), .idle_o(idle), .wake_o(wake)
        );
      end else if (Kind == KindMem) begin : gen_mem
        localparam int unsigned M = mem_index(N);
        tsr_mem u_mem (
          .clk_i, .rst_ni, .node_i(node), .cfg_i(Cfg), .now_i(now_q),
          .req_tx_valid_o(req_rx_valid[N][0]), .req_tx_flit_o(req_rx_flit[N][0]),
          .req_tx_credit_i(req_rx_credit[N][0]),
          .req_rx_valid_i(req_tx_valid[N][0]), .req_rx_flit_i(req_tx_flit[N][0]),
          .req_rx_credit_o(req_tx_credit[N][0]),
          .rsp_tx_valid_o(rsp_rx_valid[N][0]), .rsp_tx_flit_o(rsp_rx_flit[N][0]),
          .rsp_tx_credit_i(rsp_rx_credit[N][0]),
          .rsp_rx_valid_i(rsp_tx_valid[N][0]), .rsp_rx_flit_i(rsp_tx_flit[N][0]),
          .rsp_rx_credit_o(rsp_tx_credit[N][0]),
          .dfi_cmd_o(dfi_cmd_o[M]), .dfi_wstrb_o(dfi_wstrb_o[M]), .dfi_wdata_o(dfi_wdata_o[M]),
          .dfi_wside_o(dfi_wside_o[M]), .dfi_rvalid_i(dfi_rvalid_i[M]), .dfi_rdata_i(dfi_rdata_i[M]),
          .dfi_rside_i(dfi_rside_i[M]), .router_sel_o(cnt_sel), .router_cnt_i(cnt), .idle_o(), .wake_o()
        );
      end else begin : gen_bare
        tsr_bare u_bare (
          .clk_i, .rst_ni, .node_i(node), .cfg_i(Cfg), .now_i(now_q),
          .req_tx_valid_o(req_rx_valid[N][0]), .req_tx_flit_o(req_rx_flit[N][0]),
          .req_tx_credit_i(req_rx_credit[N][0]),
          .req_rx_valid_i(req_tx_valid[N][0]), .req_rx_flit_i(req_tx_flit[N][0]),
          .req_rx_credit_o(req_tx_credit[N][0]),
          .rsp_tx_valid_o(rsp_rx_valid[N][0]), .rsp_tx_flit_o(rsp_rx_flit[N][0]),
          .rsp_tx_credit_i(rsp_rx_credit[N][0]),
          .rsp_rx_valid_i(rsp_tx_valid[N][0]), .rsp_rx_flit_i(rsp_tx_flit[N][0]),
          .rsp_rx_credit_o(rsp_tx_credit[N][0]),
          .router_sel_o(cnt_sel), .router_cnt_i(cnt), .idle_o()
        );
      end
    end
  end

endmodule
