// SPDX-License-Identifier: Apache-2.0

/// Captures the first and the last error of a node: failed engine commands, refused
/// accesses, and commands with format flags (NaN, overflow).
///
/// Latency: an error is readable one cycle after it happened.
/// Throughput: any number of errors a cycle; the lowest source is first, the highest is last.
/// Reset: nothing captured; the details are valid only while `ERR_STATUS.VALID` is set.
module tsr_err_log
  import tsr_pkg::*;
  import tsr_tile_pkg::*;
(
  input  logic               clk_i,

  input  done_t [NumEng-1:0] done_i,        // sources 0..4
  input  logic               in_valid_i,    // source 5: another node's access was refused
  input  err_e               in_err_i,
  input  addr_t              in_addr_i,
  input  node_t              in_src_i,
  input  logic               out_valid_i,   // source 6: an access of this node was refused
  input  err_e               out_err_i,
  input  addr_t              out_addr_i,
  input  node_t              node_i,
  input  logic               heard_valid_i, // source 7: an answer to another node's read was refused
  input  err_e               heard_err_i,
  input  addr_t              heard_addr_i,
  input  node_t              heard_src_i,

  input  logic               armed_i,       // no error is held
  output logic               any_o,         // an error happens now
  output logic               more_o,        // it is not the first one
  output logic [7:0]         source_o,      // which sources

  output logic [2:0]         first_source_o,
  output logic [3:0]         first_code_o,
  output logic [2:0]         first_info_o,
  output logic [15:0]        first_cmd_o,
  output addr_t              first_addr_o,
  output logic [2:0]         last_source_o,
  output logic [3:0]         last_code_o,
  output logic [2:0]         last_info_o,
  output logic [15:0]        last_cmd_o,
  output addr_t              last_addr_o,

  // Format flags: a command finished without error and reports NaN (info[0]) or overflow (info[1]).
  input  logic               fmt_armed_i,   // no flag is held
  output logic [3:0]         fmt_set_o,     // ME NaN, ME overflow, VE NaN, VE overflow
  output logic [2:0]         fmt_first_source_o,
  output logic [1:0]         fmt_first_info_o,
  output logic [15:0]        fmt_first_cmd_o,
  output logic [2:0]         fmt_last_source_o,
  output logic [1:0]         fmt_last_info_o,
  output logic [15:0]        fmt_last_cmd_o
);

  typedef struct packed {
    logic [2:0]  source;
    logic [3:0]  code;
    logic [2:0]  info;
    logic [15:0] cmd;
    addr_t       addr;
  } entry_t;

  localparam int unsigned NumSrc = NumEng + 3;

  logic   [NumSrc-1:0] hit;
  entry_t [NumSrc-1:0] entry;
  entry_t       first_q, last_q, first_d, last_d;

  always_comb begin
    for (int unsigned e = 0; e < NumEng; e++) hit[e] = done_i[e].valid && done_i[e].err != CmdOk;
    hit[NumEng]   = in_valid_i;
    hit[NumEng+1] = out_valid_i;
    hit[NumEng+2] = heard_valid_i;
  end

  always_comb begin
    entry   = '0;
    first_d = '0;
    last_d  = '0;
    if (any_o) begin
      for (int unsigned e = 0; e < NumEng; e++) begin
        entry[e] = '{source: 3'(e), code: done_i[e].err, info: done_i[e].info, cmd: done_i[e].id,
                     addr: done_i[e].addr};
      end
      entry[NumEng]   = '{source: 3'(NumEng), code: {1'b0, in_err_i}, info: in_err_i, cmd: {4'b0, in_src_i},
                          addr: in_addr_i};
      entry[NumEng+1] = '{source: 3'(NumEng + 1), code: {1'b0, out_err_i}, info: out_err_i,
                          cmd: {4'b0, node_i}, addr: out_addr_i};
      entry[NumEng+2] = '{source: 3'(NumEng + 2), code: {1'b0, heard_err_i}, info: heard_err_i,
                          cmd: {4'b0, heard_src_i}, addr: heard_addr_i};
      for (int unsigned i = NumSrc; i > 0; i--) if (hit[i-1]) first_d = entry[i-1];
      for (int unsigned i = 0; i < NumSrc; i++) if (hit[i]) last_d = entry[i];
    end
  end

  always_ff @(posedge clk_i) begin
    if (any_o) begin
      if (armed_i) first_q <= first_d;
      last_q <= last_d;
    end
  end

  assign source_o = hit;
  assign any_o    = hit != '0;
  assign more_o   = any_o && (!armed_i || (hit & (hit - 1'b1)) != '0);

  assign {first_source_o, first_code_o, first_info_o, first_cmd_o, first_addr_o} = first_q;
  assign {last_source_o, last_code_o, last_info_o, last_cmd_o, last_addr_o} = last_q;

  // ---------------------------------------------------------------- format flags
  typedef struct packed {
    logic [2:0]  source;
    logic [1:0]  info;
    logic [15:0] cmd;
  } fmt_t;

  fmt_t       fmt_first_q, fmt_last_q;
  logic [1:0] me_fmt, ve_fmt;

  function automatic logic [1:0] flags(done_t d);
    return d.valid && d.err == CmdOk ? d.info[1:0] : 2'b00;
  endfunction

  assign me_fmt    = flags(done_i[EngMe]);
  assign ve_fmt    = flags(done_i[EngVe]);
  assign fmt_set_o = {ve_fmt, me_fmt};

  always_ff @(posedge clk_i) begin
    if (fmt_set_o != '0) begin
      if (fmt_armed_i) begin
        fmt_first_q <= me_fmt != '0 ? '{source: EngMe, info: me_fmt, cmd: done_i[EngMe].id} :
                                      '{source: EngVe, info: ve_fmt, cmd: done_i[EngVe].id};
      end
      fmt_last_q <= ve_fmt != '0 ? '{source: EngVe, info: ve_fmt, cmd: done_i[EngVe].id} :
                                   '{source: EngMe, info: me_fmt, cmd: done_i[EngMe].id};
    end
  end

  assign {fmt_first_source_o, fmt_first_info_o, fmt_first_cmd_o} = fmt_first_q;
  assign {fmt_last_source_o, fmt_last_info_o, fmt_last_cmd_o}    = fmt_last_q;

endmodule
