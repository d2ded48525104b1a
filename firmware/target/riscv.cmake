# SPDX-License-Identifier: Apache-2.0
# Cross compiler of the firmware. A suffix on -march would silently pick 64-bit libraries.
set(CMAKE_SYSTEM_NAME Generic)
set(CMAKE_SYSTEM_PROCESSOR riscv32)
set(CMAKE_C_COMPILER riscv64-unknown-elf-gcc)
set(CMAKE_OBJCOPY riscv64-unknown-elf-objcopy)
set(CMAKE_TRY_COMPILE_TARGET_TYPE STATIC_LIBRARY)
set(arch "-misa-spec=2.2 -march=rv32im -mabi=ilp32 -mstrict-align --specs=picolibc.specs")
set(CMAKE_C_FLAGS_INIT "${arch}")
set(CMAKE_ASM_FLAGS_INIT "${arch}")
