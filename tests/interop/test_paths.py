"""Ways a packet can take: TCP, relays, small MTUs, moving addresses, restarts, new keys."""

import re
import signal
import subprocess
import unittest

import sandbox
from lab import Lab, TINCD, TINCD_PEER, explain_cast, is_reference, pinging, wait_until
from networks import Member, each_cast, expand, inner, inner6, outer, star

PINGS = 10
QUICK = "PingInterval = 3\nPingTimeout = 1\n"  # notices silence in seconds rather than minutes


def pair(lab: Lab, ours: str = "", theirs: str = "", conf: str = "", mtu: int = 1500,
         inner_mtu: int = 1400):
    """alpha (under test, connects) and beta (peer)."""
    return star(lab,
                Member("alpha", TINCD, ours, conf, connect_to=("beta", )),
                Member("beta", TINCD_PEER, theirs, conf), mtu=mtu, inner_mtu=inner_mtu)


@expand
class PathsTest(unittest.TestCase):

    def expect_pings(self, host, address: str, *options: str) -> None:
        host.wait_pings(address, *options, count=PINGS)

    def grow_of_pings(self, host, address: str, counting, counter: str) -> int:
        """Bytes that a counter grows by while pings of 500 bytes are sent and answered."""
        before = counting.counted(counter)
        self.expect_pings(host, address, "-s", "500")
        return counting.counted(counter) - before

    # TCP.

    def tcp_only(self, **settings: str) -> None:
        with Lab() as lab:
            alpha, beta = pair(lab, **settings)
            beta.start()
            alpha.start()
            beta.host.count("udp", "input", "udp dport 655")
            beta.host.count("tcp", "input", "meta l4proto tcp")
            alpha.host.wait_ping(inner(2))
            alpha.host.wait_ping(inner6(2))
            self.assertGreater(self.grow_of_pings(alpha.host, inner(2), beta.host, "tcp"),
                               PINGS * 500)
            self.expect_pings(beta.host, inner(1), "-s", "1300", "-M", "do")
            self.assertEqual(beta.host.counted("udp"), 0)
            self.assertIn("PACKET", beta.daemon.log())

    def test_tcp_only_of_both(self) -> None:
        self.tcp_only(ours="TCPOnly = yes\n", theirs="TCPOnly = yes\n")

    def test_tcp_only_of_one_binds_both(self) -> None:
        self.tcp_only(theirs="TCPOnly = yes\n")

    def test_blocked_udp_leaves_tcp(self) -> None:
        with Lab() as lab:
            alpha, beta = pair(lab)
            for node in (alpha, beta):
                node.host.rule("input", "udp dport 655 drop")
            beta.start()
            alpha.start()
            for host, number in ((alpha.host, 2), (beta.host, 1)):
                host.wait_ping(inner(number))
                self.expect_pings(host, inner(number), "-s", "1300", "-M", "do")
                self.expect_pings(host, inner6(number))
            self.assertEqual(alpha.node("beta")["min"], "0")

    def test_udp_that_dies_falls_back_to_tcp_and_returns(self) -> None:
        with Lab() as lab:
            alpha, beta = pair(lab, conf=QUICK)
            beta.start()
            alpha.start()
            alpha.wait_udp("beta", at_least=1400)
            beta.wait_udp("alpha", at_least=1400)
            for node in (alpha, beta):
                node.host.rule("input", "udp dport 655 drop")
            alpha.host.wait_ping(inner(2))
            for node in (alpha, beta):
                node.host.forget_rules("input")
            alpha.wait_udp("beta")
            self.expect_pings(alpha.host, inner(2))

    def test_loss_is_borne(self) -> None:
        with Lab() as lab:
            alpha, beta = pair(lab)
            for node in (alpha, beta):
                node.host.lose(10, "udp dport 655")
            beta.start()
            alpha.start()
            alpha.wait_udp("beta", at_least=1200)
            beta.wait_udp("alpha", at_least=1200)
            keys = alpha.daemon.log().count("ANS_KEY")
            answered = alpha.host.ping_series(inner(2), count=200, interval_s=0.02)
            self.assertGreater(answered, 200 * 0.65, "10 % each way should lose 19 %")
            self.assertLess(answered, 200, "no packet was lost: it did not go by UDP")
            self.assertEqual(alpha.daemon.log().count("ANS_KEY"), keys, "loss made new keys")

    # Relays.

    def relay(self, program: str, udp: bool, near: str = TINCD, far: str = TINCD) -> None:
        """alpha and gamma cannot talk directly; beta stands between them."""
        with Lab() as lab:
            alpha, beta, gamma = star(lab, Member("alpha", near, connect_to=("beta", )),
                                      Member("beta", program),
                                      Member("gamma", far, connect_to=("beta", )))
            alpha.host.rule("input", f"ip saddr {outer(3)} drop")
            gamma.host.rule("input", f"ip saddr {outer(1)} drop")
            if not udp:
                for node in (alpha, beta, gamma):
                    node.host.rule("input", "udp dport 655 drop")
            for node in (beta, alpha, gamma):
                node.start()
            alpha.host.wait_ping(inner(3))
            gamma.host.wait_ping(inner(1))
            for node, other in ((alpha, "gamma"), (gamma, "alpha")):
                # A request is repeated after 10 s at the earliest.
                wait_until(lambda n=node, o=other: n.node(o)["cipher"] == "427",
                           f"{node.name} has a key of {other} without asking twice", 8)
            if udp:
                # Relayed as datagrams once each hop has proven itself.
                for node, hop in ((alpha, "beta"), (gamma, "beta"), (beta, "alpha"),
                                  (beta, "gamma")):
                    node.wait_udp(hop, at_least=600)
                beta.host.count("udp", "input", "udp dport 655")
                self.assertGreater(self.grow_of_pings(alpha.host, inner(3), beta.host, "udp"),
                                   2 * PINGS * 500)
            self.expect_pings(alpha.host, inner(3), "-s", "1300")
            self.expect_pings(gamma.host, inner6(1), "-s", "1300")

    def test_relay_by_us(self) -> None:
        self.relay(TINCD, udp=True, near=TINCD_PEER, far=TINCD_PEER)

    def test_relay_by_peer(self) -> None:
        self.relay(TINCD_PEER, udp=True)

    def test_relay_by_us_over_tcp(self) -> None:
        self.relay(TINCD, udp=False, near=TINCD_PEER)

    def test_relay_by_peer_over_tcp(self) -> None:
        self.relay(TINCD_PEER, udp=False)

    @each_cast
    def indirect_data(self, cast: tuple[str, ...]) -> None:
        """Only beta, which gamma is connected with, sends it datagrams; delta gets them from all."""
        with Lab() as lab:
            alpha, beta, gamma, delta = star(
                lab, Member("alpha", cast[0], connect_to=("beta", )), Member("beta", cast[1]),
                Member("gamma", cast[2], "IndirectData = yes\n", connect_to=("beta", )),
                Member("delta", cast[3], connect_to=("beta", )))
            for node in (beta, alpha, gamma, delta):
                node.start()
            strangers = f"ip saddr {{ {outer(1)}, {outer(4)} }} udp dport 655"
            gamma.host.count("strangers", "input", strangers)
            for node in (alpha, delta):
                node.host.wait_ping(inner(3))
                self.expect_pings(node.host, inner(3))
                self.assertEqual(node.node("gamma")["via"], "beta")
            self.assertEqual(gamma.host.counted("strangers"), 0)
            alpha.host.wait_ping(inner(4))
            alpha.wait_udp("delta", at_least=600)
            self.assertEqual(alpha.node("delta")["via"], "delta")

    # Sizes.

    def small_path(self, underlay_mtu: int, hide_icmp: bool) -> None:
        """Inner packets of 1400 bytes over a path whose MTU is too small for them."""
        with Lab() as lab:
            alpha, beta = pair(lab)
            middle = lab.router("middle")
            self.put_between(lab, alpha, beta, middle, underlay_mtu)
            if hide_icmp:
                middle.rule("output", "icmp type destination-unreachable drop")
            beta.start()
            alpha.start()
            for node, other, number in ((alpha, "beta", 2), (beta, "alpha", 1)):
                node.host.wait_ping(inner(number))
                # Discovery over: the largest size proven is the largest allowed.
                wait_until(lambda n=node, o=other: (found := n.node(o))["min"] == found["max"],
                           f"{node.name} knows the size of the path to {other}", 60)
                proven = int(node.node(other)["min"])
                self.assertLessEqual(proven, underlay_mtu - 28)
                self.assertGreaterEqual(proven, underlay_mtu - 100)
            for host, number in ((alpha.host, 2), (beta.host, 1)):
                # Without DF the packet is cut to fit. With DF the sender is told the size that
                # fits by ICMP, and answers to that size pass.
                self.expect_pings(host, inner(number), "-s", "1372", "-M", "dont")
                told = host.attempt("ping", "-n", "-c", "1", "-W", "2", "-s", "1372", "-M", "do",
                                    inner(number))
                size = re.search(r"mtu ?= ?(\d+)", told.stdout + told.stderr)
                self.assertIsNotNone(size, f"no ICMP told the size:\n{told.stdout}{told.stderr}")
                self.expect_pings(host, inner(number), "-M", "do", "-s", str(int(size[1]) - 28))
                self.expect_pings(host, inner6(number), "-s", "1200")

    @staticmethod
    def put_between(lab: Lab, alpha, beta, middle, mtu: int) -> None:
        """Moves beta behind a router, with the small MTU on beta's side."""
        lab.cable(alpha.host, middle, "10.98.1.2/24", "10.98.1.1/24")
        lab.cable(middle, beta.host, "10.98.2.1/24", "10.98.2.2/24", mtu=mtu)
        alpha.host.ip("link set eth0 down", "route add 10.98.2.0/24 via 10.98.1.1")
        beta.host.ip("link set eth0 down", "route add 10.98.1.0/24 via 10.98.2.1")
        for node in (alpha, beta):
            text = node.read("hosts/beta").replace(outer(2), "10.98.2.2")
            node.write("hosts/beta", text)

    def test_path_of_1280(self) -> None:
        self.small_path(1280, hide_icmp=False)

    def test_path_of_1280_that_hides_icmp(self) -> None:
        self.small_path(1280, hide_icmp=True)

    # Addresses that move.

    def test_a_nat_that_changes_the_port_heals(self) -> None:
        with Lab() as lab:
            alpha, beta = pair(lab, conf=QUICK)
            self.rewrite_port(alpha.host, 40000)
            beta.start()
            alpha.start()
            alpha.wait_udp("beta", at_least=200)
            beta.wait_udp("alpha", at_least=200)
            self.assertIn("port 40000", beta.node("alpha")["host"])
            self.rewrite_port(alpha.host, 41000)
            alpha.host.wait_ping(inner(2))
            wait_until(lambda: "port 41000" in (beta.node("alpha") or {"host": ""})["host"],
                       "beta follows alpha to port 41000")
            self.expect_pings(beta.host, inner(1))

    @staticmethod
    def rewrite_port(host, port: int) -> None:
        """Acts as a NAT box: UDP of this host leaves from `port`; only that port is let in."""
        host.nft("add table ip box", "delete table ip box", "add table ip box",
                 "add chain ip box leave { type filter hook postrouting priority 300; }",
                 f"add rule ip box leave udp sport 655 udp sport set {port}",
                 "add chain ip box arrive { type filter hook prerouting priority -300; }",
                 "add rule ip box arrive udp dport 655 drop",
                 f"add rule ip box arrive udp dport {port} udp dport set 655")

    # Ends that go and come.

    def test_peer_restart(self) -> None:
        with Lab() as lab:
            alpha, beta = pair(lab)
            beta.start()
            alpha.start()
            alpha.host.wait_ping(inner(2))
            before = alpha.daemon.mark()
            self.assertEqual(beta.daemon.stop(), 0)
            alpha.daemon.wait_log(r"^Trying to re-establish outgoing connection in 5 seconds$",
                                  since=before)
            beta.start()
            alpha.daemon.wait_log("^Connection with beta .* activated$", since=before)
            alpha.host.wait_ping(inner(2))

    def test_peer_killed(self) -> None:
        with Lab() as lab:
            alpha, beta = pair(lab)
            beta.start()
            alpha.start()
            alpha.host.wait_ping(inner(2))
            before = alpha.daemon.mark()
            beta.daemon.kill()
            alpha.daemon.wait_log(r"^Trying to re-establish", since=before)
            beta.start()
            alpha.host.wait_ping(inner(2))
            self.expect_pings(beta.host, inner(1))

    def test_peer_killed_unnoticed_returns_on_a_second_connection(self) -> None:
        """The peer calls; it dies without a FIN or RST and calls again."""
        with Lab() as lab:
            alpha, beta = star(lab, Member("alpha", TINCD),
                               Member("beta", TINCD_PEER, connect_to=("alpha", )))
            alpha.start()
            beta.start()
            alpha.host.wait_ping(inner(2))
            beta.host.rule("output", "tcp flags & (fin | rst) != 0 drop")
            before = alpha.daemon.mark()
            beta.daemon.kill()
            beta.host.forget_rules("output")
            beta.start()
            alpha.daemon.wait_log("^Connection with beta .* activated$", since=before)
            alpha.host.wait_ping(inner(2))
            self.expect_pings(beta.host, inner(1))
            self.assertEqual(alpha.connections().count(" beta at "), 1)

    def test_silent_peer_is_noticed_by_ping(self) -> None:
        with Lab() as lab:
            alpha, beta = pair(lab, conf=QUICK)
            beta.start()
            alpha.start()
            alpha.host.wait_ping(inner(2))
            before = alpha.daemon.signal(0)
            beta.daemon.signal(signal.SIGSTOP)
            alpha.daemon.wait_log(r"^beta \(.*\) didn't respond to PING in \d+ seconds", since=before)
            beta.daemon.signal(signal.SIGCONT)
            alpha.host.wait_ping(inner(2))

    # Keys and subnets.

    def test_new_keys_every_3_seconds_lose_nearly_nothing(self) -> None:
        with Lab() as lab:
            alpha, beta = pair(lab, conf=QUICK + "KeyExpire = 3\n")
            beta.start()
            alpha.start()
            alpha.wait_udp("beta", at_least=200)
            beta.wait_udp("alpha", at_least=200)
            with pinging(alpha.host, inner(2), interval_s=0.01) as count:
                for node in (alpha, beta):
                    start = node.daemon.mark()
                    wait_until(lambda n=node, s=start: n.daemon.log(s).count(
                        "Expiring symmetric keys") >= 2, f"{node.name} makes new keys twice")
            self.assertGreater(count.sent, 300)
            self.assertLess(count.lost, count.sent * 0.02, f"{count.lost} of {count.sent} lost")


@unittest.skipIf(is_reference(TINCD), "1.0.36 lets requests wait behind megabytes of packets")
class SlowConnectionTest(unittest.TestCase):
    """A meta connection that is asked to carry ten times the packets that it can."""

    def test_requests_and_packets_do_not_wait_long(self) -> None:
        with Lab() as lab:
            alpha, beta = pair(lab, ours="TCPOnly = yes\n",
                               conf="PingInterval = 2\nPingTimeout = 2\n")
            beta.start(debug=4)  # requests as they are
            alpha.start()
            alpha.host.wait_ping(inner(2))
            alpha.host.run("tc", "qdisc", "add", "dev", "eth0", "root", "tbf", "rate", "1mbit",
                           "burst", "5kb", "latency", "100ms")
            flood = alpha.host.spawn("ping", "-n", "-q", "-i", "0.001", "-c", "2000", "-s", "1200",
                                     inner(2), stdout=subprocess.PIPE, text=True)
            own = alpha.read("hosts/alpha")
            number = 0
            while flood.poll() is None:
                number += 1
                alpha.write("hosts/alpha", own + f"Subnet = 10.9.{number}.0/24\n")
                alpha.daemon.signal(signal.SIGHUP)
                beta.daemon.wait_log(rf"Got ADD_SUBNET from alpha.* 10\.9\.{number}\.0/24",
                                     seconds=2)
            told, _ = flood.communicate()
            self.assertLess(float(re.search(r"rtt min/avg/max/mdev = [\d.]+/[\d.]+/([\d.]+)/",
                                            told)[1]), 2000, told)
            for node in (alpha, beta):
                self.assertNotRegex(node.daemon.log(), r"didn't respond to PING|could not flush")


if __name__ == "__main__":
    explain_cast()
    sandbox.run_tests(jobs=6)
