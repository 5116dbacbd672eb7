"""Modes other than the usual one: switch, hub, router over tap, tunnel server, multicast."""

import signal
import unittest

import sandbox
from lab import Key, Lab, Tinc, TINCD, TINCD_PEER, explain_cast, wait_until
from networks import Member, inner, inner6, outer, star

PINGS = 5


def bridged(lab: Lab, conf: str, programs: tuple[str, ...]) -> list[Tinc]:
    """A chain of nodes on tap devices without Subnets: names a, b, c …; each calls the one before.

    Inside, all have addresses in one Ethernet segment: 10.1.0.1 …
    """
    switch = lab.switch("switch")
    nodes = []
    for number, program in enumerate(programs, 1):
        name = "abcdef"[number - 1]
        host = lab.host(name)
        lab.cable(host, switch, f"{outer(number)}/24")
        node = Tinc(host, program)
        call = f"ConnectTo = {nodes[-1].name}\n" if nodes else ""
        node.write("tinc.conf", f"Name = {name}\nInterface = vpn0\n{call}{conf}")
        node.write(f"hosts/{name}", f"Address = {outer(number)}\n")
        node.use_key(Key.of(2048, number))
        node.script("tinc-up", f'ip link set "$INTERFACE" up mtu 1400\n'
                    f'ip addr add {inner(number)}/24 dev "$INTERFACE"\n'
                    f'ip addr add {inner6(number)}/64 dev "$INTERFACE" nodad\n')
        nodes.append(node)
    for node in nodes:
        node.learn(*(other for other in nodes if other is not node))
        node.start()
    return nodes


class ModesTest(unittest.TestCase):

    def expect_pings(self, node: Tinc, number: int) -> None:
        for address in (inner(number), inner6(number)):
            node.host.wait_ping(address)
            node.host.wait_pings(address, count=PINGS)

    def segment(self, conf: str, *programs: str) -> None:
        with Lab() as lab:
            nodes = bridged(lab, conf, programs)
            for node in nodes:
                for number in range(1, len(nodes) + 1):
                    if nodes[number - 1] is not node:
                        self.expect_pings(node, number)

    def test_switch(self) -> None:
        self.segment("Mode = switch\n", TINCD, TINCD_PEER)

    def test_switch_of_three_with_peer_between(self) -> None:
        self.segment("Mode = switch\n", TINCD, TINCD_PEER, TINCD)

    def test_switch_of_three_with_us_between(self) -> None:
        self.segment("Mode = switch\n", TINCD_PEER, TINCD, TINCD_PEER)

    def test_hub(self) -> None:
        self.segment("Mode = hub\n", TINCD, TINCD_PEER)

    def test_switch_learns_addresses_and_tells(self) -> None:
        with Lab() as lab:
            ours, theirs = bridged(lab, "Mode = switch\n", (TINCD, TINCD_PEER))
            self.expect_pings(ours, 2)
            for node, owner in ((ours, "a"), (theirs, "b")):
                mac = node.host.run("ip", "-br", "link", "show", "vpn0").split()[2]
                short = ":".join(f"{int(part, 16):x}" for part in mac.split(":"))
                for place in (ours, theirs):
                    wait_until(lambda p=place, o=owner, s=short: f" {s}#10 owner {o}\n" in
                               p.dump(signal.SIGUSR2, r"End of subnet list\."),
                               f"{place.name} knows that {short} is at {owner}")

    def test_router_over_tap_answers_arp_and_neighbour_solicitations(self) -> None:
        with Lab() as lab:
            alpha, beta = star(lab, Member("alpha", TINCD, "", "DeviceType = tap\n",
                                           connect_to=("beta", )),
                               Member("beta", TINCD_PEER))
            beta.start()
            alpha.start()
            self.expect_pings(alpha, 2)
            self.expect_pings(beta, 1)

    def test_tunnel_server_keeps_its_clients_apart(self) -> None:
        for server, client in ((TINCD, TINCD_PEER), (TINCD_PEER, TINCD)):
            with self.subTest(server=server), Lab() as lab:
                alpha, beta, gamma = star(lab, Member("alpha", client, connect_to=("beta", )),
                                          Member("beta", server, "", "TunnelServer = yes\n"),
                                          Member("gamma", client, connect_to=("beta", )))
                for node in (beta, alpha, gamma):
                    node.start()
                self.expect_pings(alpha, 2)
                self.expect_pings(gamma, 2)
                self.assertIsNone(alpha.node("gamma"))
                self.assertIsNone(gamma.node("alpha"))

    def test_multicast_reaches_everybody(self) -> None:
        for middle, ends in ((TINCD, TINCD_PEER), (TINCD_PEER, TINCD)):
            with self.subTest(middle=middle), Lab() as lab:
                alpha, beta, gamma = star(lab, Member("alpha", ends, connect_to=("beta", )),
                                          Member("beta", middle),
                                          Member("gamma", ends, connect_to=("beta", )))
                for node in (beta, alpha, gamma):
                    node.start()
                self.expect_pings(alpha, 3)
                for node in (beta, gamma):
                    node.host.count("group", "input", "iifname vpn0 ip daddr 224.0.0.1")
                alpha.host.attempt("ping", "-q", "-c", "3", "-i", "0.1", "-W", "1", "-t", "8",
                                   "-I", "vpn0", "224.0.0.1")
                for node in (beta, gamma):
                    wait_until(lambda n=node: n.host.counted("group") >= 3 * 84,
                               f"the group's packets reach {node.name}", 10)

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
