"""Protocol 1.1: tincpp with the original 1.1, with itself, and both with 1.0 in one mesh."""

import hashlib
import os
import re
import unittest

import sandbox
from lab import Lab, Tinc, TINCD, TINCD_11, TINCD_PEER, explain_cast, is_11, wait_until
from networks import Member, inner, inner6, outer, star

PINGS = 5
QUIET = "AutoConnect = no\n"
SPTPS_MINOR = 2


def member(name: str, program: str, host_file: str = "", conf: str = "",
           calls: tuple[str, ...] = ()) -> Member:
    """A node with both kinds of keys that keeps to the connections it is told."""
    return Member(name, program, host_file, QUIET + conf, calls, speaks_11=True)


def speaks_sptps_with(node: Tinc, other: str) -> bool:
    found = node.node(other)
    return found is not None and int(found["options"], 16) >> 24 >= SPTPS_MINOR


@unittest.skipUnless(os.path.exists(TINCD_11), f"needs {TINCD_11}, see get-peers")
class DirectTest(unittest.TestCase):
    """Two nodes that reach each other."""

    CASTS = ((TINCD, TINCD_11), (TINCD_11, TINCD), (TINCD, TINCD))

    def talk(self, lab: Lab, caller: Member, called: Member, underlay: int = 4,
             udp: bool = True) -> list[Tinc]:
        """Starts two nodes and looks at packets of all sizes between them."""
        alpha, beta = star(lab, caller, called, underlay=underlay)
        beta.start()
        alpha.start()
        for one, number, other in ((alpha, 2, "beta"), (beta, 1, "alpha")):
            one.host.wait_pings(inner(number), count=PINGS)
            one.host.wait_pings(inner6(number), "-s", "1300", count=PINGS)
            self.assertTrue(speaks_sptps_with(one, other), f"{one.name} speaks 1.1")
            if udp:
                one.wait_udp(other, at_least=1300)
                one.host.wait_pings(inner(number), "-s", "1300", count=PINGS)
        return [alpha, beta]

    def in_all_casts(self, host_file: str = "", conf: str = "", underlay: int = 4,
                     udp: bool = True) -> None:
        for caller, called in self.CASTS:
            with self.subTest(caller=caller, called=called), Lab() as lab:
                self.talk(lab, member("alpha", caller, host_file, conf, ("beta", )),
                          member("beta", called, host_file, conf), underlay, udp)

    def test_direct(self) -> None:
        self.in_all_casts()

    def test_direct_over_ipv6(self) -> None:
        self.in_all_casts(underlay=6)

    def test_tcp_only(self) -> None:
        self.in_all_casts("TCPOnly = yes\n", udp=False)

    def test_no_local_discovery_and_no_size(self) -> None:
        self.in_all_casts("PMTUDiscovery = no\n", "LocalDiscovery = no\n", udp=False)

    def test_compression(self) -> None:
        for level in (1, 9, 10, 11):
            with self.subTest(level=level):
                self.in_all_casts(f"Compression = {level}\n")

    def test_lz4(self) -> None:
        """Between two of ours: Debian's build of the original refuses keys that ask for it."""
        with Lab() as lab:
            self.talk(lab, member("alpha", TINCD, "Compression = 12\n", calls=("beta", )),
                      member("beta", TINCD, "Compression = 12\n"))

    def test_restarts(self) -> None:
        """Whoever is started anew is talked to again, with new keys."""
        for caller, called in self.CASTS:
            with self.subTest(caller=caller, called=called), Lab() as lab:
                alpha, beta = self.talk(lab, member("alpha", caller, calls=("beta", )),
                                        member("beta", called))
                for node, other, number in ((alpha, beta, 2), (beta, alpha, 1)):
                    node.daemon.kill()
                    node.start()
                    node.host.wait_pings(inner(number), "-s", "1300", count=PINGS)
                    node.wait_udp(other.name, at_least=1300)

    def test_new_keys_under_way(self) -> None:
        """Keys are renewed every three seconds, and packets go on."""
        for caller, called in self.CASTS:
            with self.subTest(caller=caller, called=called), Lab() as lab:
                alpha, _ = self.talk(lab, member("alpha", caller, "", "KeyExpire = 3\n", ("beta", )),
                                     member("beta", called, "", "KeyExpire = 3\n"))
                answered = alpha.host.ping_series(inner(2), count=1000, interval_s=0.01)
                self.assertGreaterEqual(answered, 1000 if caller == called else 990)


@unittest.skipUnless(os.path.exists(TINCD_11), f"needs {TINCD_11}, see get-peers")
class UpgradeTest(unittest.TestCase):
    """Nodes that know each other by RSA only, and by more later."""

    def test_keys_are_told_and_kept(self) -> None:
        for caller, called in DirectTest.CASTS:
            with self.subTest(caller=caller, called=called), Lab() as lab:
                alpha, beta = star(lab, member("alpha", caller, calls=("beta", )),
                                   member("beta", called))
                for node, other in ((alpha, "beta"), (beta, "alpha")):
                    text = node.read(f"hosts/{other}")
                    node.write(f"hosts/{other}", re.sub("Ed25519PublicKey.*\n", "", text))
                beta.start()
                alpha.start()
                alpha.host.wait_pings(inner(2), count=PINGS)
                for node, other in ((alpha, beta), (beta, alpha)):
                    key = re.search("Ed25519PublicKey = (.{43})", other.read(f"hosts/{other.name}"))
                    self.assertIn(f"\n# The following line was automatically added by tinc\n{key[0]}\n",
                                  node.read(f"hosts/{other.name}"))
                    self.assertTrue(speaks_sptps_with(node, other.name))

    def test_a_known_key_is_not_given_up_for_rsa(self) -> None:
        """beta, whose key alpha knows, comes back without it."""
        for caller, called in DirectTest.CASTS:
            with self.subTest(caller=caller, called=called), Lab() as lab:
                alpha, beta = star(lab, member("alpha", caller, calls=("beta", )),
                                   member("beta", called, "", "ExperimentalProtocol = no\n"))
                beta.start()
                alpha.start()
                alpha.daemon.wait_log("tries to roll back protocol version")
                self.assertNotIn("activated", alpha.daemon.log())

    def test_old_and_new(self) -> None:
        """A node of 1.0, whose host file has an RSA key alone, is spoken to as ever."""
        for caller, called in ((TINCD, TINCD_PEER), (TINCD_PEER, TINCD)):
            with self.subTest(caller=caller, called=called), Lab() as lab:
                members = [Member("alpha", caller, connect_to=("beta", )), Member("beta", called)]
                for one in members:
                    one.speaks_11 = one.program == TINCD
                alpha, beta = star(lab, *members)
                beta.start()
                alpha.start()
                alpha.host.wait_pings(inner(2), "-s", "1300", count=PINGS)
                alpha.wait_udp("beta", at_least=1300)
                beta.wait_udp("alpha", at_least=1300)
                alpha.host.wait_pings(inner(2), "-s", "1300", count=PINGS)


@unittest.skipUnless(os.path.exists(TINCD_11), f"needs {TINCD_11}, see get-peers")
class RelayTest(unittest.TestCase):
    """alpha and gamma reach each other through beta only."""

    # Who is near, in the middle, and far.
    CASTS = ((TINCD, TINCD_11, TINCD_11), (TINCD_11, TINCD, TINCD_11), (TINCD_11, TINCD, TINCD),
             (TINCD, TINCD_11, TINCD), (TINCD, TINCD, TINCD))

    def relay(self, lab: Lab, cast: tuple[str, str, str], udp: bool, indirect: bool = False,
              conf: str = "") -> list[Tinc]:
        """Starts the three and looks at packets between the ends."""
        nodes = star(lab, member("alpha", cast[0], "", conf, ("beta", )),
                     member("beta", cast[1], "", conf),
                     member("gamma", cast[2], "IndirectData = yes\n" if indirect else "", conf,
                            ("beta", )))
        alpha, beta, gamma = nodes
        if not indirect:
            alpha.host.rule("input", f"ip saddr {outer(3)} drop")
            gamma.host.rule("input", f"ip saddr {outer(1)} drop")
        if not udp:
            for node in nodes:
                node.host.rule("input", "udp dport 655 drop")
        for node in (beta, alpha, gamma):
            node.start()
        alpha.host.wait_pings(inner(3), count=PINGS)
        gamma.host.wait_pings(inner(1), count=PINGS)
        for node, other in ((alpha, "gamma"), (gamma, "alpha")):
            self.assertTrue(speaks_sptps_with(node, other))
        if udp:
            for node, hop in ((alpha, "beta"), (gamma, "beta"), (beta, "alpha"), (beta, "gamma")):
                node.wait_udp(hop, at_least=600)
            beta.host.count("udp", "input", "udp dport 655")
        alpha.host.wait_pings(inner(3), "-s", "1200", count=PINGS)
        gamma.host.wait_pings(inner6(1), "-s", "1200", count=PINGS)
        if udp:
            self.assertGreater(beta.host.counted("udp"), 2 * PINGS * 1200)
        return nodes

    def in_all_casts(self, **more) -> None:
        for cast in self.CASTS:
            with self.subTest(cast=cast), Lab() as lab:
                self.relay(lab, cast, **more)

    def test_by_udp(self) -> None:
        self.in_all_casts(udp=True)

    def test_by_tcp(self) -> None:
        self.in_all_casts(udp=False)

    def test_indirect_data(self) -> None:
        self.in_all_casts(udp=True, indirect=True)

    def test_relayed_packets_are_not_taken_from_strangers(self) -> None:
        """A packet with the right IDs, from an address that nobody has answered from."""
        with Lab() as lab:
            nodes = self.relay(lab, (TINCD, TINCD, TINCD), udp=True)
            ids = {n.name: hashlib.sha512(n.name.encode()).digest()[:6] for n in nodes}
            stranger = lab.host("stranger")
            lab.cable(stranger, next(h for h in lab.hosts if h.name == "switch"), "10.99.0.9/24")
            nodes[2].host.count("relayed", "input", f"ip saddr {outer(2)} udp dport 655")
            before = nodes[2].host.counted("relayed")
            stranger.run("python3", "-c", f"""
import socket
packet = bytes.fromhex("{(ids['gamma'] + ids['alpha']).hex()}") + bytes(1000)
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
for _ in range(50):
    s.sendto(packet, ("{outer(2)}", 655))
""")
            nodes[0].host.wait_pings(inner(3), count=PINGS)
            self.assertLess(nodes[2].host.counted("relayed") - before, 20_000)


@unittest.skipUnless(os.path.exists(TINCD_11), f"needs {TINCD_11}, see get-peers")
class MixedMeshTest(unittest.TestCase):
    """Two nodes of 1.0, two of 1.1 and two of ours in one network."""

    PROGRAMS = {"old1": TINCD_PEER, "old2": TINCD_PEER, "new1": TINCD_11, "new2": TINCD_11,
                "our1": TINCD, "our2": TINCD}

    def mesh(self, lab: Lab, order: list[str], calls: dict[str, tuple[str, ...]]) -> dict[str, Tinc]:
        members = [Member(name, self.PROGRAMS[name], "",
                          "" if self.PROGRAMS[name] == TINCD_PEER else QUIET,
                          calls.get(name, ()), speaks_11=self.PROGRAMS[name] != TINCD_PEER)
                   for name in order]
        nodes = star(lab, *members)
        for node in nodes:
            node.start()
        return {node.name: node for node in nodes}

    def expect_all_pairs(self, nodes: dict[str, Tinc], order: list[str]) -> None:
        for one in order:
            for number, other in enumerate(order, 1):
                if one != other:
                    nodes[one].host.wait_pings(inner(number), count=3)

    def expect_best_protocol(self, nodes: dict[str, Tinc]) -> None:
        for one in nodes.values():
            for other in nodes.values():
                if one is other or one.program == TINCD_PEER:
                    continue
                self.assertEqual(speaks_sptps_with(one, other.name),
                                 other.program != TINCD_PEER, f"{one.name} and {other.name}")

    def scenario(self, order: list[str], calls: dict[str, tuple[str, ...]]) -> None:
        with Lab() as lab:
            nodes = self.mesh(lab, order, calls)
            self.expect_all_pairs(nodes, order)
            self.expect_best_protocol(nodes)
            for name in order:
                others = [n for n in order if n != name]
                nodes[name].daemon.stop()
                nodes[name].start()
                nodes[name].host.wait_pings(inner(order.index(others[0]) + 1), count=3)
            self.expect_all_pairs(nodes, order)

    def test_star_around_us(self) -> None:
        order = ["our1", "old1", "new1", "our2", "old2", "new2"]
        self.scenario(order, {name: ("our1", ) for name in order[1:]})

    def test_star_around_the_new(self) -> None:
        order = ["new1", "old1", "our1", "our2", "old2", "new2"]
        self.scenario(order, {name: ("new1", ) for name in order[1:]})

    def test_chain(self) -> None:
        order = ["old1", "our1", "new1", "our2", "old2", "new2"]
        self.scenario(order, {b: (a, ) for a, b in zip(order, order[1:])})

    def test_full_mesh(self) -> None:
        order = ["our1", "old1", "new1", "our2", "old2", "new2"]
        self.scenario(order, {name: tuple(order[:i]) for i, name in enumerate(order)})


if __name__ == "__main__":
    explain_cast()
    sandbox.run_tests(jobs=3)
