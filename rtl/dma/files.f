tsr_dma_pkg.sv
tsr_dma_walk.sv
tsr_dma_cmd.sv
tsr_rdma.sv
tsr_wdma.sv
