# SPDX-License-Identifier: Apache-2.0
# cmake -DIN=tsr_boot_rom_pkg.sv -DOUT=words.inc -P rom_words.cmake: the package's words as a C++ list.
file(READ ${IN} text)
string(REGEX MATCHALL "32'h[0-9a-f]+" words "${text}")
list(TRANSFORM words REPLACE "32'h" "0x")
list(JOIN words ",\n" lines)
file(WRITE ${OUT} "${lines}\n")
