// SPDX-License-Identifier: Apache-2.0
/// A monolithic mesh of router nodes whose local ports are left to the bench. Small by default, because every
/// node is compiled on its own; larger meshes are composed of separately verilated nodes (composed_mesh.hpp).
///
/// *Latency:* 2 cycles a hop. *Backpressure, Throughput, Reset:* as tsr_router.
module noc_mesh
  import tsr_pkg::*;
#(
  /// Columns and rows, 1..63.
  parameter int unsigned W = 3,
  parameter int unsigned H = 2,
  localparam int unsigned N = W * H
) (
  input  logic                     clk_i,
  input  logic                     rst_ni,
  input  age_t                     now_i,

  /// Local links of node y * W + x; index [network], request 0, response 1.
  input  logic  [1:0][N-1:0]       rx_valid_i,
  input  flit_t [1:0][N-1:0]       rx_flit_i,
  output logic  [1:0][N-1:0][1:0]  rx_credit_o,
  output logic  [1:0][N-1:0]       tx_valid_o,
  output flit_t [1:0][N-1:0]       tx_flit_o,
  input  logic  [1:0][N-1:0][1:0]  tx_credit_i,

  input  logic [3:0]               cnt_sel_i,
  output logic [N-1:0][31:0]       cnt_o,
  output logic [N-1:0]             idle_o
);

  for (genvar y = 0; y < H; y++) begin : gen_y
    for (genvar x = 0; x < W; x++) begin : gen_x
      localparam int unsigned I = y * W + x;
      localparam bit [NumDir-1:0] LinkEn = {x > 0, y < H - 1, x < W - 1, y > 0, 1'b1};

      logic  [1:0][NumDir-1:0]            rx_valid, tx_valid;
      flit_t [1:0][NumDir-1:0]            rx_flit, tx_flit;
      logic  [1:0][NumDir-1:0][NumVc-1:0] rx_credit, tx_credit;

      tsr_router_node u_node (
        .clk_i,
        .rst_ni,
        .node_i(node_t'{y: coord_t'(y), x: coord_t'(x)}),
        .now_i,
        .link_en_i(LinkEn),
        .req_rx_valid_i(rx_valid[0]), .req_rx_flit_i(rx_flit[0]), .req_rx_credit_o(rx_credit[0]),
        .req_tx_valid_o(tx_valid[0]), .req_tx_flit_o(tx_flit[0]), .req_tx_credit_i(tx_credit[0]),
        .rsp_rx_valid_i(rx_valid[1]), .rsp_rx_flit_i(rx_flit[1]), .rsp_rx_credit_o(rx_credit[1]),
        .rsp_tx_valid_o(tx_valid[1]), .rsp_tx_flit_o(tx_flit[1]), .rsp_tx_credit_i(tx_credit[1]),
        .cnt_sel_i,
        .cnt_o(cnt_o[I]),
        .idle_o(idle_o[I])
      );

      for (genvar k = 0; k < 2; k++) begin : gen_net
        assign rx_valid[k][DirLocal]  = rx_valid_i[k][I];
        assign rx_flit[k][DirLocal]   = rx_flit_i[k][I];
        assign rx_credit_o[k][I]      = rx_credit[k][DirLocal];
        assign tx_valid_o[k][I]       = tx_valid[k][DirLocal];
        assign tx_flit_o[k][I]        = tx_flit[k][DirLocal];
        assign tx_credit[k][DirLocal] = tx_credit_i[k][I];

        if (y > 0) begin : gen_north
          assign rx_valid[k][DirNorth]  = gen_y[y-1].gen_x[x].tx_valid[k][DirSouth];
          assign rx_flit[k][DirNorth]   = gen_y[y-1].gen_x[x].tx_flit[k][DirSouth];
          assign tx_credit[k][DirNorth] = gen_y[y-1].gen_x[x].rx_credit[k][DirSouth];
        end else begin : gen_no_north
          assign rx_valid[k][DirNorth]  = 1'b0;
          assign rx_flit[k][DirNorth]   = '0;
          assign tx_credit[k][DirNorth] = '0;
        end
        if (y < H - 1) begin : gen_south
          assign rx_valid[k][DirSouth]  = gen_y[y+1].gen_x[x].tx_valid[k][DirNorth];
          assign rx_flit[k][DirSouth]   = gen_y[y+1].gen_x[x].tx_flit[k][DirNorth];
          assign tx_credit[k][DirSouth] = gen_y[y+1].gen_x[x].rx_credit[k][DirNorth];
        end else begin : gen_no_south
          assign rx_valid[k][DirSouth]  = 1'b0;
          assign rx_flit[k][DirSouth]   = '0;
          assign tx_credit[k][DirSouth] = '0;
        end
        if (x > 0) begin : gen_west
          assign rx_valid[k][DirWest]  = gen_y[y].gen_x[x-1].tx_valid[k][DirEast];
          assign rx_flit[k][DirWest]   = gen_y[y].gen_x[x-1].tx_flit[k][DirEast];
          assign tx_credit[k][DirWest] = gen_y[y].gen_x[x-1].rx_credit[k][DirEast];
        end else begin : gen_no_west
          assign rx_valid[k][DirWest]  = 1'b0;
          assign rx_flit[k][DirWest]   = '0;
          assign tx_credit[k][DirWest] = '0;
        end
        if (x < W - 1) begin : gen_east
          assign rx_valid[k][DirEast]  = gen_y[y].gen_x[x+1].tx_valid[k][DirWest];
          assign rx_flit[k][DirEast]   = gen_y[y].gen_x[x+1].tx_flit[k][DirWest];
          assign tx_credit[k][DirEast] = gen_y[y].gen_x[x+1].rx_credit[k][DirWest];
        end else begin : gen_no_east
          assign rx_valid[k][DirEast]  = 1'b0;
          assign rx_flit[k][DirEast]   = '0;
          assign tx_credit[k][DirEast] = '0;
        end
      end
    end
  end

endmodule
