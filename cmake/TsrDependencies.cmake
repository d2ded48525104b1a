# SPDX-License-Identifier: Apache-2.0
# Debian packages that the project uses; scripts/lib/packages.txt names them for apt.
find_program(VERILATOR_BIN verilator REQUIRED)
find_package(Threads REQUIRED)
find_package(ZLIB REQUIRED)
find_package(fmt REQUIRED)
find_package(GTest REQUIRED)
find_package(benchmark REQUIRED)
find_package(nlohmann_json REQUIRED)
find_package(CLI11 REQUIRED)
find_package(PkgConfig REQUIRED)
pkg_check_modules(SYSTEMC REQUIRED IMPORTED_TARGET systemc)
pkg_check_modules(TOMLPP REQUIRED IMPORTED_TARGET tomlplusplus)
find_package(Python3 3.11 REQUIRED COMPONENTS Interpreter)

set(VERILATOR_ROOT /usr/share/verilator CACHE PATH "Folder that holds Verilator's include/")

# Verilator's run-time library, compiled once for all models.
add_library(tsr_verilated STATIC
            ${VERILATOR_ROOT}/include/verilated.cpp
            ${VERILATOR_ROOT}/include/verilated_threads.cpp
            ${VERILATOR_ROOT}/include/verilated_fst_c.cpp)
add_library(tessera::verilated ALIAS tsr_verilated)
target_include_directories(tsr_verilated SYSTEM PUBLIC ${VERILATOR_ROOT}/include
                                                       ${VERILATOR_ROOT}/include/vltstd)
target_compile_definitions(tsr_verilated PUBLIC VM_TRACE=1 VM_TRACE_FST=1 VM_COVERAGE=0 VM_SC=0)
target_compile_options(tsr_verilated PRIVATE -w -O2)
target_link_libraries(tsr_verilated PUBLIC ZLIB::ZLIB Threads::Threads)
