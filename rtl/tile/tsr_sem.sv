// SPDX-License-Identifier: Apache-2.0
`include "tsr_assert.svh"

/// Sixteen counting semaphores with waits of the engines, posts from all sides and the core's access.
///
/// Latency: a post is visible to waits and reads one cycle later. Grants are combinational.
/// Throughput: any number of posts and one wait grant a cycle; the core's take pauses grants.
/// Reset: all values zero.
///
/// Values are 16 bits and must not overflow: firmware bounds what is outstanding.
module tsr_sem
  import tsr_tile_pkg::*;
#(
  parameter int unsigned NumPosts = 7  // post ports, 1 or more
) (
  input  logic                         clk_i,
  input  logic                         rst_ni,

  // Waits: granted when both enabled conditions hold; granting subtracts.
  input  logic      [NumEng-1:0]       wait_valid_i,
  input  sem_wait_t [NumEng-1:0][1:0]  wait_i,
  output logic      [NumEng-1:0]       wait_gnt_o,

  // Posts.
  input  logic      [NumPosts-1:0]      post_valid_i,
  input  logic      [NumPosts-1:0][3:0] post_id_i,
  input  logic      [NumPosts-1:0][7:0] post_n_i,

  // Core: take `take_n_i` from `take_id_i`; `take_err_o` (same cycle) when it holds less.
  input  logic                         take_valid_i,
  input  logic [3:0]                   take_id_i,
  input  logic [7:0]                   take_n_i,
  output logic                         take_err_o,

  output logic [15:0][15:0]            value_o
);

  logic [15:0][15:0] sem_q;
  logic [NumEng-1:0] can;
  logic [2:0]        last_q;  // engine granted last: the next one has priority

  assign value_o    = sem_q;
  assign take_err_o = take_valid_i && sem_q[take_id_i] < {8'b0, take_n_i};

  // Two waits on one semaphore need the sum.
  function automatic logic satisfied(sem_wait_t [1:0] w, logic [15:0] v0, logic [15:0] v1);
    logic [15:0] need0;
    need0 = {8'b0, w[0].n};
    if (w[1].en && w[0].id == w[1].id) need0 += {8'b0, w[1].n};
    return (!w[0].en || v0 >= need0) && (!w[1].en || v1 >= {8'b0, w[1].n});
  endfunction

  always_comb begin
    can = '0;
    for (int unsigned e = 0; e < NumEng; e++) begin
      if (wait_valid_i[e]) begin
        can[e] = satisfied(wait_i[e], sem_q[wait_i[e][0].id], sem_q[wait_i[e][1].id]);
      end
    end
  end

  // Engines behind the one granted last come first.
  logic [NumEng-1:0] behind, pick;
  assign behind     = can & ~((NumEng'(2) << last_q) - 1'b1);
  assign pick       = behind != '0 ? behind : can;
  assign wait_gnt_o = take_valid_i ? '0 : pick & (~pick + 1'b1);

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      sem_q  <= '0;
      last_q <= '0;
    end else if (|post_valid_i || |wait_gnt_o || take_valid_i) begin
      logic [15:0][15:0] s;
      s = sem_q;
      for (int unsigned p = 0; p < NumPosts; p++) begin
        if (post_valid_i[p]) s[post_id_i[p]] = s[post_id_i[p]] + {8'b0, post_n_i[p]};
      end
      for (int unsigned e = 0; e < NumEng; e++) begin
        if (wait_gnt_o[e]) begin
          last_q <= 3'(e);
          for (int unsigned i = 0; i < 2; i++) begin
            if (wait_i[e][i].en) s[wait_i[e][i].id] = s[wait_i[e][i].id] - {8'b0, wait_i[e][i].n};
          end
        end
      end
      if (take_valid_i && !take_err_o) s[take_id_i] = s[take_id_i] - {8'b0, take_n_i};
      sem_q <= s;
    end
  end

  // ---------------------------------------------------------------- implementation checks
  `TSR_ASSERT(GrantOneHot, (wait_gnt_o & (wait_gnt_o - 1'b1)) == '0)
  `TSR_ASSERT(GrantOnlyWaiting, (wait_gnt_o & ~wait_valid_i) == '0)

endmodule
