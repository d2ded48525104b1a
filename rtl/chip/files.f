tsr_chip.sv
tsr_t4.sv
tsr_t16.sv
