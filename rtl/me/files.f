tsr_me_pkg.sv
tsr_me_cells.sv
tsr_me_decode.sv
tsr_me_front.sv
tsr_me_share.sv
tsr_me_operand.sv
tsr_me_drain.sv
tsr_me.sv
