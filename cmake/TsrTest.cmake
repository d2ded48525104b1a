# SPDX-License-Identifier: Apache-2.0
# tsr_add_test(NAME name SOURCES ... LIBS ... [LABELS unit|sysc|fw|lint|slow ...] [TIMEOUT seconds])
# A GoogleTest program; each of its tests becomes one ctest entry. Its own sources are only translated: that
# halves their compile time, and a test's time goes into models and libraries. Heavy ones ask for -O2.
include(GoogleTest)
set(TSR_TIMEOUT_SCALE 1 CACHE STRING "Factor on every test's timeout; scripts/test --nightly sets it")

function(tsr_add_test)
  cmake_parse_arguments(ARG "" "NAME;TIMEOUT" "SOURCES;LIBS;LABELS" ${ARGN})
  if(NOT ARG_TIMEOUT)
    set(ARG_TIMEOUT 300)
  endif()
  math(EXPR timeout "${ARG_TIMEOUT} * ${TSR_TIMEOUT_SCALE}")
  if(NOT ARG_LABELS)
    set(ARG_LABELS unit)
  endif()
  add_executable(${ARG_NAME} ${ARG_SOURCES})
  target_compile_options(${ARG_NAME} PRIVATE -O0)
  target_link_libraries(${ARG_NAME} PRIVATE ${ARG_LIBS} tessera::test_warnings fmt::fmt GTest::gtest GTest::gtest_main)
  gtest_discover_tests(${ARG_NAME} DISCOVERY_MODE PRE_TEST
                       PROPERTIES LABELS "${ARG_LABELS}" TIMEOUT ${timeout})
endfunction()
