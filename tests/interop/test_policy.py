"""Whose word counts: TunnelServer, StrictSubnets and --bypass-security, in all casts."""

import functools
import signal
import unittest

import sandbox
from lab import Lab, Tinc, TINCD, TINCD_PEER, explain_cast, is_reference, wait_until
from networks import Member, inner, star

PINGS = 3
FALSE_ROUTE = "10.66.0.0/16"
REACHABLE = 0x10  # bit of a node's status
STRICT = "StrictSubnets = yes\n"
# The one in the middle, and those around it.
CASTS = ((TINCD, TINCD_PEER), (TINCD_PEER, TINCD), (TINCD, TINCD))


def in_all_casts(scenario):
    """Makes a test of scenario(self, lab, middle, ends), played by each cast."""

    @functools.wraps(scenario)
    def test(self) -> None:
        for middle, ends in CASTS:
            with self.subTest(middle=middle, ends=ends), Lab() as lab:
                scenario(self, lab, middle, ends)

    return test


def subnets(node: Tinc) -> str:
    """The subnet list, a line for each."""
    dump = node.dump(signal.SIGUSR2, r"End of subnet list\.")
    return dump.split("Subnet list:\n")[1].split("End of subnet list.")[0]


def hub(lab: Lab, middle: str, ends: str, conf: str) -> list[Tinc]:
    """alpha and gamma around beta, which has further settings; gamma tells of a false route."""
    nodes = star(lab, Member("alpha", ends, connect_to=("beta", )),
                 Member("beta", middle, "", conf),
                 Member("gamma", ends, connect_to=("beta", )))
    gamma = nodes[2]
    gamma.write("hosts/gamma", gamma.read("hosts/gamma") + f"\nSubnet = {FALSE_ROUTE}\n")
    return nodes


class PolicyTest(unittest.TestCase):

    @in_all_casts
    def test_spokes_of_a_tunnel_server_do_not_learn_of_each_other(
            self, lab: Lab, middle: str, ends: str) -> None:
        alpha, beta, gamma = hub(lab, middle, ends, "TunnelServer = yes\n")
        for node in (beta, alpha, gamma):
            node.start()
        for spoke, number in ((alpha, 1), (gamma, 3)):
            spoke.host.wait_pings(inner(2), count=PINGS)
            beta.host.wait_pings(inner(number), count=PINGS)
        beta.daemon.wait_log("^Ignoring unauthorized ADD_SUBNET from gamma .*: "
                             f"{FALSE_ROUTE}#10$")
        gamma.daemon.stop()
        wait_until(lambda: not int(beta.node("gamma")["status"], 16) & REACHABLE,
                   "the hub misses gamma")
        gamma.start()
        beta.host.wait_pings(inner(3), count=PINGS)
        self.assertNotIn(FALSE_ROUTE, subnets(beta))
        for one, other in ((alpha, gamma), (gamma, alpha)):
            self.assertIsNone(one.node(other.name))
            self.assertNotIn(other.name, one.daemon.log())

    @in_all_casts
    def test_spokes_reach_each_other_through_what_the_hub_answers_for(
            self, lab: Lab, middle: str, ends: str) -> None:
        alpha, beta, gamma = hub(lab, middle, ends, "TunnelServer = yes\n")
        beta.write("hosts/beta", beta.read("hosts/beta") + "\nSubnet = 10.1.0.0/16\n")
        for node in (beta, alpha, gamma):
            node.start()
        alpha.host.wait_pings(inner(3), count=PINGS)
        gamma.host.wait_pings(inner(1), count=PINGS)
        self.assertIsNone(alpha.node("gamma"))

    @in_all_casts
    def test_a_false_route_is_passed_on_but_not_believed(
            self, lab: Lab, middle: str, ends: str) -> None:
        alpha, beta, gamma = hub(lab, middle, ends, STRICT)
        for node in (beta, alpha, gamma):
            node.start()
        beta.daemon.wait_log("^Ignoring unauthorized ADD_SUBNET from gamma .*: "
                             f"{FALSE_ROUTE}#10$")
        wait_until(lambda: f" {FALSE_ROUTE}#10 owner gamma\n" in subnets(alpha),
                   "alpha, which believes everything, hears of it")
        self.assertNotIn(FALSE_ROUTE, subnets(beta))
        for one, number in ((alpha, 3), (alpha, 2), (gamma, 1), (beta, 3)):
            one.host.wait_pings(inner(number), count=PINGS)

    @in_all_casts
    def test_a_strict_node_at_the_edge(self, lab: Lab, middle: str, ends: str) -> None:
        alpha, beta, gamma = hub(lab, middle, ends, "")
        alpha.write("tinc.conf", alpha.read("tinc.conf") + STRICT)
        for node in (beta, alpha, gamma):
            node.start()
        alpha.daemon.wait_log("^Ignoring unauthorized ADD_SUBNET from beta .*: "
                              f"{FALSE_ROUTE}#10$")
        wait_until(lambda: FALSE_ROUTE in subnets(beta), "beta believes it")
        self.assertNotIn(FALSE_ROUTE, subnets(alpha))
        alpha.host.wait_pings(inner(3), count=PINGS)

    @in_all_casts
    def test_host_files_give_subnets_and_take_them_at_a_reload(
            self, lab: Lab, middle: str, ends: str) -> None:
        alpha, beta, _ = hub(lab, middle, ends, STRICT)
        beta.write("hosts/absent", "Subnet = 10.77.0.0/16\n")
        beta.start()
        self.assertIn(" 10.77.0.0/16#10 owner absent\n", subnets(beta))
        alpha.start()
        wait_until(lambda: "10.77.0.0/16#10 owner absent" in subnets(alpha),
                   "alpha is told")
        beta.write("hosts/absent", "Subnet = 10.78.0.0/16\n")
        before = beta.daemon.signal(signal.SIGHUP)
        wait_until(lambda: "10.78.0.0/16#10 owner absent" in subnets(alpha)
                   and "10.77" not in subnets(alpha), "alpha is told of the change")
        self.assertNotIn("Closing connection with alpha", beta.daemon.log(before))

    @unittest.skipIf(is_reference(TINCD), "the original keeps what is right in it")
    def test_a_broken_host_file_costs_its_node_the_subnets(self) -> None:
        with Lab() as lab:
            alpha, beta, gamma = hub(lab, TINCD, TINCD_PEER, STRICT)
            beta.write("hosts/bad", "Subnet = 10.77.0.0/16\nSubnet = nonsense\n")
            beta.write("hosts/worse", "Subnet = 10.78.0.0/16\n\nSubnet\n")
            beta.write("hosts/no.name", "Subnet = 10.79.0.0/16\n")
            for node in (beta, alpha, gamma):
                node.start()
            beta.daemon.wait_log(r"^Subnet expected .* Subnet in /etc/tinc/hosts/bad line 2: bad ")
            beta.daemon.wait_log(r"^No value .* on line 3 while reading config file "
                                 r"/etc/tinc/hosts/worse: worse ")
            self.assertNotRegex(subnets(beta), r"10\.7[789]\.")
            gamma.host.wait_pings(inner(1), count=PINGS)


class BypassTest(unittest.TestCase):
    """--bypass-security: no keys and no secrets, but only between two that both have it."""

    OPTION = "--bypass-security"

    def pair(self, lab: Lab, caller: str, called: str) -> list[Tinc]:
        return star(lab, Member("alpha", caller, connect_to=("beta", )), Member("beta", called))

    def test_both(self) -> None:
        for caller, called in CASTS:
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
        for caller, called in CASTS:
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
