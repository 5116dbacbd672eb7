#pragma once

// Which MAC addresses the control side heard of a moment ago. On the way of packets a known
// address costs one look into a small table: no event, no allocation.
//
// The table has sets of four places. A secret takes part in choosing the set, so that hosts cannot
// choose addresses that crowd each other out; if some do all the same, they are reported more
// often, which harms nothing.

#include "tinc/base/endpoint.hpp"
#include "tinc/base/limits.hpp"
#include "tinc/base/random.hpp"
#include "tinc/base/time.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace tinc::plane {

class RecentMacs {
  public:
    explicit RecentMacs(RandomSource& random)
        : secret_((std::uint64_t{random.next_u32()} << 32U) | random.next_u32()) {}

    /// Whether the address was not reported within limits::mac_report_pause. If so it counts as
    /// reported. The first call allocates the table.
    [[nodiscard]] bool is_news(const MacAddress& mac, Time now) {
        if (places_.empty()) places_.resize(sets * places_per_set);
        const auto set = set_of(mac);
        const auto known = std::ranges::find(set, mac, &Place::mac);
        if (known != set.end() && now < known->again) return false;
        auto& place =
            known != set.end() ? *known : *std::ranges::min_element(set, {}, &Place::again);
        place = {.mac = mac, .again = now + limits::mac_report_pause};
        return true;
    }

    /// It is news whenever it is asked for next.
    void forget(const MacAddress& mac) {
        if (places_.empty()) return;
        const auto set = set_of(mac);
        const auto known = std::ranges::find(set, mac, &Place::mac);
        if (known != set.end()) known->again = Time::min();
    }

  private:
    struct Place {
        MacAddress mac{};
        Time again = Time::min();  ///< when the address is news once more
    };
    static constexpr std::size_t places_per_set = 4;
    static constexpr std::size_t sets = 2 * limits::learned_macs / places_per_set;

    /// Mixed by the last steps of the generator SplitMix64, whose every bit depends on all.
    [[nodiscard]] std::span<Place> set_of(const MacAddress& mac) {
        std::uint64_t mixed = secret_;
        for (std::size_t i = 0; i < mac.size(); ++i)
            mixed ^= std::to_integer<std::uint64_t>(mac[i]) << (8 * i);
        mixed = (mixed ^ (mixed >> 30U)) * 0xbf58476d1ce4e5b9U;
        mixed = (mixed ^ (mixed >> 27U)) * 0x94d049bb133111ebU;
        const auto index = static_cast<std::size_t>((mixed ^ (mixed >> 31U)) % sets);
        return std::span(places_).subspan(index * places_per_set, places_per_set);
    }

    std::uint64_t secret_;
    std::vector<Place> places_;
};

}  // namespace tinc::plane
