// SPDX-License-Identifier: Apache-2.0
/// Rules of the streams as pure functions: legal configurations, masks of an access, transposes.
/// The C++ mirror is `model/engines/agu.hpp`.
package tsr_stream_pkg;
  import tsr_tile_pkg::*;

  // ---------------------------------------------------------------- legal configurations

  /// A field that no stream can honour: pitch or delta not a multiple of 8, count 0, a loop number
  /// beyond the last loop, a transpose that does not match the lane pattern. `base` is not looked at.
  function automatic logic agu_bad(agu_cfg_t c);
    logic bad;
    bad = c.pitch[2:0] != '0;
    for (int unsigned j = 0; j < 6; j++) begin
      bad |= c.loop[j].count == '0 || c.step[j].delta[2:0] != '0;
    end
    bad |= c.redge_en && c.redge_loop > 3'd5;
    bad |= c.bedge_en && c.bedge_loop > 3'd5;
    bad |= c.gather && c.gather_loop > 3'd6;
    unique case (c.xpose)
      XposeNone: ;
      XposeB1: bad |= c.w_log2 != 2'd0;
      XposeB2: bad |= c.w_log2 != 2'd1;
      XposeB4: bad |= c.w_log2 != 2'd2;
    endcase
    return bad;
  endfunction

  /// The configuration asks for gather or a transpose of a stream that has none.
  function automatic logic agu_lacks(agu_cfg_t c, logic gather, logic xpose);
    return (c.gather && !gather) || (c.xpose != XposeNone && !xpose);
  endfunction

  /// Byte address that is not a multiple of 8, or beyond any scratchpad (4 MiB).
  function automatic logic base_bad(logic [31:0] addr);
    return addr[2:0] != '0 || addr[31:SpmAw] != '0;
  endfunction

  // ---------------------------------------------------------------- masks

  /// Row groups 0..7 (bit g) whose row first + g is below n.
  function automatic logic [7:0] rows_below(logic [4:0] first, logic [4:0] n);
    logic [4:0] k;
    k = n - first;
    if (n <= first) return 8'h00;
    return (k > 5'd7) ? 8'hff : ~(8'hff << k[2:0]);
  endfunction

  /// Row groups 0..7 (bit g) that lie in the picture of w columns and h rows: row y, column
  /// x + g * xstep. Positions are 16-bit two's complement: a sum that wraps is outside of every picture, and
  /// so is the column that it stands for.
  function automatic logic [7:0] rows_in_plane(logic [15:0] x, logic [15:0] y, logic [9:0] xstep,
                                               logic [11:0] w, logic [11:0] h);
    logic [7:0]  r;
    logic [15:0] at;
    r = '0;
    if (y < {4'b0, h}) begin
      for (int unsigned g = 0; g < 8; g++) begin
        at   = x + {6'b0, xstep} * 16'(g);
        r[g] = at < {4'b0, w};
      end
    end
    return r;
  endfunction

  /// The first n bytes.
  function automatic logic [63:0] bytes_below(logic [6:0] n);
    return (n > 7'd63) ? '1 : ~({64{1'b1}} << n[5:0]);
  endfunction

  /// Strobes of an access: `bytes` (its low 8 w bits) in each row group of `rows`.
  function automatic logic [63:0] group_strb(logic [1:0] w_log2, logic [7:0] rows,
                                             logic [63:0] bytes);
    logic [63:0] r;
    r = '0;
    unique case (w_log2)
      2'd0: for (int unsigned g = 0; g < 8; g++) if (rows[g]) r[8*g+:8] = bytes[7:0];
      2'd1: for (int unsigned g = 0; g < 4; g++) if (rows[g]) r[16*g+:16] = bytes[15:0];
      2'd2: for (int unsigned g = 0; g < 2; g++) if (rows[g]) r[32*g+:32] = bytes[31:0];
      2'd3: if (rows[0]) r = bytes;
    endcase
    return r;
  endfunction

  /// Data with the bytes outside the mask cleared.
  function automatic logic [7:0][63:0] clear_masked(logic [7:0][63:0] data, logic [63:0] strb);
    logic [7:0][63:0] r;
    r = data;
    for (int unsigned l = 0; l < 8; l++) begin
      if (strb[8*l+:8] == '0) begin
        r[l] = '0;
      end else if (strb[8*l+:8] != '1) begin
        for (int unsigned b = 0; b < 8; b++) if (!strb[8*l+b]) r[l][8*b+:8] = '0;
      end
    end
    return r;
  endfunction

  // ---------------------------------------------------------------- in-beat transpose

  /// Half of each butterfly: keep `own` where `keep` is set, fill the rest from the partner lane.
  function automatic logic [63:0] merge(logic [63:0] own, logic [63:0] partner, logic [63:0] keep);
    return (own & keep) | (partner & ~keep);
  endfunction

  /// 8 x 8 bytes: out lane c, byte r = in lane r, byte c. Three butterflies: blocks of 4, 2, 1 bytes.
  function automatic logic [7:0][63:0] xpose_b1(logic [7:0][63:0] d);
    logic [7:0][63:0] a, b;
    for (int unsigned l = 0; l < 8; l++) begin
      if (l[2]) a[l] = merge(d[l], d[l^4] >> 32, 64'hffff_ffff_0000_0000);
      else a[l] = merge(d[l], d[l^4] << 32, 64'h0000_0000_ffff_ffff);
    end
    for (int unsigned l = 0; l < 8; l++) begin
      if (l[1]) b[l] = merge(a[l], a[l^2] >> 16, 64'hffff_0000_ffff_0000);
      else b[l] = merge(a[l], a[l^2] << 16, 64'h0000_ffff_0000_ffff);
    end
    for (int unsigned l = 0; l < 8; l++) begin
      if (l[0]) a[l] = merge(b[l], b[l^1] >> 8, 64'hff00_ff00_ff00_ff00);
      else a[l] = merge(b[l], b[l^1] << 8, 64'h00ff_00ff_00ff_00ff);
    end
    return a;
  endfunction

  /// 4 rows (two lanes each) x 8 elements of 2 bytes: out lane c, element r = row r, element c. Lanes of equal
  /// parity hold a 4 x 4 block; two butterflies.
  function automatic logic [7:0][63:0] xpose_b2(logic [7:0][63:0] d);
    logic [7:0][63:0] a, b;
    for (int unsigned l = 0; l < 8; l++) begin
      if (l[2]) a[l] = merge(d[l], d[l^4] >> 32, 64'hffff_ffff_0000_0000);
      else a[l] = merge(d[l], d[l^4] << 32, 64'h0000_0000_ffff_ffff);
    end
    for (int unsigned l = 0; l < 8; l++) begin
      if (l[1]) b[l] = merge(a[l], a[l^2] >> 16, 64'hffff_0000_ffff_0000);
      else b[l] = merge(a[l], a[l^2] << 16, 64'h0000_ffff_0000_ffff);
    end
    return {b[7], b[5], b[3], b[1], b[6], b[4], b[2], b[0]};
  endfunction

  /// 2 rows (four lanes each) x 8 elements of 4 bytes: out lane c, element r = row r, element c.
  function automatic logic [7:0][63:0] xpose_b4(logic [7:0][63:0] d);
    logic [7:0][63:0] r;
    for (int unsigned l = 0; l < 4; l++) begin
      r[2*l]   = {d[l+4][31:0], d[l][31:0]};
      r[2*l+1] = {d[l+4][63:32], d[l][63:32]};
    end
    return r;
  endfunction

  /// Data of a beat, transposed.
  function automatic logic [7:0][63:0] xpose_data(logic [7:0][63:0] d, xpose_e mode);
    unique case (mode)
      XposeNone: return d;
      XposeB1: return xpose_b1(d);
      XposeB2: return xpose_b2(d);
      XposeB4: return xpose_b4(d);
    endcase
  endfunction

  /// Byte mask of a beat, transposed with its data.
  function automatic logic [63:0] xpose_strb(logic [63:0] s, xpose_e mode);
    logic [63:0] r;
    r = s;
    unique case (mode)
      XposeNone: ;
      XposeB1: begin
        for (int unsigned i = 0; i < 64; i++) r[(i%8)*8+i/8] = s[i];
      end
      XposeB2: begin  // i: row i / 16, element (i / 2) mod 8, byte i mod 2
        for (int unsigned i = 0; i < 64; i++) r[((i/2)%8)*8+(i/16)*2+i%2] = s[i];
      end
      XposeB4: begin  // i: row i / 32, element (i / 4) mod 8, byte i mod 4
        for (int unsigned i = 0; i < 64; i++) r[((i/4)%8)*8+(i/32)*4+i%4] = s[i];
      end
    endcase
    return r;
  endfunction

endpackage
