#include "tinc/mesh/path_mtu.hpp"

#include <algorithm>

namespace tinc::mesh {

namespace {

constexpr int silent_round = 10;  ///< that many without any answer mean UDP does not work
constexpr int last_search_round = 30;
constexpr int resting_round = 31;  ///< found or given up; the next round is PingInterval away
constexpr int check_round = 32;
constexpr int probes_per_round = 3;
constexpr std::size_t growth_bytes = 8;
constexpr std::size_t smallest_probe_bytes = 64;

}  // namespace

void PathMtu::reset() {
    min_mtu_ = 0;
    max_mtu_ = limits::frame_bytes;
    rounds_ = 0;
    next_round_ = never;
}

void PathMtu::start(Time now) {
    if (!is_running()) next_round_ = now;
}

PathMtu::Round PathMtu::on_time(Time now, const Intervals& intervals, RandomSource& random) {
    Round round;
    if (now < next_round_) return round;
    ++rounds_;
    judge(round);
    round.probes_sent = static_cast<std::size_t>(rounds_);
    if (round.news == Round::News::fixed) rounds_ = resting_round;

    if (rounds_ == resting_round) {
        next_round_ = now + intervals.ping_interval;
        return round;
    }
    next_round_ =
        now + (rounds_ == check_round ? intervals.ping_timeout : Duration(std::chrono::seconds(1)));
    choose_probes(round, random);
    return round;
}

/// What the answers so far mean for this round.
void PathMtu::judge(Round& round) {
    if (rounds_ > check_round) {
        if (min_mtu_ == 0) {
            rounds_ = resting_round;
            return;
        }
        round.news = Round::News::restarted;
        rounds_ = 1;
        min_mtu_ = 0;
        max_mtu_ = limits::frame_bytes;
    }
    if (rounds_ >= silent_round && rounds_ < check_round && min_mtu_ == 0) {
        round.news = Round::News::silent;
        rounds_ = resting_round;
        return;
    }
    if (rounds_ == last_search_round || (rounds_ < last_search_round && min_mtu_ >= max_mtu_)) {
        round.news = Round::News::fixed;
        if (min_mtu_ > max_mtu_)
            min_mtu_ = max_mtu_;
        else
            max_mtu_ = min_mtu_;
        mtu_ = min_mtu_;
    }
}

void PathMtu::choose_probes(Round& round, RandomSource& random) const {
    if (rounds_ >= last_search_round && max_mtu_ + growth_bytes < limits::frame_bytes)
        round.probes.push_back(std::max(max_mtu_ + growth_bytes, smallest_probe_bytes));
    for (int i = 0; i < probes_per_round; ++i) {
        const auto size =
            max_mtu_ <= min_mtu_
                ? max_mtu_
                : min_mtu_ + 1 + random.below(static_cast<std::uint32_t>(max_mtu_ - min_mtu_));
        round.probes.push_back(std::max(size, smallest_probe_bytes));
    }
    round.wants_local_probe = rounds_ <= silent_round;
}

void PathMtu::on_reply(std::size_t frame_bytes) {
    if (rounds_ > last_search_round) {
        if (frame_bytes == max_mtu_ + growth_bytes) {
            max_mtu_ = limits::frame_bytes;
            rounds_ = silent_round;
            return;
        }
        rounds_ = min_mtu_ > 0 ? last_search_round : 1;
    }
    min_mtu_ = std::max(min_mtu_, std::min(frame_bytes, max_mtu_));
}

void PathMtu::on_too_big(std::size_t frame_bytes) {
    if (frame_bytes == 0) return;
    if (max_mtu_ >= frame_bytes) max_mtu_ = frame_bytes - 1;
    if (mtu_ >= frame_bytes) mtu_ = frame_bytes - 1;
    min_mtu_ = std::min(min_mtu_, max_mtu_);
}

void PathMtu::lower_limit(std::size_t frame_bytes) { mtu_ = std::min(mtu_, frame_bytes); }

}  // namespace tinc::mesh
