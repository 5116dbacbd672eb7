"""What the router does besides unicast over tun: tap, refusals."""

import unittest

import sandbox
from lab import Lab, Tinc, TINCD, TINCD_PEER, explain_cast, wait_until
from networks import Member, inner, inner6, star

PINGS = 5


class RoutingTest(unittest.TestCase):

    def expect_pings(self, node: Tinc, number: int) -> None:
        for address in (inner(number), inner6(number)):
            node.host.wait_ping(address)
            node.host.wait_pings(address, count=PINGS)

    def test_router_over_tap_answers_arp_and_neighbour_solicitations(self) -> None:
        with Lab() as lab:
            alpha, beta = star(lab, Member("alpha", TINCD, "", "DeviceType = tap\n",
                                           connect_to=("beta", )),
                               Member("beta", TINCD_PEER))
            beta.start()
            alpha.start()
            self.expect_pings(alpha, 2)
            self.expect_pings(beta, 1)

    def test_unreachable_destinations_are_told(self) -> None:
        with Lab() as lab:
            alpha, beta = star(lab, Member("alpha", TINCD, connect_to=("beta", )),
                               Member("beta", TINCD_PEER))
            beta.start()
            alpha.start()
            self.expect_pings(alpha, 2)
            done = alpha.host.attempt("ping", "-n", "-c", "1", "-W", "2", "10.1.0.200")
            self.assertRegex(done.stdout, r"From 10\.1\.0\.200 icmp_seq=1 Destination Net Unknown")
            done = alpha.host.attempt("ping", "-n", "-c", "1", "-W", "2", "fd01::200")
            self.assertRegex(done.stdout, r"From fd01::200 .*Address unreachable")
            beta.daemon.stop()
            wait_until(lambda: alpha.node("beta")["status"] == "0020"
                       if alpha.node("beta") else True, "beta is gone")
            done = alpha.host.attempt("ping", "-n", "-c", "4", "-W", "2", inner(2))  # 3 a second are told
            self.assertRegex(done.stdout, r"Destination Net (Unreachable|Unknown)")


if __name__ == "__main__":
    explain_cast()
    sandbox.run_tests(jobs=5)
