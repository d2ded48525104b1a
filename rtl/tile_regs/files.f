../tile/tsr_tile_reg_pkg.sv
