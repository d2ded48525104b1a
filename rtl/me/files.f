tsr_me_pkg.sv
tsr_agu.sv
tsr_stream_rd.sv
tsr_stream_wr.sv
tsr_me_cell.sv
tsr_me_front.sv
tsr_me.sv
