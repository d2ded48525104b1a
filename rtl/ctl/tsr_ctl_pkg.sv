// SPDX-License-Identifier: Apache-2.0
/// Types at the border of the ctl node: host port, fuses, peripheral pages and interrupt numbers.
package tsr_ctl_pkg;

  // ---------------------------------------------------------------- peripherals

  /// Page of a peripheral: addr[15:12] of its register bus address.
  typedef enum logic [3:0] {
    PageUart    = 4'd0,
    PageTimer   = 4'd1,
    PageMailbox = 4'd2,
    PageFuse    = 4'd3,
    PageWdog    = 4'd4,
    PageSys     = 4'd5
  } page_e;
  localparam int unsigned NumPages = 6;

  // Bit of a peripheral in the interrupt vector; bit n is the core's mip[16 + n]. Bits 0..7 belong to
  // the interrupts of the hart node.
  localparam int unsigned IrqUart    = 8;
  localparam int unsigned IrqTimer   = 9;
  localparam int unsigned IrqMailbox = 10;
  localparam int unsigned IrqWdog    = 11;

  /// Fuses and build straps, constant out of reset. Node n of a map is n = y * 8 + x.
  typedef struct packed {
    logic        debug_open;  // debug access stays open after boot
    logic [63:0] dead_south;  // link between node n and its southern neighbour is dead
    logic [63:0] dead_east;   // link between node n and its eastern neighbour is dead
    logic [63:0] dead_tiles;  // the tile of node n must not be used
    logic [63:0] tiles;       // node n was built with a tile
  } fuse_t;

  // ---------------------------------------------------------------- host port

  /// Requests that the host may have sent without getting their credit back.
  localparam int unsigned HostDepth = 8;

  /// Request of the host.
  typedef struct packed {
    logic           write;
    tsr_pkg::addr_t addr;  // write: multiple of 64; read: first byte
    logic [63:0]    strb;  // write: byte enables; read: [8:0] = bytes, 1..64 within an aligned 64-byte block
    logic [5:0]     tag;   // comes back in the response
    tsr_pkg::data_t data;  // write only
  } host_req_t;

  /// Response to the host; every request gets exactly one, in any order.
  typedef struct packed {
    logic [5:0]     tag;
    tsr_pkg::err_e  err;   // ErrNone: done
    tsr_pkg::data_t data;  // read without error: the aligned 64-byte block; bytes not asked for are undefined
  } host_rsp_t;

endpackage
