#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Copies RTL blocks and plants one bug in each engine and one in the core.

usage: plant.py RTL_FOLDER OUTPUT_FOLDER BLOCK...

The bugs sleep until the simulator sets tsr_plant_pkg::bug. A place that is not found exactly once is
an error: the RTL has changed, and the bug has to be planted anew.
"""
import pathlib
import shutil
import sys

BUGS = [
    # ME: the cell of row 2, column 5 drops the carry into bit 24 of its accumulator.
    ("me/tsr_me_cells.sv", "      if (swap_i) begin\n",
     "      if (tsr_plant_pkg::bug == tsr_plant_pkg::BugMe && !acc_m_q[2][5][24]) m[2][5][24] = 1'b0;\n"
     "      if (swap_i) begin\n"),
    # VE: the lowest bit of lane 3 is wrong in every store.
    ("ve/tsr_ve_out.sv", "wdata: kept_q ? kept_data_q : data_q}",
     "wdata: tsr_plant_pkg::ve_results(kept_q ? kept_data_q : data_q)}"),
    # TDMA: the bytes of lane 1 are written one byte too high.
    ("tdma/tsr_tdma.sv", "mov_wr_req, rds_grant ? rds_req : mov_rd_req};\n",
     "mov_wr_req, rds_grant ? rds_req : mov_rd_req};\n"
     "    if (tsr_plant_pkg::bug == tsr_plant_pkg::BugTdma) begin\n"
     "      spm_req_o[1].wdata[1] = {spm_req_o[1].wdata[1][55:0], spm_req_o[1].wdata[1][63:56]};\n"
     "    end\n"),
    # RDMA: lane 5 of every sixteenth block still holds the block before.
    ("dma/tsr_rdma.sv", "        w_data_q <= rsp_i.data;\n",
     "        w_data_q <= rsp_i.data;\n"
     "        if (tsr_plant_pkg::bug == tsr_plant_pkg::BugRdma && rsp_i.addr[9:6] == 4'd3) "
     "w_data_q[5] <= w_data_q[5];\n"),
    # WDMA: lane 2 sends what belongs into lane 3.
    ("dma/tsr_wdma.sv", "    req_o.data  = buf_out.data;\n",
     "    req_o.data  = buf_out.data;\n"
     "    if (tsr_plant_pkg::bug == tsr_plant_pkg::BugWdma) req_o.data[2] = buf_out.data[3];\n"),
    # Core: a right shift by 8 or more loses the lowest bit of its result.
    ("core/tsr_core_alu.sv", "  assign result_o = alu(dec_i.alu_op, a, b);\n",
     "  logic [31:0] right;\n"
     "  assign right    = alu(dec_i.alu_op, a, b);\n"
     "  assign result_o = tsr_plant_pkg::bug == tsr_plant_pkg::BugCore && dec_i.alu_op == AluSrl && b[4:3] != '0 ?\n"
     "                    {right[31:1], 1'b0} : right;\n"),
]


def main():
    source, output, blocks = pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2]), sys.argv[3:]
    texts = {}
    for block in blocks:
        for file in sorted((source / block).iterdir()):
            if file.suffix in (".sv", ".svh", ".f"):
                texts[f"{block}/{file.name}"] = file.read_text()
    for file, place, planted in BUGS:
        if texts[file].count(place) != 1:
            sys.exit(f"plant.py: {source / file}: {place!r} is not there exactly once: plant the bug anew")
        texts[file] = texts[file].replace(place, planted)
    package = pathlib.Path(__file__).with_name("tsr_plant_pkg.sv")
    texts["common/tsr_plant_pkg.sv"] = package.read_text()
    texts["common/files.f"] = "tsr_plant_pkg.sv\n" + texts["common/files.f"]
    for name, text in texts.items():
        file = output / name
        file.parent.mkdir(parents=True, exist_ok=True)
        if file.suffix == ".f" or not file.exists() or file.read_text() != text:
            file.write_text(text)


main()
