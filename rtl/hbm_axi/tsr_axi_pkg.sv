// SPDX-License-Identifier: Apache-2.0
/// Types of the HBM controller's AXI4 port: 32-bit addresses, 512-bit data.
package tsr_axi_pkg;

  typedef logic [31:0] addr_t;

  typedef enum logic [1:0] { BurstFixed = 2'd0, BurstIncr = 2'd1, BurstWrap = 2'd2 } burst_e;

  /// RespExOkay is never given: exclusive accesses are served as plain ones.
  typedef enum logic [1:0] { RespOkay = 2'd0, RespExOkay = 2'd1, RespSlvErr = 2'd2, RespDecErr = 2'd3 } resp_e;

  /// A burst as AR and AW carry it. `high`: QoS 8 and above.
  typedef struct packed {
    addr_t      addr;
    logic [7:0] len;    // beats - 1
    logic [2:0] size;   // bytes of a beat, log2, at most 6
    burst_e     burst;
    logic       high;
  } cmd_t;

  /// Address of the beat after the one at `cmd.addr`.
  function automatic addr_t next_addr(cmd_t cmd);
    addr_t step, up, wrap;
    step = addr_t'(1) << cmd.size;
    up   = (cmd.addr & ~(step - 32'd1)) + step;
    wrap = (({24'b0, cmd.len} + 32'd1) << cmd.size) - 32'd1;
    unique case (cmd.burst)
      BurstFixed: return cmd.addr;
      BurstWrap:  return (cmd.addr & ~wrap) | (up & wrap);
      default:    return up;
    endcase
  endfunction

  /// The worse of two responses.
  function automatic resp_e worse(resp_e a, resp_e b);
    return (a > b) ? a : b;
  endfunction

endpackage
