tsr_debug_pkg.sv
tsr_jtag_tap.sv
tsr_dtm.sv
tsr_dm_harts.sv
tsr_dm_port.sv
tsr_dm_seq.sv
tsr_dm.sv
tsr_debug.sv
