#pragma once

#include "unit/plane/crossroads.hpp"

#include <gtest/gtest.h>

#include <optional>

namespace tinc::plane {

/// What becomes of one frame.
struct Decision {
    const char* name;
    const PlaneSettings* settings;
    NodeIndex source;
    test::Frame frame;
    const char* outcome;
    std::optional<Drop> drop;
};

inline void expect_as_decided(const Decision& decision) {
    Crossroads roads(*decision.settings);
    roads.from(decision.source, decision.frame);
    EXPECT_EQ(roads.outcome(), decision.outcome);
    for (std::size_t i = 0; i < drop_count; ++i) {
        const auto reason = static_cast<Drop>(i);
        EXPECT_EQ(roads.plane.dropped(reason), decision.drop == reason ? 1U : 0U) << i;
    }
}

}  // namespace tinc::plane
