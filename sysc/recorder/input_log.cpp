// SPDX-License-Identifier: Apache-2.0
#include "input_log.hpp"

#include <sys/mman.h>

#include <cerrno>
#include <cstring>
#include <type_traits>

#include "../error.hpp"

namespace tsr {

static_assert(std::is_trivially_copyable_v<ChipInput>);

InputLog::InputLog() {
  // Pages take memory only when they are written.
  void* const memory = mmap(nullptr, kCapacity * sizeof(ChipInput), PROT_READ | PROT_WRITE,
                            MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (memory == MAP_FAILED) {
    throw Error(ExitCode::JobFailed,
                std::string("flight recorder: no shared memory: ") + std::strerror(errno));
  }
  ring_ = static_cast<ChipInput*>(memory);
}

InputLog::~InputLog() { munmap(ring_, kCapacity * sizeof(ChipInput)); }

}  // namespace tsr
