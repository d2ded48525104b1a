// SPDX-License-Identifier: Apache-2.0
/// The network's side of an endpoint's four links, for benches: sends and receives flits under the
/// credit rules, with random delays, and checks that the endpoint keeps them.
#pragma once

#include <algorithm>
#include <deque>
#include <random>

#include "common/bench.hpp"
#include "noc/flit.hpp"

namespace tsr::tb {

/// One receiver of the endpoint (its *_rx_* ports): the bench sends here.
struct SendLink {
  std::deque<Flit> queue;
  std::array<unsigned, 2> credits{kVcDepth, kVcDepth};
};

/// One sender of the endpoint (its *_tx_* ports): the bench receives here.
struct ReceiveLink {
  std::deque<Flit> received;
  std::array<unsigned, 2> owed{0, 0};  ///< flits whose credit the bench still holds
};

/// Call before_edge() and after_edge() once a cycle from the bench's hooks.
template <class Model>
class EndpointLinks {
 public:
  explicit EndpointLinks(std::mt19937_64& rng) : rng_(rng) {}

  SendLink to_request;       ///< request network into the endpoint
  SendLink to_response;      ///< response network into the endpoint
  ReceiveLink requests;      ///< request network out of the endpoint
  ReceiveLink responses;     ///< response network out of the endpoint
  double send_chance = 1;    ///< probability of sending in a cycle when possible
  double credit_chance = 1;  ///< probability of returning an owed credit in a cycle

  /// Sample the endpoint's outputs.
  void before_edge(Model& dut) {
    take(dut.req_tx_valid_o, dut.req_tx_flit_o, requests);
    take(dut.rsp_tx_valid_o, dut.rsp_tx_flit_o, responses);
    refund(dut.req_rx_credit_o, to_request);
    refund(dut.rsp_rx_credit_o, to_response);
  }

  /// Drive the endpoint's inputs.
  void after_edge(Model& dut, std::uint64_t now) {
    dut.req_rx_valid_i = send(to_request, dut.req_rx_flit_i, now);
    dut.rsp_rx_valid_i = send(to_response, dut.rsp_rx_flit_i, now);
    dut.req_tx_credit_i = give_back(requests);
    dut.rsp_tx_credit_i = give_back(responses);
  }

 private:
  bool chance(double p) { return p >= 1 || std::bernoulli_distribution(p)(rng_); }

  template <class Wide>
  void take(bool valid, const Wide& words, ReceiveLink& link) {
    if (!valid) return;
    const Flit flit = Flit::from_words(&words[0]);
    EXPECT_EQ(flit.par, flit.header_parity()) << "bad header parity sent";
    EXPECT_EQ(flit.dpar, flit.data_parity()) << "bad data parity sent";
    link.received.push_back(flit);
    ++link.owed[flit.vc];
    EXPECT_LE(link.owed[flit.vc], kVcDepth) << "the endpoint overdrew its credits";
  }

  void refund(unsigned credit, SendLink& link) {
    for (unsigned vc = 0; vc < 2; ++vc) {
      if (((credit >> vc) & 1U) == 0) continue;
      ++link.credits[vc];
      EXPECT_LE(link.credits[vc], kVcDepth) << "the endpoint returned a credit too many";
    }
  }

  /// Flits leave in order per VC; a flit that was not sealed keeps its damaged parity.
  template <class Wide>
  bool send(SendLink& link, Wide& words, std::uint64_t now) {
    if (link.queue.empty() || !chance(send_chance)) return false;
    Flit flit = link.queue.front();
    if (link.credits[flit.vc] == 0) return false;
    --link.credits[flit.vc];
    link.queue.pop_front();
    const bool sealed = flit.par == flit.header_parity();
    flit.birth = static_cast<std::uint16_t>(now);
    if (sealed) flit.par = flit.header_parity();
    flit.to_words(&words[0]);
    return true;
  }

  unsigned give_back(ReceiveLink& link) {
    unsigned credit = 0;
    for (unsigned vc = 0; vc < 2; ++vc) {
      if (link.owed[vc] == 0 || !chance(credit_chance)) continue;
      --link.owed[vc];
      credit |= 1U << vc;
    }
    return credit;
  }

  std::mt19937_64& rng_;
};

}  // namespace tsr::tb
