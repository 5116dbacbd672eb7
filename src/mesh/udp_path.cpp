#include "tinc/mesh/udp_path.hpp"

#include <algorithm>
#include <cmath>
#include <utility>

namespace tinc::mesh {

namespace {

constexpr std::chrono::milliseconds search_pause{333};
constexpr std::chrono::seconds check_pause{1};
constexpr int last_search_round = 20;
constexpr int rounds_per_cycle = 8;
constexpr int first_check = -1;
constexpr int last_check = -3;
constexpr int most_unanswered = 3;
/// The least wait for an answer before asking again: attempts come no faster.
constexpr Duration shortest_wait = limits::tunnel_report_pause;

bool is_due(Time last, Duration pause, Time now) {
    return last == Time::min() || now - last >= pause;
}

}  // namespace

void UdpPath::reset() {
    is_confirmed_ = false;
    lost_at_ = never;
    last_discovery_ = last_probe_ = Time::min();
    min_mtu_ = 0;
    max_mtu_ = limits::frame_bytes;
    rounds_ = 0;
    is_doubtful_ = false;
    unanswered_ = 0;
    last_question_ = last_answer_ = Time::min();
    round_trip_ = longest_wait;
}

UdpPath::Round UdpPath::attempt(Time now, const UdpDiscovery& discovery, bool is_measured) {
    Round round;
    timeout_ = discovery.is_on ? discovery.timeout : Duration::zero();
    if (discovery.is_on &&
        is_due(last_discovery_, is_confirmed_ ? discovery.keepalive : discovery.interval, now)) {
        last_discovery_ = now;
        round.probes.push_back(discovery_bytes);
        round.wants_local_probe = !is_confirmed_;
    }
    if (!is_measured || (discovery.is_on && !is_confirmed_)) return round;
    watch(now, discovery, round);
    if (rounds_ >= 0)
        search(now, round);
    else
        check(now, discovery, round);
    return round;
}

/// Where UDP is taken to work whatever seems there is nothing to watch.
void UdpPath::watch(Time now, const UdpDiscovery& discovery, Round& round) {
    if (!discovery.is_on || usable_bytes() == 0) return;
    is_doubtful_ = true;
    const bool is_due_now =
        unanswered_ == 0
            ? is_due(last_answer_, watch_pause, now)
            : is_due(last_question_, std::clamp<Duration>(round_trip_, shortest_wait, longest_wait),
                     now);
    if (!is_due_now) return;
    if (unanswered_ == most_unanswered) return begin_anew(now, round);
    if (unanswered_++ == 0) asked_ = now;
    last_question_ = now;
    round.probes.push_back(min_mtu_);
}

/// Nothing is sent this way before an answer comes. The path may have become narrower, or may lead
/// to nobody any more: then nothing will answer the smallest probe either.
void UdpPath::begin_anew(Time now, Round& round) {
    is_doubtful_ = false;
    unanswered_ = 0;
    rounds_ = 0;
    min_mtu_ = 0;
    last_probe_ = Time::min();
    if (round.probes.empty()) round.probes.push_back(discovery_bytes);
    last_discovery_ = now;
    lost_at_ = std::min(lost_at_, now + 2 * longest_wait);
}

void UdpPath::search(Time now, Round& round) {
    if (!is_due(last_probe_, search_pause, now)) return;
    last_probe_ = now;
    round.is_fixed = fix_if_found();
    if (round.is_fixed) return;
    round.probes.push_back(next_size());
    ++rounds_;
}

/// The closer to the upper end the more probes: most paths are as wide as the first link. After
/// each cycle the range has become smaller.
std::size_t UdpPath::next_size() const {
    const auto least = std::max(min_mtu_, smallest_useful_bytes);
    if (max_mtu_ <= least) return least;
    const auto range = static_cast<double>(max_mtu_ - least);
    const double left = rounds_per_cycle - 1 - rounds_ % rounds_per_cycle;
    // With nothing known of the link, 1500 bytes of Ethernet are likelier than the largest frame.
    const double bend = max_mtu_ == limits::frame_bytes ? 0.97 : 1.0;
    const auto offset = std::pow(range, bend * left / (rounds_per_cycle - 1));
    return least + static_cast<std::size_t>(std::lround(offset));
}

/// Whether the size is known; then the checks begin.
bool UdpPath::fix_if_found() {
    if (rounds_ < last_search_round && min_mtu_ < max_mtu_) return false;
    if (min_mtu_ > max_mtu_)
        min_mtu_ = max_mtu_;
    else
        max_mtu_ = min_mtu_;
    mtu_ = std::max(min_mtu_, smallest_useful_bytes);
    fixed_after_ = rounds_;
    rounds_ = first_check;
    return true;
}

/// Is it still so, and has the path grown? Three silent checks begin the search anew.
void UdpPath::check(Time now, const UdpDiscovery& discovery, Round& round) {
    const Duration pause = rounds_ == first_check ? discovery.ping_interval : check_pause;
    if (!is_due(last_probe_, pause, now)) return;
    last_probe_ = now;
    if (rounds_ < last_check) {
        rounds_ = 0;
        min_mtu_ = 0;
        last_probe_ = Time::min();
        return search(now, round);
    }
    round.probes.push_back(max_mtu_);
    if (rounds_ == first_check && max_mtu_ + 1 < limits::frame_bytes)
        round.probes.push_back(max_mtu_ + 1);
    --rounds_;
}

UdpPath::News UdpPath::on_reply(std::size_t frame_bytes, Time now) {
    const auto news = is_confirmed_ ? News::none : News::confirmed;
    if (!is_confirmed_ && last_discovery_ != Time::min()) round_trip_ = now - last_discovery_;
    is_confirmed_ = true;
    lost_at_ = timeout_ == Duration::zero() ? never : now + timeout_;
    if (frame_bytes >= min_mtu_) {
        if (std::exchange(unanswered_, 0) > 0) round_trip_ = now - asked_;
        last_answer_ = now;
        is_doubtful_ = false;
    }
    if (frame_bytes > max_mtu_) {
        min_mtu_ = std::min(frame_bytes, limits::frame_bytes);
        max_mtu_ = limits::frame_bytes;
        rounds_ = 1;
        return news;
    }
    if (rounds_ < first_check && frame_bytes == max_mtu_) {
        rounds_ = first_check;
        last_probe_ = now;
    }
    min_mtu_ = std::max(min_mtu_, frame_bytes);
    return rounds_ > 0 && fix_if_found() ? News::fixed : news;
}

void UdpPath::on_too_big(std::size_t frame_bytes) {
    if (frame_bytes == 0) return;
    on_route_mtu(frame_bytes - 1);
    // The next probe, a smaller one, need not wait.
    if (rounds_ > 0) last_probe_ = Time::min();
}

void UdpPath::on_route_mtu(std::size_t frame_bytes) {
    max_mtu_ = std::min(max_mtu_, std::max(frame_bytes, smallest_useful_bytes));
    mtu_ = std::min(mtu_, max_mtu_);
    min_mtu_ = std::min(min_mtu_, max_mtu_);
}

void UdpPath::lower_limit(std::size_t frame_bytes) { limit_ = std::min(limit_, frame_bytes); }

void UdpPath::on_mtu_info(std::size_t frame_bytes) {
    if (!is_fixed()) mtu_ = std::min(frame_bytes, limits::frame_bytes);
}

bool UdpPath::on_time(Time now) {
    if (now < deadline()) return false;
    reset();
    return true;
}

}  // namespace tinc::mesh
