../tile/tsr_tile_pkg.sv
