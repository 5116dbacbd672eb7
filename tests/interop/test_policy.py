"""Whose word counts: TunnelServer, StrictSubnets and --bypass-security, in all casts."""

import signal
import unittest
from collections.abc import Sequence

import sandbox
from lab import Lab, Tinc, TINCD, TINCD_PEER, explain_cast, is_reference, wait_until
from networks import Member, each_cast, expand, inner, star

PINGS = 3
FALSE_ROUTE = "10.66.0.0/16"
REACHABLE = 0x10  # bit of a node's status
STRICT = "StrictSubnets = yes\n"
CLAIM = f"{inner(2)}/32#1"  # the address of beta, and better than its own


def subnets(node: Tinc) -> str:
    """The subnet list, a line for each."""
    dump = node.dump(signal.SIGUSR2, r"End of subnet list\.")
    return dump.split("Subnet list:\n")[1].split("End of subnet list.")[0]


def hub(lab: Lab, cast: tuple[str, ...], conf: str) -> list[Tinc]:
    """alpha, gamma and delta around beta, which has further settings.

    gamma tells of a false route.
    """
    nodes = star(lab, Member("alpha", cast[0], connect_to=("beta", )),
                 Member("beta", cast[1], "", conf),
                 Member("gamma", cast[2], connect_to=("beta", )),
                 Member("delta", cast[3], connect_to=("beta", )))
    gamma = nodes[2]
    gamma.write("hosts/gamma", gamma.read("hosts/gamma") + f"\nSubnet = {FALSE_ROUTE}\n")
    return nodes


def start(nodes: Sequence[Tinc]) -> None:
    """The one in the middle is called, hence comes first."""
    for node in (nodes[1], nodes[0], *nodes[2:]):
        node.start()


def wait_ignored(node: Tinc, teller: str, subnet: str = f"{FALSE_ROUTE}#10") -> None:
    node.daemon.wait_log(f"^Ignoring unauthorized ADD_SUBNET from {teller} .*: {subnet}$")


@expand
class PolicyTest(unittest.TestCase):

    @each_cast
    def spokes_of_a_tunnel_server_do_not_learn_of_each_other(self, cast: tuple[str, ...]) -> None:
        with Lab() as lab:
            nodes = alpha, beta, gamma, delta = hub(lab, cast, "TunnelServer = yes\n")
            spokes = {1: alpha, 3: gamma, 4: delta}
            start(nodes)
            for number, spoke in spokes.items():
                spoke.host.wait_pings(inner(2), count=PINGS)
                beta.host.wait_pings(inner(number), count=PINGS)
            wait_ignored(beta, "gamma")
            gamma.daemon.stop()
            wait_until(lambda: not int(beta.node("gamma")["status"], 16) & REACHABLE,
                       "the hub misses gamma")
            gamma.start()
            beta.host.wait_pings(inner(3), count=PINGS)
            self.assertNotIn(FALSE_ROUTE, subnets(beta))
            for spoke in spokes.values():
                others = [other for other in spokes.values() if other is not spoke]
                for other in others:
                    self.assertIsNone(spoke.node(other.name))
                    self.assertNotIn(other.name, spoke.daemon.log())
                self.assertEqual(spoke.host.ping(inner(nodes.index(others[0]) + 1), wait_s=1), 0)

    @each_cast
    def spokes_reach_each_other_through_what_the_hub_answers_for(
            self, cast: tuple[str, ...]) -> None:
        with Lab() as lab:
            nodes = alpha, beta, gamma, delta = hub(lab, cast, "TunnelServer = yes\n")
            beta.write("hosts/beta", beta.read("hosts/beta") + "\nSubnet = 10.1.0.0/16\n")
            start(nodes)
            for spoke, numbers in ((alpha, (3, 4)), (gamma, (1, )), (delta, (1, 3))):
                for number in numbers:
                    spoke.host.wait_pings(inner(number), count=PINGS)
            self.assertIsNone(alpha.node("gamma"))

    @each_cast
    def false_routes_are_passed_on_but_not_believed(self, cast: tuple[str, ...]) -> None:
        """beta and delta are strict, alpha is not; gamma also claims the address of beta."""
        with Lab() as lab:
            nodes = alpha, beta, gamma, delta = hub(lab, cast, STRICT)
            delta.write("tinc.conf", delta.read("tinc.conf") + STRICT)
            gamma.write("hosts/gamma", gamma.read("hosts/gamma") + f"Subnet = {CLAIM}\n")
            start((alpha, beta, delta))
            # Strict nodes pass on what they do not keep, hence only to who is there already.
            for node in (alpha, delta):
                beta.host.wait_ping(inner(nodes.index(node) + 1))
            gamma.start()
            for subnet in (f"{FALSE_ROUTE}#10", CLAIM):
                wait_ignored(beta, "gamma", subnet)
                wait_ignored(delta, "beta", subnet)
                wait_until(lambda s=subnet: f" {s} owner gamma\n" in subnets(alpha),
                           "alpha, which believes everything, hears of it")
            for node in (beta, delta):
                self.assertNotRegex(subnets(node), f" ({FALSE_ROUTE}#10|{CLAIM}) ")
            # What goes by way of beta is for beta to decide.
            alpha.host.wait_ping(inner(3))
            alpha.wait_udp("gamma", at_least=200)
            gamma.host.count("captured", "prerouting", f"iifname vpn0 ip daddr {inner(2)}")
            self.assertEqual(alpha.host.ping(inner(2), wait_s=1), 0)
            captured = gamma.host.counted("captured")
            self.assertGreater(captured, 0, "what the believer sends goes to the liar")
            for one, number in ((delta, 2), (beta, 4), (delta, 3), (alpha, 4), (gamma, 1)):
                one.host.wait_pings(inner(number), count=PINGS)
            self.assertEqual(gamma.host.counted("captured"), captured)

    @each_cast
    def host_files_give_subnets_and_take_them_at_a_reload(self, cast: tuple[str, ...]) -> None:
        with Lab() as lab:
            alpha, beta, _, delta = hub(lab, cast, STRICT)
            beta.write("hosts/absent", "Subnet = 10.77.0.0/16\n")
            beta.start()
            self.assertIn(" 10.77.0.0/16#10 owner absent\n", subnets(beta))
            for node in (alpha, delta):
                node.start()
                wait_until(lambda n=node: "10.77.0.0/16#10 owner absent" in subnets(n),
                           f"{node.name} is told")
            beta.write("hosts/absent", "Subnet = 10.78.0.0/16\n")
            before = beta.daemon.signal(signal.SIGHUP)
            for node in (alpha, delta):
                wait_until(lambda n=node: "10.78.0.0/16#10 owner absent" in subnets(n)
                           and "10.77" not in subnets(n), f"{node.name} is told of the change")
            self.assertNotIn("Closing connection with ", beta.daemon.log(before))

    @unittest.skipIf(is_reference(TINCD), "the original keeps what is right in it")
    def test_a_broken_host_file_costs_its_node_the_subnets(self) -> None:
        with Lab() as lab:
            nodes = _, beta, gamma, _ = hub(lab, (TINCD_PEER, TINCD, TINCD_PEER, TINCD), STRICT)
            beta.write("hosts/bad", "Subnet = 10.77.0.0/16\nSubnet = nonsense\n")
            beta.write("hosts/worse", "Subnet = 10.78.0.0/16\n\nSubnet\n")
            beta.write("hosts/no.name", "Subnet = 10.79.0.0/16\n")
            start(nodes)
            beta.daemon.wait_log(r"^Subnet expected .* Subnet in /etc/tinc/hosts/bad line 2: bad ")
            beta.daemon.wait_log(r"^No value .* on line 3 while reading config file "
                                 r"/etc/tinc/hosts/worse: worse ")
            self.assertNotRegex(subnets(beta), r"10\.7[789]\.")
            gamma.host.wait_pings(inner(1), count=PINGS)


PAIRS = ((TINCD, TINCD_PEER), (TINCD_PEER, TINCD))


class BypassTest(unittest.TestCase):
    """--bypass-security: no keys and no secrets, but only between two that both have it."""

    OPTION = "--bypass-security"

    def pair(self, lab: Lab, caller: str, called: str) -> list[Tinc]:
        return star(lab, Member("alpha", caller, connect_to=("beta", )), Member("beta", called))

    def test_both(self) -> None:
        for caller, called in PAIRS:
            with self.subTest(caller=caller, called=called), Lab() as lab:
                alpha, beta = self.pair(lab, caller, called)
                alpha.write("hosts/beta", "Address = 10.99.0.2\n")
                beta.start(self.OPTION, debug=4)
                alpha.start(self.OPTION, debug=4)
                alpha.host.wait_pings(inner(2), count=PINGS)
                for node in (alpha, beta):
                    self.assertNotIn("METAKEY", node.daemon.log())
                    self.assertRegex(node.daemon.log(), r"Sending ACK to .*: 4 655 \d+ c\n")
                    self.assertRegex(node.connections(), "status 01[01][0-9a-f] ")
                    if not is_reference(node.program):
                        self.assertIn("WARNING: security is bypassed!", node.daemon.log())

    def test_one_alone_is_not_let_in(self) -> None:
        for caller, called in PAIRS:
            for careless in (0, 1):
                with self.subTest(caller=caller, called=called, careless=careless), Lab() as lab:
                    nodes = self.pair(lab, caller, called)
                    for number in (1, 0):
                        nodes[number].start(*([self.OPTION] if number == careless else []))
                    nodes[0].daemon.wait_log("^Trying to re-establish outgoing connection in 10 ")
                    for node in nodes:
                        self.assertNotIn("activated", node.daemon.log())

    def test_the_option_is_hidden(self) -> None:
        with Lab() as lab:
            node = Tinc(lab.host("alpha"))
            self.assertNotIn("bypass", node.call("--help").stdout)


if __name__ == "__main__":
    explain_cast()
    sandbox.run_tests(jobs=4)
