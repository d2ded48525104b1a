// SPDX-License-Identifier: Apache-2.0
/// Error correction of a 32-byte atom: single errors are corrected, double errors are detected, anywhere among
/// its 256 data bits and 16 side bits.
///
/// Side bits: [9:0] check bits, [15:10] poison, six copies. Every bit of the codeword (data and check) has a column of
/// odd weight in the check matrix, all different: so one error gives an odd syndrome that names the bit, two give
/// an even one. The column of data bit i is {1, parity of i, i}, with bit 0's i replaced by 255 and its
/// first bit by 0: most of the matrix is the bit's number, so that four words are folded into one before the parities are
/// taken. All zero is valid: memory that was never written reads as zero without an error.
///
/// Mirrored for C++ in `model/dram/ecc.hpp`, written independently; a test compares both.
package tsr_hbm_ecc_pkg;

  import tsr_hbm_pkg::*;

  localparam int unsigned CheckW = 10;
  localparam int unsigned SideW  = 16;
  typedef logic [CheckW-1:0] check_t;
  typedef logic [SideW-1:0]  side_t;

  /// Bits of an atom with its side bits: data 255:0, side bits 271:256.
  localparam int unsigned CodeW = 272;
  typedef logic [8:0] code_idx_t;

  // Bits whose number has bit k set, and those whose number has odd parity.
  localparam logic [63:0] Mask0   = 64'hAAAA_AAAA_AAAA_AAAA;
  localparam logic [63:0] Mask1   = 64'hCCCC_CCCC_CCCC_CCCC;
  localparam logic [63:0] Mask2   = 64'hF0F0_F0F0_F0F0_F0F0;
  localparam logic [63:0] Mask3   = 64'hFF00_FF00_FF00_FF00;
  localparam logic [63:0] Mask4   = 64'hFFFF_0000_FFFF_0000;
  localparam logic [63:0] Mask5   = 64'hFFFF_FFFF_0000_0000;
  localparam logic [63:0] MaskOdd = 64'h6996_9669_9669_6996;

  /// Check bits of an atom.
  function automatic check_t ecc_check(atom_t d);
    logic [63:0] all;
    logic        zero;
    check_t      c;
    all  = d[0] ^ d[1] ^ d[2] ^ d[3];
    zero = d[0][0];
    c[0] = ^(all & Mask0) ^ zero;
    c[1] = ^(all & Mask1) ^ zero;
    c[2] = ^(all & Mask2) ^ zero;
    c[3] = ^(all & Mask3) ^ zero;
    c[4] = ^(all & Mask4) ^ zero;
    c[5] = ^(all & Mask5) ^ zero;
    c[6] = ^(d[1] ^ d[3]) ^ zero;
    c[7] = ^(d[2] ^ d[3]) ^ zero;
    c[8] = ^(((d[0] ^ d[3]) & MaskOdd) ^ ((d[1] ^ d[2]) & ~MaskOdd)) ^ zero;
    c[9] = ^all ^ zero;
    return c;
  endfunction

  /// Side bits of an atom.
  function automatic side_t ecc_side(atom_t d, logic poison);
    return {{6{poison}}, ecc_check(d)};
  endfunction

  /// What a stored atom turns out to be.
  typedef struct packed {
    logic       fixed;     // it had errors, all of them corrected
    logic       lost;      // it has errors that cannot be corrected
    logic       poison;    // it was stored as poison
    logic       flip;      // data bit `index` is wrong
    logic [7:0] index;
    check_t     syndrome;
  } verdict_t;

  function automatic verdict_t ecc_verdict(atom_t d, side_t side);
    verdict_t   v;
    logic [2:0] copies;
    logic       single;
    v          = '0;
    v.syndrome = ecc_check(d) ^ side[9:0];
    copies     = 3'($countones(side[15:10]));
    v.poison   = copies >= 3'd3;
    if ((v.syndrome != '0) || ((copies != 3'd0) && (copies != 3'd6))) begin
      single = (v.syndrome & (v.syndrome - 1'b1)) == '0;  // one check bit, or none
      // An odd syndrome whose first bit is 1 is the number of a data bit; the remaining column is that of bit 0.
      v.flip  = !single && ((^v.syndrome && v.syndrome[9]) || (v.syndrome == 10'h1ff));
      v.index = v.syndrome[9] ? v.syndrome[7:0] : '0;
      v.lost  = !single && !v.flip;
      v.fixed = !v.lost;
    end
    return v;
  endfunction

  /// The atom with bit `index` flipped.
  function automatic atom_t flip_bit(atom_t d, logic [7:0] index);
    atom_t r;
    r = d;
    for (int unsigned l = 0; l < 4; l++) begin
      if (index[7:6] == 2'(l)) r[l] = d[l] ^ (64'd1 << index[5:0]);
    end
    return r;
  endfunction

  /// Deliberate errors: flip bit `first`, and `second` if `two`, of the next atom that is written.
  typedef struct packed {
    logic      arm;
    logic      two;
    code_idx_t second;
    code_idx_t first;
  } inject_t;

  /// What happened to the data path of a pseudo channel in a cycle.
  typedef struct packed {
    logic [1:0]    fixed;    // atom of the block read with a corrected error
    logic [1:0]    lost;     // with one that cannot be corrected
    check_t [1:0]  syndrome;
    logic [33:0]   blk;      // the block, as in rd_meta_t
    logic          scrub;    // for the scrubber; then blk is node-local
    logic          rmw;      // a partial write reads the rest of its atoms
    logic          atomic;   // an atomic begins
    logic          scrubbed; // the scrubber reads a block
    logic          repaired; // the scrubber writes a block back
  } ecc_event_t;

endpackage
