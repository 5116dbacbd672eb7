"""Switch and hub mode, and what a router does to packets that are not simply for one neighbour.

Each network is built twice, with the program under test and its peer in each other's places.
"""

import json
import re
import signal
import unittest

import sandbox
from lab import (Host, Key, Lab, Tinc, TINCD, TINCD_PEER, explain_cast, pinging, up_script,
                 wait_until)
from networks import Member, inner, inner6, outer, star

PINGS = 5
ECHO_BYTES, ECHO6_BYTES = 84, 104  # of ping's packets, with their IP header
QUIET = "sysctl -qw net.ipv6.conf.$INTERFACE.disable_ipv6=1\n"  # no packets but those of the test
INDIRECT = "IndirectData = yes\n"
CASTS = {"us": (TINCD, TINCD_PEER), "peer": (TINCD_PEER, TINCD)}  # who is first or in the middle


def each_cast(check):
    """A test for each cast: the decorated function gets the two programs."""

    def tests(case, middle: str):
        return check(case, *CASTS[middle])

    check.tests = {middle: lambda case, m=middle: tests(case, m) for middle in CASTS}
    return check


def expand(case):
    """Makes test_NAME_with_MIDDLE of every function under each_cast."""
    for name, check in list(vars(case).items()):
        for middle, test in getattr(check, "tests", {}).items():
            setattr(case, f"test_{name}_with_{middle}", test)
    return case


def segment(lab: Lab, conf: str, programs: tuple[str, ...], up: str | None = None) -> list[Tinc]:
    """A chain of started nodes a, b, c … on tap devices, each of which calls the one before.

    `up` is their tinc-up; without it each gets the address inner(number) and no IPv6.
    """
    switch = lab.switch("switch")
    nodes: list[Tinc] = []
    for number, program in enumerate(programs, 1):
        host = lab.host("abcdef"[number - 1])
        lab.cable(host, switch, f"{outer(number)}/24")
        node = Tinc(host, program)
        call = f"ConnectTo = {nodes[-1].name}\n" if nodes else ""
        node.write("tinc.conf", f"Name = {node.name}\nInterface = vpn0\n{call}{conf}")
        node.write(f"hosts/{node.name}", f"Address = {outer(number)}\n")
        node.use_key(Key.of(2048, number))
        node.script("tinc-up", up or QUIET + up_script(f"{inner(number)}/24"))
        nodes.append(node)
    for node in nodes:
        node.learn(*(other for other in nodes if other is not node))
    return nodes


def start(*nodes: Tinc) -> None:
    for node in nodes:
        node.start()


def mac_of(host: Host, interface: str) -> str:
    """As tinc prints it."""
    told = json.loads(host.run("ip", "-j", "link", "show", interface))[0]["address"]
    return ":".join(f"{int(part, 16):x}" for part in told.split(":"))


def owners(node: Tinc, mac: str) -> list[str]:
    """Who has the MAC address, as a node sees it."""
    text = node.dump(signal.SIGUSR2, r"End of subnet list\.")
    return [line.split()[-1] for line in text.splitlines() if line.startswith(f" {mac}#")]


def wait_owner(nodes: list[Tinc], mac: str, expected: list[str]) -> None:
    for node in nodes:
        wait_until(lambda n=node: owners(n, mac) == expected,
                   f"{node.name} knows that {mac} is at {expected or 'nobody'}")


def wait_all_udp(*nodes: Tinc) -> None:
    for node in nodes:
        for other in nodes:
            if other is not node:
                node.host.wait_ping(inner(nodes.index(other) + 1))
                node.wait_udp(other.name, at_least=200)


def wait_told(node: Tinc, address: str, pattern: str, *options: str) -> None:
    """Waits until a ping is answered by an error; nodes send 3 of those in a second."""
    wait_until(lambda: re.search(pattern, node.host.attempt(
        "ping", "-n", "-c", "1", "-W", "1", *options, address).stdout),
               f"{node.name} is told {pattern!r} of {address}", 10)


def arrivals(host: Host) -> int:
    """Packets that the VPN's interface has received, whoever they are for."""
    told = json.loads(host.run("ip", "-j", "-s", "link", "show", "vpn0"))[0]
    return told["stats64"]["rx"]["packets"]


class Groups:
    """Counts echo requests to a group that arrive at a host."""

    def __init__(self, *nodes: Tinc):
        self.nodes = nodes
        for node in nodes:
            for name, match in (("all4", "ip daddr 255.255.255.255 icmp type echo-request"),
                                ("group4", "ip daddr 224.0.0.1 icmp type echo-request"),
                                ("group6", "ip6 daddr ff02::1 icmpv6 type echo-request")):
                node.host.count(name, "input", f"iifname vpn0 {match}")

    def expect(self, test: unittest.TestCase, sender: Tinc, receivers: dict[Tinc, int],
               names=("all4", "group4", "group6")) -> None:
        """What `sender` pings arrives so many times for each ping; 0 or 1, that is."""
        for name in names:
            address = {"all4": "255.255.255.255", "group4": "224.0.0.1", "group6": "ff02::1"}[name]
            before = {node: node.host.counted(name) for node in receivers}
            sender.host.attempt("ping", "-q", "-c", str(PINGS), "-i", "0.05", "-W", "1", "-t", "8",
                                *(("-b", ) if name == "all4" else ()), "-I", "vpn0", address)
            size = PINGS * (ECHO6_BYTES if name == "group6" else ECHO_BYTES)
            for node, times in receivers.items():
                wait_until(lambda n=node, t=times: n.host.counted(name) - before[n] >= t * size,
                           f"{node.name} hears {address} of {sender.name}", 10)
            for node, times in receivers.items():
                # Another copy would be ahead of this answer.
                sender.host.wait_ping(inner(self.nodes.index(node) + 1), seconds=10)
                test.assertEqual(node.host.counted(name) - before[node], times * size,
                                 f"{address} of {sender.name} at {node.name}")


@expand
class SwitchTest(unittest.TestCase):

    @each_cast
    def bridged_ends(self, one: str, other: str) -> None:
        """Hosts behind a bridge on both ends: x at a, y at b, and a mobile one."""
        join = 'ip link set "$INTERFACE" up master br0\n'
        with Lab() as lab:
            nodes = segment(lab, "Mode = switch\nMACExpire = 4\nPingTimeout = 1\n", (one, other),
                            QUIET + join)
            hosts = {}
            for node, behind, number in zip(nodes, "xy", (11, 12)):
                node.host.ip("link add br0 type bridge mcast_snooping 0", "link set br0 up")
                node.host.bridge = "br0"
                hosts[behind] = lab.host(behind)
                lab.cable(hosts[behind], node.host, [f"{inner(number)}/24", f"{inner6(number)}/64"])
            mobile = lab.host("mobile")
            for node in nodes:
                lab.cable(mobile, node.host)
            mac = mac_of(mobile, "eth0")
            mobile.run("sysctl", "-qw", "net.ipv6.conf.all.disable_ipv6=1")
            mobile.ip("link set eth1 down", f"link set eth1 address {mac}",
                      f"addr add {inner(13)}/24 dev eth0")
            start(*nodes)
            self.expect_passage(hosts)
            self.expect_learned(nodes, hosts)
            self.expect_large_frames_pass(nodes, hosts)
            self.expect_roaming(nodes, hosts, mobile, mac)
            mobile.ip("link set eth1 down")
            wait_owner(nodes, mac, [])

    def expect_passage(self, hosts: dict[str, Host]) -> None:
        """ARP, neighbour discovery and what they are for."""
        for host, number in ((hosts["x"], 12), (hosts["y"], 11)):
            for address in (inner(number), inner6(number)):
                host.wait_ping(address)
                host.ip("neigh flush all")
                host.wait_pings(address, count=PINGS)

    def expect_learned(self, nodes: list[Tinc], hosts: dict[str, Host]) -> None:
        for host, owner, number in ((hosts["x"], "a", 12), (hosts["y"], "b", 11)):
            with pinging(host, inner(number)):
                wait_owner(nodes, mac_of(host, "eth0"), [owner])

    def expect_large_frames_pass(self, nodes: list[Tinc], hosts: dict[str, Host]) -> None:
        """The segment has the usual MTU of 1500, more than the path carries in one piece."""
        for node, name in zip(nodes, "ba"):
            node.wait_udp(name, at_least=1200)
        for host, number in ((hosts["x"], 12), (hosts["y"], 11)):
            host.wait_pings(inner(number), "-s", "1472", "-M", "dont", count=PINGS)
            # With DF, and by IPv6, hosts are told what fits, and then send that.
            wait_until(lambda h=host, n=number: h.ping(inner(n), "-s", "1400", "-M", "want"),
                       f"{host.name} is told what fits")
            wait_until(lambda h=host, n=number: h.ping(inner6(n), "-s", "1452"),
                       f"{host.name} is told what fits by ICMPv6")

    def expect_roaming(self, nodes: list[Tinc], hosts: dict[str, Host], mobile: Host,
                       mac: str) -> None:
        """A host with one MAC address is first behind a, then behind b, then again behind a."""
        for leaving, entering, owner in (("eth1", "eth0", "a"), ("eth0", "eth1", "b"),
                                         ("eth1", "eth0", "a"), ("eth0", "eth1", "b")):
            mobile.ip(f"link set {leaving} down", f"addr flush dev {leaving}",
                      f"addr replace {inner(13)}/24 dev {entering}", f"link set {entering} up")
            with pinging(mobile, inner(12 if owner == "a" else 11)):
                wait_owner(nodes, mac, [owner])
            for host in hosts.values():
                host.wait_ping(inner(13), seconds=10)

    @each_cast
    def chain(self, middle: str, ends: str) -> None:
        """Three nodes: groups reach everybody once, the rest whom it is for."""
        with Lab() as lab:
            a, b, _ = nodes = segment(lab, "Mode = switch\n", (ends, middle, ends))
            groups = Groups(*nodes)
            start(*nodes)
            wait_all_udp(*nodes)
            for sender in nodes:
                groups.expect(self, sender, {n: 1 for n in nodes if n is not sender},
                              ("all4", "group4"))
            before = arrivals(b.host)
            a.host.wait_pings(inner(3), count=20)
            self.assertLess(arrivals(b.host) - before, 20, "b hears what is for c")

    @each_cast
    def hub(self, middle: str, ends: str) -> None:
        """Everybody hears everything, once."""
        with Lab() as lab:
            a, b, c = nodes = segment(lab, "Mode = hub\n", (ends, middle, ends))
            groups = Groups(*nodes)
            start(*nodes)
            wait_all_udp(a, b)
            c.wait_udp("b", at_least=200)
            b.wait_udp("c", at_least=200)
            groups.expect(self, b, {a: 1, c: 1}, ("all4", "group4"))
            groups.expect(self, a, {b: 1, c: 1}, ("all4", "group4"))
            before = arrivals(c.host)
            self.assertEqual(a.host.ping(inner(2), count=20, interval_s=0.05), 20)
            wait_until(lambda: arrivals(c.host) - before >= 40, "c hears both others", 10)
            for node in nodes:
                self.assertNotIn("#10 owner", node.dump(signal.SIGUSR2, r"End of subnet list\."))


@expand
class RouterTest(unittest.TestCase):

    @each_cast
    def groups_along_the_tree(self, one: str, others: str) -> None:
        """All are connected with all; still each copy comes once."""
        with Lab() as lab:
            nodes = star(lab, Member("alpha", one), Member("beta", others, connect_to=("alpha", )),
                         Member("gamma", others, connect_to=("alpha", "beta")))
            groups = Groups(*nodes)
            start(*nodes)
            wait_all_udp(*nodes)
            for sender in nodes:
                groups.expect(self, sender, {n: 1 for n in nodes if n is not sender})

    @each_cast
    def direct_only(self, one: str, others: str) -> None:
        """alpha sends groups itself to whom it can, and nothing through others."""
        with Lab() as lab:
            nodes = star(lab, Member("alpha", one, "", "Broadcast = direct\nDirectOnly = yes\n",
                                     connect_to=("beta", )),
                         Member("beta", others, "", "Broadcast = direct\n"),
                         Member("gamma", others, "", "Broadcast = direct\n", ("beta", )),
                         Member("delta", others, INDIRECT, "", ("beta", )))
            alpha, beta, gamma, delta = nodes
            groups = Groups(*nodes)
            start(beta, alpha, gamma, delta)
            wait_all_udp(alpha, beta, gamma)
            beta.host.wait_ping(inner(4))
            # delta hears nothing, and cannot be pinged to make sure: beta passes nothing on.
            groups.expect(self, alpha, {beta: 1, gamma: 1})
            for name in ("all4", "group4", "group6"):
                self.assertEqual(delta.host.counted(name), 0)
            wait_told(alpha, inner(4), "Destination Net Prohibited")
            wait_told(alpha, inner6(4), "Administratively prohibited")

    @each_cast
    def no_groups(self, one: str, others: str) -> None:
        """With Broadcast = no groups are addresses like any other, and nobody's."""
        with Lab() as lab:
            nodes = star(lab, Member("alpha", one, "", "Broadcast = no\n", ("beta", )),
                         Member("beta", others))
            groups = Groups(*nodes)
            start(*reversed(nodes))
            wait_all_udp(*nodes)
            groups.expect(self, nodes[0], {nodes[1]: 0})

    def relayed(self, lab: Lab, middle: str, ends: str, conf: str = "",
                ends_conf: str = "") -> list[Tinc]:
        """alpha and gamma reach each other through beta only."""
        nodes = star(lab, Member("alpha", ends, INDIRECT, ends_conf, ("beta", )),
                     Member("beta", middle, "", conf),
                     Member("gamma", ends, INDIRECT, ends_conf, ("beta", )))
        alpha, beta, gamma = nodes
        start(beta, alpha, gamma)
        alpha.host.wait_ping(inner(3))
        for node, other in ((alpha, "beta"), (beta, "alpha"), (beta, "gamma"), (gamma, "beta")):
            node.wait_udp(other, at_least=600)
        self.assertNotEqual(alpha.node("gamma")["via"], "gamma")
        self.assertNotEqual(gamma.node("alpha")["via"], "alpha")
        return nodes

    @each_cast
    def hops_and_priorities(self, middle: str, ends: str) -> None:
        inherit = "PriorityInheritance = yes\n"
        with Lab() as lab:
            nodes = self.relayed(lab, middle, ends, inherit + "DecrementTTL = yes\n", inherit)
            alpha, _, gamma = nodes
            self.expect_hops(alpha, gamma)
            for node in nodes:
                node.host.count("urgent", "input", "udp dport 655 ip dscp ef")
                node.host.count("common", "input", "udp dport 655 ip dscp cs0")
            for address in (inner(3), inner6(3)):
                marks = {node: node.host.counted("urgent") for node in nodes}
                alpha.host.wait_pings(address, "-Q", "0xb8", count=PINGS)
                for node, mark in marks.items():
                    self.assertGreater(node.host.counted("urgent") - mark, PINGS * ECHO_BYTES,
                                       f"{address}: what arrives at {node.name} is not marked")
            before = gamma.host.counted("urgent")
            alpha.host.wait_pings(inner(3), count=PINGS)
            self.assertEqual(gamma.host.counted("urgent"), before, "marks stay on the socket")
            self.assertGreater(gamma.host.counted("common"), 0)

    def expect_hops(self, alpha: Tinc, gamma: Tinc) -> None:
        """What traceroute sees: the hops by their addresses on the tunnel."""
        for near, number in ((alpha, 3), (gamma, 1)):
            wait_told(near, inner(number), r"From 10\.1\.0\.2 .*Time to live exceeded", "-t", "1")
            wait_told(near, inner6(number), r"From fd01::2 .*Time exceeded: Hop limit", "-t", "1")
            self.assertTrue(near.host.ping(inner(number), "-t", "2"))
            self.assertTrue(near.host.ping(inner6(number), "-t", "2"))
            self.assertTrue(near.host.ping(inner(2), "-t", "1"), "to the middle itself is no hop")

    @each_cast
    def forwarding_by_the_kernel(self, middle: str, ends: str) -> None:
        with Lab() as lab:
            alpha, beta, gamma = star(
                lab, Member("alpha", ends, INDIRECT, "", ("beta", )),
                Member("beta", middle, "", "Forwarding = kernel\n"),
                Member("gamma", ends, INDIRECT, "", ("beta", )))
            beta.host.run("sysctl", "-qw", "net.ipv4.ip_forward=1",
                          "net.ipv6.conf.all.forwarding=1", "net.ipv4.conf.all.send_redirects=0")
            beta.host.count("through", "forward", "iifname vpn0 oifname vpn0")
            start(beta, alpha, gamma)
            for node, number in ((alpha, 3), (gamma, 1)):
                for address in (inner(number), inner6(number)):
                    node.host.wait_ping(address)
                    before = beta.host.counted("through")
                    node.host.wait_pings(address, count=PINGS)
                    self.assertGreaterEqual(beta.host.counted("through") - before,
                                            2 * PINGS * ECHO_BYTES)
            beta.host.rule("forward", "iifname vpn0 icmp type echo-request drop")
            self.assertEqual(alpha.host.ping(inner(3), count=1, wait_s=1), 0)

    @each_cast
    def forwarding_off(self, middle: str, ends: str) -> None:
        with Lab() as lab:
            alpha, beta, gamma = star(
                lab, Member("alpha", ends, INDIRECT, "", ("beta", )),
                Member("beta", middle, "", "Forwarding = off\n"),
                Member("gamma", ends, INDIRECT, "", ("beta", )))
            start(beta, alpha, gamma)
            alpha.host.wait_ping(inner(2))
            gamma.host.wait_ping(inner(2))
            wait_told(alpha, inner(3), "Destination Net Prohibited")
            wait_told(alpha, inner6(3), "Administratively prohibited")


if __name__ == "__main__":
    explain_cast()
    sandbox.run_tests(jobs=6)
