#pragma once

#include <string>
#include <vector>

namespace tinc::tincd {

/// All of tincd. `arguments` begins with the program's name. The exit code.
[[nodiscard]] int run_program(const std::vector<std::string>& arguments);

}  // namespace tinc::tincd
