// SPDX-License-Identifier: Apache-2.0

/// Tells answers to other nodes' reads, which come by multicast, from answers to this node's own requests, and
/// which of them the scratchpad may take: what lies within the range that REMOTE_CTRL opens for writes.
///
/// Combinational. Whatever is not taken is dropped: a node never holds up what others read.
/// The ctl node takes none, and says nothing about it.
module tsr_listen
  import tsr_pkg::*;
  import tsr_tile_pkg::*;
#(
  parameter bit          IsCtl    = 1'b0,
  parameter int unsigned SpmBytes = 262144  // scratchpad size
) (
  input  node_t     node_i,
  input  node_t     ctl_i,           // the ctl node: may write anywhere
  // Rights of other nodes.
  input  logic      remote_write_i,
  input  spm_addr_t remote_base_i,
  input  spm_addr_t remote_limit_i,

  // A response that arrived; its data are damaged.
  input  logic      valid_i,
  input  hdr_t      hdr_i,
  input  logic      data_bad_i,

  output logic      heard_o,         // another node asked for it
  output logic      drop_o,          // and it is not stored
  output err_e      err_o,           // why; ErrNone: nobody needs to know
  output addr_t     addr_o,          // its first byte, here
  output node_t     src_o            // who asked
);

  logic [5:0]  first_lane, last_lane;
  logic [23:0] first, last;          // scratchpad offsets

  // Byte 0 of the block may lie below offset 0; its valid bytes may not.
  always_comb begin
    heard_o    = valid_i && hdr_i.mcast && hdr_i.owner != node_i;
    first_lane = '0;
    last_lane  = '0;
    first      = '0;
    last       = '0;
    if (heard_o) begin
      for (int unsigned i = 64; i > 0; i--) if (hdr_i.strb[i-1]) first_lane = 6'(i - 1);
      for (int unsigned i = 0; i < 64; i++) if (hdr_i.strb[i]) last_lane = 6'(i);
      first = hdr_i.doff + {18'b0, first_lane};
      last  = hdr_i.doff + {18'b0, last_lane};
    end
  end

  always_comb begin
    drop_o = 1'b0;
    err_o  = ErrNone;
    if (heard_o) begin
      if (IsCtl) drop_o = 1'b1;
      else if (data_bad_i) err_o = ErrParity;
      else if (hdr_i.poison) err_o = ErrPoison;
      else if (first > last || {8'b0, last} >= SpmBytes) err_o = ErrUnmapped;
      else if (hdr_i.owner != ctl_i && (!remote_write_i || first < {2'b0, remote_base_i} ||
                                        last > {2'b0, remote_limit_i})) begin
        err_o = ErrForbidden;
      end
      if (err_o != ErrNone) drop_o = 1'b1;
    end
  end

  assign addr_o = {SpaceNode, 8'b0, node_i, SpmBase + {8'b0, first}};
  assign src_o  = hdr_i.owner;

endmodule
