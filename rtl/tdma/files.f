tsr_tdma_pkg.sv
tsr_tdma_walk.sv
tsr_tdma_index.sv
tsr_tdma_nibble.sv
tsr_tdma_move.sv
tsr_tdma_front.sv
tsr_tdma.sv
