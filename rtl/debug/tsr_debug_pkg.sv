// SPDX-License-Identifier: Apache-2.0
/// Debug module and JTAG port: numbers of the RISC-V External Debug Specification 0.13.2, and the types between
/// the blocks of rtl/debug. The one description of the debug module's registers.
package tsr_debug_pkg;

  // ---------------------------------------------------------------- JTAG

  localparam int unsigned IrWidth = 5;

  /// Instructions; every other code is a bypass.
  typedef enum logic [IrWidth-1:0] {
    IrIdcode = 5'h01,
    IrDtmcs  = 5'h10,
    IrDmi    = 5'h11,
    IrBypass = 5'h1f
  } ir_e;

  /// Version 1, part 0x7e55, no manufacturer's code.
  localparam logic [31:0] Idcode = 32'h17e5_5001;

  // ---------------------------------------------------------------- DTM

  localparam int unsigned AddrBits = 7;
  localparam int unsigned DmiBits  = AddrBits + 34;

  typedef struct packed {
    logic [13:0] zero1;
    logic        hardreset;  // forget the access under way
    logic        reset;      // clear the sticky error
    logic        zero0;
    logic [2:0]  idle;       // cycles of TCK in Run-Test/Idle that a debugger should begin with
    logic [1:0]  stat;       // sticky error: 0 none, 3 an access came while one was under way
    logic [5:0]  abits;
    logic [3:0]  version;    // 1: specification 0.13
  } dtmcs_t;

  localparam logic [1:0] DmiNop = 2'd0, DmiRead = 2'd1, DmiWrite = 2'd2, DmiBusy = 2'd3;

  typedef struct packed {
    logic [AddrBits-1:0] addr;
    logic [31:0]         data;
    logic [1:0]          op;
  } dmi_t;

  /// Access of the debug module.
  typedef struct packed {
    logic                write;
    logic [AddrBits-1:0] addr;
    logic [31:0]         wdata;
  } dmi_req_t;

  // ---------------------------------------------------------------- registers of the debug module

  localparam logic [AddrBits-1:0] AdrData0        = 7'h04;
  localparam logic [AddrBits-1:0] AdrData1        = 7'h05;
  localparam logic [AddrBits-1:0] AdrDmcontrol    = 7'h10;
  localparam logic [AddrBits-1:0] AdrDmstatus     = 7'h11;
  localparam logic [AddrBits-1:0] AdrHaltsum1     = 7'h13;
  localparam logic [AddrBits-1:0] AdrAbstractcs   = 7'h16;
  localparam logic [AddrBits-1:0] AdrCommand      = 7'h17;
  localparam logic [AddrBits-1:0] AdrAbstractauto = 7'h18;
  localparam logic [AddrBits-1:0] AdrHaltsum0     = 7'h40;

  typedef struct packed {
    logic       haltreq;
    logic       resumereq;
    logic       hartreset;      // reads 0
    logic       ackhavereset;
    logic       zero1;
    logic       hasel;          // reads 0: one hart at a time
    logic [9:0] hartsello;
    logic [9:0] hartselhi;
    logic [1:0] zero0;
    logic       setresethaltreq;  // does nothing: haltreq stays over a reset
    logic       clrresethaltreq;
    logic       ndmreset;
    logic       dmactive;
  } dmcontrol_t;

  typedef struct packed {
    logic [8:0] zero1;
    logic       impebreak;
    logic [1:0] zero0;
    logic [1:0] havereset;      // all, any: there is one selected hart
    logic [1:0] resumeack;
    logic [1:0] nonexistent;
    logic [1:0] unavail;
    logic [1:0] running;
    logic [1:0] halted;
    logic       authenticated;
    logic       authbusy;
    logic       hasresethaltreq;
    logic       confstrptrvalid;
    logic [3:0] version;        // 2: specification 0.13
  } dmstatus_t;

  typedef struct packed {
    logic [2:0]  zero3;
    logic [4:0]  progbufsize;   // none
    logic [10:0] zero2;
    logic        busy;
    logic        zero1;
    logic [2:0]  cmderr;
    logic [3:0]  zero0;
    logic [3:0]  datacount;
  } abstractcs_t;

  /// Why a command failed.
  typedef enum logic [2:0] {
    CmdNone = 3'd0, CmdBusy = 3'd1, CmdNotSupported = 3'd2, CmdException = 3'd3, CmdHaltResume = 3'd4,
    CmdBus = 3'd5, CmdOther = 3'd7
  } cmderr_e;

  localparam logic [7:0] CmdRegister = 8'd0, CmdMemory = 8'd2;

  /// Abstract command; the fields of both kinds, `size` is aarsize or aamsize.
  typedef struct packed {
    logic [7:0]  cmdtype;
    logic        virt;          // memory: virtual address, which is the same here
    logic [2:0]  size;
    logic        postincrement;
    logic        postexec;
    logic        transfer;
    logic        write;
    logic [15:0] regno;
  } command_t;

  // ---------------------------------------------------------------- harts

  /// Hart 0 is ctl's; then the tiles' in the order of their node numbers, at most 8 x 8.
  localparam int unsigned MaxHarts = 65;
  localparam int unsigned HartBits = 7;
  typedef logic [HartBits-1:0] hart_t;

  /// What the sequencer is asked to do.
  typedef enum logic [2:0] {
    JobStatus  = 3'd0,  // state of the hart
    JobHalt    = 3'd1,
    JobResume  = 3'd2,  // or a step, if its dcsr says so
    JobReset   = 3'd3,  // hold every running tile's core in reset
    JobRelease = 3'd4,  // start those again
    JobSum0    = 3'd5,  // which of the 32 harts around the hart are halted
    JobSum1    = 3'd6,  // which groups of 32 harts have a halted one
    JobCommand = 3'd7
  } job_e;

  typedef struct packed {
    job_e        kind;
    hart_t       hart;
    command_t    command;
    logic [31:0] data0;
    logic [31:0] data1;
  } job_t;

  typedef struct packed {
    logic        exists;
    logic        unavail;       // dead, does not answer, or its core is held in reset
    logic        halted;
    cmderr_e     err;           // of a command
    logic [31:0] data;          // of a command that reads, or the sum
  } result_t;

  // ---------------------------------------------------------------- port into the chip

  /// One access of 1..16 words within a block of 64 bytes; writes have one word.
  typedef struct packed {
    logic           write;
    tsr_pkg::addr_t addr;       // multiple of 4
    logic [4:0]     words;
    logic [3:0]     strb;
    logic [31:0]    wdata;
  } port_req_t;

  typedef struct packed {
    logic        err;
    logic [31:0] first;         // first and last word of a read
    logic [31:0] last;
  } port_rsp_t;

endpackage
