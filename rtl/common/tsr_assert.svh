// SPDX-License-Identifier: Apache-2.0
// Assertion vocabulary: portable clocked-immediate form. `TSR_ASSERT_OFF removes all of it.
`ifndef TSR_ASSERT_SVH
`define TSR_ASSERT_SVH

/// Elaboration-time check of parameters.
`define TSR_STATIC_ASSERT(__name, __cond) \
  if (!(__cond)) begin : gen_static_assert_``__name \
    $error(`"Static assertion failed: __name`"); \
  end

`ifdef TSR_ASSERT_OFF
`define TSR_ASSERT(__name, __prop)
`define TSR_ASSUME(__name, __prop)
`define TSR_COVER(__name, __prop)
`else
/// __prop holds at every rising edge of clk_i out of reset. Needs clk_i and rst_ni in scope.
`define TSR_ASSERT(__name, __prop) \
  always_ff @(posedge clk_i) begin \
    if (rst_ni) begin \
      __name: assert (__prop) else $error(`"__name failed`"); \
    end \
  end
/// As TSR_ASSERT, on what the environment must keep.
`define TSR_ASSUME(__name, __prop) \
  always_ff @(posedge clk_i) begin \
    if (rst_ni) begin \
      __name: assume (__prop) else $error(`"__name failed`"); \
    end \
  end
`define TSR_COVER(__name, __prop) \
  always_ff @(posedge clk_i) begin \
    if (rst_ni) begin \
      __name: cover (__prop); \
    end \
  end
`endif

`endif
