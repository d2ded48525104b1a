tsr_spm.sv
