#pragma once

#include "tinc/base/error.hpp"

#include <string>

namespace tinc::tincd {

/// No core files: they would contain keys.
void forbid_core_files();

/// -L: keeps all memory, present and future, out of the swap.
[[nodiscard]] Result<void> lock_memory();

/// ProcessPriority: low, normal or high; empty changes nothing.
[[nodiscard]] Result<void> set_priority(const std::string& priority);

/// -R: makes `folder` the root.
[[nodiscard]] Result<void> change_root(const std::string& folder);

/// A user as the system knows it.
struct User {
    std::string name;
    unsigned uid = 0;
    unsigned gid = 0;
};
/// To be asked before change_root().
[[nodiscard]] Result<User> find_user(const std::string& name);

/// -U: becomes that user for good, groups included.
[[nodiscard]] Result<void> become(const User& user);

}  // namespace tinc::tincd
