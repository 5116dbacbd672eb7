"""Protocol 1.1: tincpp with the original 1.1, and with itself."""

import hashlib
import json
import os
import re
import shutil
import signal
import subprocess
import unittest

import sandbox
from lab import (Helper, Host, Lab, Tinc, TINCD, TINCD_11, TINCD_PEER, explain_cast, is_11,
                 wait_until)
from networks import Member, inner, inner6, modern, outer, star

PINGS = 5
RENEWED = "SPTPS key exchange with "
RENEWALS = 4


class Flood:
    """As much TCP as goes through with a window that is smaller than every queue on its way."""

    def __init__(self, source: Host, sink: Host, address: str):
        sink.spawn("iperf3", "-s", "-1", stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        wait_until(lambda: sink.attempt("ss", "-Hltn", "sport = 5201").stdout, "iperf3 listens")
        self._client = source.spawn("iperf3", "-c", address, "-t", "600", "-w", "32K", "-J",
                                    stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)

    def end(self) -> int:
        """Stops it; returns how many bytes arrived."""
        self._client.send_signal(signal.SIGINT)
        told, _ = self._client.communicate()
        return json.loads(told)["end"]["sum_sent"]["bytes"]


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
            self.assertTrue(one.speaks_sptps_with(other), f"{one.name} speaks 1.1")
            if udp:
                one.wait_udp(other, at_least=1300)
                one.host.wait_pings(inner(number), "-s", "1300", count=PINGS)
        return [alpha, beta]

    def in_all_casts(self, host_file: str = "", conf: str = "", underlay: int = 4,
                     udp: bool = True) -> None:
        for caller, called in self.CASTS:
            with self.subTest(caller=caller, called=called), Lab() as lab:
                self.talk(lab, modern("alpha", caller, host_file, conf, ("beta", )),
                          modern("beta", called, host_file, conf), underlay, udp)

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
            self.talk(lab, modern("alpha", TINCD, "Compression = 12\n", connect_to=("beta", )),
                      modern("beta", TINCD, "Compression = 12\n"))

    def test_restarts(self) -> None:
        """Whoever is started anew is talked to again, with new keys."""
        for caller, called in self.CASTS:
            with self.subTest(caller=caller, called=called), Lab() as lab:
                alpha, beta = self.talk(lab, modern("alpha", caller, connect_to=("beta", )),
                                        modern("beta", called))
                for node, other, number in ((alpha, beta, 2), (beta, alpha, 1)):
                    node.daemon.kill()
                    node.start()
                    node.host.wait_pings(inner(number), "-s", "1300", count=PINGS)
                    node.wait_udp(other.name, at_least=1300)

    def expect_no_loss_by_new_keys(self, caller: str, called: str, most_lost: int) -> None:
        """Keys are renewed every five seconds under a flood, and numbered packets go on.

        Only what the kernel had no room for, which it counts and which is nothing unless a daemon
        has not run for long, is lost to anything else than new keys.
        """
        if not shutil.which("iperf3"):
            self.skipTest("needs iperf3")
        conf = "KeyExpire = 5\n"
        with Lab() as lab:
            nodes = self.talk(lab, modern("alpha", caller, "", conf, ("beta", )),
                              modern("beta", called, "", conf))
            alpha, beta = nodes
            begins = [node.daemon.mark() for node in nodes]
            Helper(beta.host, "counted_ping.py", "echo", "7000")
            numbers = Helper(alpha.host, "counted_ping.py", "send", "7000", "100", inner(2))
            flood = Flood(alpha.host, beta.host, inner(2))
            numbers.say()
            for node, begin in zip(nodes, begins):
                if not is_11(node.program):  # The other one has no word for it.
                    wait_until(lambda n=node, b=begin: n.daemon.log(b).count(RENEWED) >= RENEWALS,
                               f"{node.name} renews its keys {RENEWALS} times")
            numbers.say()
            sent, lost = json.loads(numbers.wait(2)[1])[inner(2)]
            megabytes = flood.end() / 1e6
            dropped = sum(node.host.dropped() for node in nodes)
            self.assertGreater(sent, 300)
            self.assertGreater(megabytes, 5, "that is no flood")
            self.assertLessEqual(lost, most_lost + dropped,
                                 f"of {sent} beside {megabytes:.0f} MB, {dropped} by the kernel")

    def test_new_keys_lose_nothing_between_two_of_us(self) -> None:
        self.expect_no_loss_by_new_keys(TINCD, TINCD, 0)

    def test_new_keys_with_the_original(self) -> None:
        """It forgets the key before at once: what was on its way then is lost."""
        self.expect_no_loss_by_new_keys(TINCD, TINCD_11, 4 * RENEWALS)

    def test_new_keys_of_the_original(self) -> None:
        self.expect_no_loss_by_new_keys(TINCD_11, TINCD, 4 * RENEWALS)

    def test_new_keys_under_way(self) -> None:
        """Keys are renewed every three seconds, and packets go on."""
        for caller, called in self.CASTS:
            with self.subTest(caller=caller, called=called), Lab() as lab:
                conf = "KeyExpire = 3\n"
                alpha, _ = self.talk(lab, modern("alpha", caller, "", conf, ("beta", )),
                                     modern("beta", called, "", conf))
                answered = alpha.host.ping_series(inner(2), count=1000, interval_s=0.01)
                self.assertGreaterEqual(answered, 1000 if caller == called else 990)


@unittest.skipUnless(os.path.exists(TINCD_11), f"needs {TINCD_11}, see get-peers")
class UpgradeTest(unittest.TestCase):
    """Nodes that know each other by RSA only, and by more later."""

    def test_keys_are_told_and_kept(self) -> None:
        for caller, called in DirectTest.CASTS:
            with self.subTest(caller=caller, called=called), Lab() as lab:
                alpha, beta = star(lab, modern("alpha", caller, connect_to=("beta", )),
                                   modern("beta", called))
                for node, other in ((alpha, "beta"), (beta, "alpha")):
                    node.forget_key_of(other)
                beta.start()
                alpha.start()
                alpha.host.wait_pings(inner(2), count=PINGS)
                for node, other in ((alpha, beta), (beta, alpha)):
                    key = re.search("Ed25519PublicKey = (.{43})", other.read(f"hosts/{other.name}"))
                    note = "# The following line was automatically added by tinc"
                    self.assertIn(f"\n{note}\n{key[0]}\n", node.read(f"hosts/{other.name}"))
                    self.assertTrue(node.speaks_sptps_with(other.name))

    def test_who_alone_lacks_a_key_gets_it(self) -> None:
        """alpha calls, and knows of beta less than beta of it."""
        for caller, called in DirectTest.CASTS:
            with self.subTest(caller=caller, called=called), Lab() as lab:
                alpha, beta = star(lab, modern("alpha", caller, connect_to=("beta", )),
                                   modern("beta", called))
                alpha.forget_key_of("beta")
                before = beta.read("hosts/alpha")
                beta.start()
                alpha.start()
                alpha.host.wait_pings(inner(2), count=PINGS)
                self.assertIn("Ed25519PublicKey", alpha.read("hosts/beta"))
                self.assertEqual(beta.read("hosts/alpha"), before)
                self.assertTrue(alpha.speaks_sptps_with("beta") and beta.speaks_sptps_with("alpha"))

    def strangers(self, lab: Lab, relay: str, far: str, conf: str) -> list[Tinc]:
        """alpha, which is ours, and gamma have no host file of each other; beta is in between."""
        nodes = star(lab, modern("alpha", TINCD, "", conf, ("beta", )), modern("beta", relay),
                     modern("gamma", far, connect_to=("beta", )))
        alpha, beta, gamma = nodes
        for node, other in ((alpha, gamma), (gamma, alpha)):
            os.remove(node.path(f"hosts/{other.name}"))
        for node in (beta, alpha, gamma):
            node.start()
        return nodes

    def test_a_key_that_a_relay_brings(self) -> None:
        """It is told whose word that is, and kept."""
        for relay, far in ((TINCD_11, TINCD_11), (TINCD, TINCD_11), (TINCD_11, TINCD)):
            with self.subTest(relay=relay, far=far), Lab() as lab:
                alpha, _, gamma = self.strangers(lab, relay, far, "")
                alpha.host.wait_pings(inner(3), count=PINGS)
                key = re.search("Ed25519PublicKey = (.{43})", gamma.read("hosts/gamma"))[1]
                alpha.daemon.wait_log(rf"Learned the Ed25519 key {re.escape(key)} of gamma by way "
                                      r"of beta \(10\.99\.0\.2 port \d+\); nobody else vouches")
                self.assertIn(f"\nEd25519PublicKey = {key}\n", alpha.read("hosts/gamma"))

    def test_strict_keys(self) -> None:
        """No key is asked for nor taken; one that the operator writes down is."""
        for relay, far in ((TINCD_11, TINCD_11), (TINCD, TINCD)):
            with self.subTest(relay=relay, far=far), Lab() as lab:
                alpha, _, gamma = self.strangers(lab, relay, far, "StrictKeys = yes\n")
                alpha.host.wait_ping(inner(2))
                wait_until(lambda: alpha.node("gamma"), "alpha knows of gamma")
                self.assertEqual(gamma.host.ping(inner(1), "-i", "0.2", count=10), 0)
                self.assertEqual(alpha.host.ping(inner(3), "-i", "0.2", count=10), 0)
                alpha.daemon.wait_log("No Ed25519 key of gamma is in its host file, and StrictKeys")
                self.assertFalse(os.path.exists(alpha.path("hosts/gamma")))
                alpha.learn(gamma)
                alpha.daemon.signal(signal.SIGHUP)
                alpha.host.wait_pings(inner(3), count=PINGS)

    def test_a_known_key_is_not_given_up_for_rsa(self) -> None:
        """beta, whose key alpha knows, comes back without it."""
        for caller, called in DirectTest.CASTS:
            with self.subTest(caller=caller, called=called), Lab() as lab:
                alpha, beta = star(lab, modern("alpha", caller, connect_to=("beta", )),
                                   modern("beta", called, "", "ExperimentalProtocol = no\n"))
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
        nodes = star(lab, modern("alpha", cast[0], "", conf, ("beta", )),
                     modern("beta", cast[1], "", conf),
                     modern("gamma", cast[2], "IndirectData = yes\n" if indirect else "", conf,
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
            self.assertTrue(node.speaks_sptps_with(other))
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


if __name__ == "__main__":
    explain_cast()
    sandbox.run_tests(jobs=3)
