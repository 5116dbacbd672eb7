#include "tinc/peer/request_policy.hpp"

namespace tinc::peer {

using wire::Request;

bool is_allowed(State state, Request request) {
    switch (state) {
        case State::connecting:
        case State::awaiting_proxy:
        case State::awaiting_host:
            return false;
        case State::awaiting_id:
            return request == Request::id;
        case State::authenticating:
            return request == Request::metakey || request == Request::challenge ||
                   request == Request::chal_reply;
        case State::awaiting_ack:
            return request == Request::ack;
        case State::awaiting_end:
            return request == Request::termreq;
        case State::active:
            return request >= Request::termreq && request != Request::control &&
                   request != Request::req_pubkey && request != Request::ans_pubkey;
    }
    return false;
}

}  // namespace tinc::peer
