// SPDX-License-Identifier: Apache-2.0

/// Performance counters of a hart node. For each engine every cycle belongs to exactly one state; idle
/// is what remains of the elapsed time, so that a sleeping node need not count.
///
/// Latency: the selected value is registered, one cycle after its event or selection.
/// Reset: all counters zero.
module tsr_node_counters
  import tsr_tile_pkg::*;
(
  input  logic                     clk_i,
  input  logic                     rst_ni,
  input  logic [63:0]              now_i,
  input  logic                     clear_i,

  input  eng_state_e [NumEng-1:0]  state_i,
  input  logic [NumEng-1:0]        wait_sem_i,   // a command waits for its semaphores
  input  logic [NumEng-1:0]        start_i,      // a command is offered to the engine
  input  logic [NumEng-1:0]        done_i,
  input  logic [NumEng-1:0][15:0]  ops_i,
  input  logic [NumEng-1:0]        row_i,        // a context row was loaded
  input  logic                     req_tx_i,
  input  logic                     req_rx_i,
  input  logic                     rsp_tx_i,
  input  logic                     rsp_rx_i,
  input  logic                     instret_i,
  input  logic                     conflict_i,
  input  logic                     par_err_i,
  input  logic                     heard_i,      // a block that another node read was stored
  input  logic                     unheard_i,    // or refused

  input  logic [6:0]               sel_i,        // see regs/tile.toml COUNT_SEL
  output logic [63:0]              value_o
);

  typedef logic [47:0] count_t;

  count_t [NumEng-1:0][6:0] state_q;   // [0] stays zero: idle is derived
  count_t [NumEng-1:0]      done_q, ops_q, rows_q;
  count_t [9:0]             event_q;   // [1]..[7]: selectors 113..119; [8], [9]: 122, 123
  logic   [63:0]            start_q, first_q, last_q;
  logic                     any_q;     // a command was started since the counters were cleared
  eng_state_e [NumEng-1:0]  state;
  logic   [9:0]             events;

  assign events = {unheard_i, heard_i, par_err_i, conflict_i, instret_i, rsp_rx_i, rsp_tx_i, req_rx_i, req_tx_i, 1'b0};

  always_comb begin
    for (int unsigned e = 0; e < NumEng; e++) begin
      state[e] = state_i[e] == StIdle && wait_sem_i[e] ? StWaitSem : state_i[e];
    end
  end

  always_ff @(posedge clk_i) begin
    if (!rst_ni || clear_i) begin
      state_q <= '0;
      done_q  <= '0;
      ops_q   <= '0;
      rows_q  <= '0;
      event_q <= '0;
      start_q <= now_i;
      first_q <= now_i;
      last_q  <= now_i;
      any_q   <= 1'b0;
    end else begin
      for (int unsigned e = 0; e < NumEng; e++) begin
        for (int unsigned s = 1; s < 7; s++) begin
          if (state[e] == 3'(s)) state_q[e][s] <= state_q[e][s] + 48'd1;
        end
        if (done_i[e]) done_q[e] <= done_q[e] + 48'd1;
        if (row_i[e]) rows_q[e] <= rows_q[e] + 48'd1;
        if (ops_i[e] != '0) ops_q[e] <= ops_q[e] + {32'b0, ops_i[e]};
      end
      if (start_i != '0) any_q <= 1'b1;
      if (start_i != '0 && !any_q) first_q <= now_i;
      if (done_i != '0) last_q <= now_i;
      for (int unsigned i = 1; i < 10; i++) if (events[i]) event_q[i] <= event_q[i] + 48'd1;
    end
  end

  // ---------------------------------------------------------------- selection
  logic [63:0] elapsed;
  logic [2:0]  eng;
  logic        is_eng;
  assign elapsed = now_i - start_q;
  assign is_eng  = sel_i[6:4] < 3'(NumEng);
  assign eng     = is_eng ? sel_i[6:4] : 3'd0;

  always_ff @(posedge clk_i) begin
    value_o <= '0;
    if (is_eng) begin
      unique case (sel_i[3:0])
        4'd0: begin
          value_o <= elapsed - {16'b0, state_q[eng][1]} - {16'b0, state_q[eng][2]} -
                     {16'b0, state_q[eng][3]} - {16'b0, state_q[eng][4]} -
                     {16'b0, state_q[eng][5]} - {16'b0, state_q[eng][6]};
        end
        4'd1, 4'd2, 4'd3, 4'd4, 4'd5, 4'd6: value_o <= {16'b0, state_q[eng][sel_i[2:0]]};
        4'd8:    value_o <= {16'b0, done_q[eng]};
        4'd9:    value_o <= {16'b0, ops_q[eng]};
        4'd10:   value_o <= {16'b0, rows_q[eng]};
        default: ;
      endcase
    end else if (sel_i[6:4] != 3'd7) begin
      value_o <= '0;
    end else if (sel_i[3:0] == 4'd0) begin
      value_o <= elapsed;
    end else if (sel_i[3:0] <= 4'd7) begin
      value_o <= {16'b0, event_q[sel_i[2:0]]};
    end else if (sel_i[3:0] == 4'd8) begin
      value_o <= first_q;
    end else if (sel_i[3:0] == 4'd9) begin
      value_o <= last_q;
    end else if (sel_i[3:0] == 4'd10) begin
      value_o <= {16'b0, event_q[8]};
    end else if (sel_i[3:0] == 4'd11) begin
      value_o <= {16'b0, event_q[9]};
    end
  end

endmodule
