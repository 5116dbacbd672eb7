#include "tinc/mesh/auto_connect.hpp"

#include <algorithm>
#include <cstdint>

namespace tinc::mesh {

namespace {

using Candidate = AutoConnect::Candidate;
using Standing = Connector::Standing;

std::size_t one_of(std::size_t count, RandomSource& random) {
    return random.below(static_cast<std::uint32_t>(count));
}

template <class Condition>
const Candidate* any_that(std::span<const Candidate> candidates, RandomSource& random,
                          Condition condition) {
    std::vector<const Candidate*> found;
    for (const auto& candidate : candidates)
        if (condition(candidate)) found.push_back(&candidate);
    return found.empty() ? nullptr : found[one_of(found.size(), random)];
}

bool is_attempt(const Candidate& candidate) {
    const bool is_sought =
        candidate.standing == Standing::sought || candidate.standing == Standing::sought_waiting;
    return is_sought && !candidate.is_connected;
}

bool is_idle(const Candidate& candidate) {
    return candidate.standing == Standing::sought_waiting && !candidate.is_connected;
}

}  // namespace

void AutoConnect::begin(Time now) {
    if (!is_on()) due_ = now + period;
}

AutoConnect::Advice AutoConnect::on_time(std::span<const Candidate> candidates, Time now) {
    Advice advice;
    if (now < due_) return advice;
    due_ = now + period;
    const auto connections =
        static_cast<std::size_t>(std::ranges::count_if(candidates, &Candidate::is_connected));
    if (connections < enough) {
        seek_one(candidates, advice);
        return advice;
    }
    if (connections > enough) close_one(candidates, advice);
    for (const auto& candidate : candidates)
        if (is_idle(candidate)) advice.give_up.push_back(candidate.name);
    heal(candidates, advice);
    return advice;
}

void AutoConnect::seek_one(std::span<const Candidate> candidates, Advice& advice) {
    const auto* chosen = any_that(candidates, random_, [](const Candidate& candidate) {
        return !candidate.is_connected && candidate.standing == Standing::none &&
               (candidate.is_reachable || candidate.has_address);
    });
    if (chosen == nullptr) return;
    const auto attempts = static_cast<std::size_t>(std::ranges::count_if(candidates, is_attempt));
    if (attempts >= most_attempts) {
        const auto* idle = any_that(candidates, random_, is_idle);
        if (idle == nullptr) return;
        advice.give_up.push_back(idle->name);
    }
    advice.connect = chosen->name;
}

void AutoConnect::close_one(std::span<const Candidate> candidates, Advice& advice) {
    const auto* chosen = any_that(candidates, random_, [](const Candidate& candidate) {
        return candidate.is_connected && candidate.is_outgoing &&
               candidate.standing == Standing::sought && candidate.edges >= 2;
    });
    if (chosen != nullptr) advice.close = chosen->name;
}

/// One of all, whatever it is: in a mesh that is whole this mostly ends here.
void AutoConnect::heal(std::span<const Candidate> candidates, Advice& advice) {
    if (candidates.empty()) return;
    const auto& chosen = candidates[one_of(candidates.size(), random_)];
    if (!chosen.is_reachable && !chosen.is_connected && chosen.has_address &&
        chosen.standing == Standing::none)
        advice.connect = chosen.name;
}

}  // namespace tinc::mesh
