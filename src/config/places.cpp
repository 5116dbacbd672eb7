#include "tinc/config/places.hpp"

#include <utility>

namespace tinc::config {

void Places::add(std::string_view variable, std::string place) {
    written_[std::string(variable)].push_back(std::move(place));
}

std::string Places::of(std::string_view variable, std::size_t nth) const {
    const auto found = written_.find(variable);
    if (found == written_.end() || nth >= found->second.size()) return {};
    return " (" + found->second[nth] + ")";
}

}  // namespace tinc::config
