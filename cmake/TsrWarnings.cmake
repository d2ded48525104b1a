# SPDX-License-Identifier: Apache-2.0
# Warnings as errors for the project's own code: link tessera::warnings privately.
add_library(tsr_warnings INTERFACE)
add_library(tessera::warnings ALIAS tsr_warnings)
target_compile_options(tsr_warnings INTERFACE -Wall -Wextra -Wshadow -Wconversion
                                              -Wno-sign-conversion -Werror)

# Benches drive verilated ports, which are narrower than the integers that tests compute with.
add_library(tsr_test_warnings INTERFACE)
add_library(tessera::test_warnings ALIAS tsr_test_warnings)
target_compile_options(tsr_test_warnings INTERFACE -Wall -Wextra -Wshadow -Werror)
