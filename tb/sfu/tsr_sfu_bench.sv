// SPDX-License-Identifier: Apache-2.0
/// Bench top of the special functions: every function of one argument, steps as a pipeline would call
/// them.
///
/// *Latency*: none, pure logic. *Backpressure*: none. *Throughput*: a value an evaluation. *Reset*: none.
module tsr_sfu_bench (
    /// FP32 argument.
    input  logic [31:0]      a_i,
    /// FP32 results; index as tsr_sfu_pkg::sfu_op_e.
    output logic [7:0][31:0] y_o,
    /// The same by sfu_eval().
    output logic [7:0][31:0] eval_o
);

  // ---------------------------------------------------------------- implementation

  for (genvar f = 0; f < 8; f++) begin : gen_function
    localparam tsr_sfu_pkg::sfu_op_e Op = tsr_sfu_pkg::sfu_op_e'(f);
    tsr_sfu_pkg::sfu_align_t aligned;
    tsr_sfu_pkg::sfu_prep_t  prep;
    tsr_sfu_pkg::sfu_word_t  word;
    logic [24:0]             slope;
    logic [29:0]             value;

    assign aligned   = tsr_sfu_pkg::sfu_align(Op, a_i);
    assign prep      = tsr_sfu_pkg::sfu_prepare(aligned);
    assign word      = tsr_sfu_pkg::sfu_lookup(prep.addr);
    assign slope     = tsr_sfu_pkg::sfu_slope(word, prep.x);
    assign value     = tsr_sfu_pkg::sfu_value(word, slope, prep.x);
    assign y_o[f]    = tsr_sfu_pkg::sfu_finish(tsr_sfu_pkg::sfu_norm(prep.ctl, value));
    assign eval_o[f] = tsr_sfu_pkg::sfu_eval(Op, a_i);
  end

endmodule
