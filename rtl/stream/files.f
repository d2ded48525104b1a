tsr_stream_pkg.sv
tsr_agu.sv
tsr_stream_rd.sv
tsr_stream_wr.sv
