# SPDX-License-Identifier: Apache-2.0
# tsr_add_rtl_model(NAME name TOP module BLOCKS block... [PARAMS -GName=value...] [SOURCES file...] [FAST] [WAVES]
#                   [ROOT folder] [CXXFLAGS flags])
#
# Verilates `module` from the file lists rtl/<block>/files.f (in the order given) plus SOURCES, and
# makes the static library rtl_<name> with the C++ class V<name> (header "V<name>.h").
# Assertions are on and unreset flops random, unless FAST: then the model is built for speed.
# ROOT: folder of the blocks instead of rtl/. CXXFLAGS: instead of those of the benches or of FAST.
# WAVES: the model can write waves. Those of the benches can with TSR_BENCH_WAVES, for it doubles their build.
set(TSR_RTL_CXXFLAGS_BENCH "-O1" CACHE STRING "C++ flags of the benches' verilated models")
set(TSR_RTL_CXXFLAGS_FAST "-O3" CACHE STRING "C++ flags of the platform's verilated models")
option(TSR_BENCH_WAVES "Benches can write waves (TSR_TRACE=1)" OFF)

function(tsr_add_rtl_model)
  cmake_parse_arguments(ARG "FAST;WAVES" "NAME;TOP;ROOT;CXXFLAGS" "BLOCKS;PARAMS;SOURCES" ${ARGN})
  set(dir ${CMAKE_CURRENT_BINARY_DIR}/rtl_${ARG_NAME})
  set(prefix V${ARG_NAME})
  set(lib ${dir}/${prefix}__ALL.a)
  if(NOT ARG_ROOT)
    set(ARG_ROOT ${CMAKE_SOURCE_DIR}/rtl)
  endif()
  set(lists "")
  set(list_files "")
  foreach(block IN LISTS ARG_BLOCKS)
    list(APPEND lists -F ${ARG_ROOT}/${block}/files.f)
    list(APPEND list_files ${ARG_ROOT}/${block}/files.f)
  endforeach()
  if(ARG_FAST)
    set(mode -O3 --x-assign fast --x-initial fast)
    set(cxxflags ${TSR_RTL_CXXFLAGS_FAST})
  else()
    set(mode --assert --x-assign unique --x-initial unique)
    set(cxxflags ${TSR_RTL_CXXFLAGS_BENCH})
  endif()
  if(ARG_CXXFLAGS)
    set(cxxflags ${ARG_CXXFLAGS})
  endif()
  if(ARG_WAVES OR (TSR_BENCH_WAVES AND NOT ARG_FAST))
    list(APPEND mode --trace-fst --trace-structs)
  endif()
  add_custom_command(
    OUTPUT ${lib}
    BYPRODUCTS ${dir}/${prefix}.h
    COMMAND ${CMAKE_SOURCE_DIR}/cmake/verilate.sh ${dir} ${prefix} ${CMAKE_CXX_COMPILER} ${cxxflags}
            ${VERILATOR_BIN} --cc -Wall ${mode} --output-split 20000
            --top-module ${ARG_TOP} ${ARG_PARAMS} +incdir+${CMAKE_SOURCE_DIR}/rtl/common
            ${CMAKE_SOURCE_DIR}/rtl/waivers.vlt ${lists} ${ARG_SOURCES}
    DEPENDS ${list_files} ${ARG_SOURCES} ${CMAKE_SOURCE_DIR}/rtl/waivers.vlt
            ${CMAKE_SOURCE_DIR}/cmake/verilate.sh
    DEPFILE ${dir}/${prefix}.d
    COMMENT "Verilating ${ARG_NAME} (${ARG_TOP})"
    VERBATIM)
  add_custom_target(rtl_${ARG_NAME}_gen DEPENDS ${lib})
  add_library(rtl_${ARG_NAME} INTERFACE)
  add_dependencies(rtl_${ARG_NAME} rtl_${ARG_NAME}_gen)
  target_include_directories(rtl_${ARG_NAME} SYSTEM INTERFACE ${dir})
  target_link_libraries(rtl_${ARG_NAME} INTERFACE ${lib} tessera::verilated)
endfunction()
