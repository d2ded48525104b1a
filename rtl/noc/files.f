tsr_noc_pkg.sv
tsr_link_tx.sv
tsr_link_rx.sv
tsr_router.sv
tsr_router_node.sv
tsr_bare.sv
