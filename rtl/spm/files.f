tsr_spm_bank.sv
tsr_spm.sv
