tsr_pkg.sv
