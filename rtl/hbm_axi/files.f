tsr_axi_pkg.sv
tsr_axi_read.sv
tsr_axi_write.sv
tsr_hbm_axi.sv
