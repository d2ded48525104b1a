// SPDX-License-Identifier: Apache-2.0
/// Checks the JSON of a run before `tessera report` draws it.
#pragma once

#include <nlohmann/json.hpp>
#include <string>

namespace tsr::tools {

/// Read the JSON of a run. Throws InputError naming the file and what is wrong: unreadable, beyond
/// 64 MiB, no JSON, no key `report`, another schema, or a value that is missing, of another type or
/// impossible (its path is named).
nlohmann::ordered_json load_run(const std::string& file);

}  // namespace tsr::tools
