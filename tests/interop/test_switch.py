"""Switch and hub mode, and what a router does to packets that are not simply for one neighbour.

Four nodes, two of the programs under test and two of its peer, by turns; each network is built
twice, so that each program stands in each place.
"""

import dataclasses
import json
import re
import unittest

import sandbox
from lab import Host, Key, Lab, Tinc, explain_cast, pinging, up_script, wait_until
from networks import (MODERN_CASTS, Member, each_cast, each_cast_old_and_new, expand, inner, inner6,
                      outer, star)

NAMES = ("alpha", "beta", "gamma", "delta")
PINGS = 5
ECHO_BYTES, ECHO6_BYTES = 84, 104  # of ping's packets, with their IP header
QUIET = "sysctl -qw net.ipv6.conf.$INTERFACE.disable_ipv6=1\n"  # no packets but those of the test
INDIRECT = "IndirectData = yes\n"
GROUPS = {"all4": "255.255.255.255", "group4": "224.0.0.1", "group6": "ff02::1"}


def segment(lab: Lab, conf: str, cast: tuple[str, ...]) -> list[Tinc]:
    """A chain of nodes on tap devices, each of which calls the one before.

    Each has the address inner(number) on it, and no IPv6.
    """
    switch = lab.switch("switch")
    nodes: list[Tinc] = []
    for number, (name, program) in enumerate(zip(NAMES, cast), 1):
        host = lab.host(name)
        lab.cable(host, switch, f"{outer(number)}/24")
        node = Tinc(host, program)
        call = f"ConnectTo = {nodes[-1].name}\n" if nodes else ""
        node.write("tinc.conf", f"Name = {name}\nInterface = vpn0\n{call}{conf}")
        node.write(f"hosts/{name}", f"Address = {outer(number)}\n")
        node.use_key(Key.of(2048, number))
        if cast in MODERN_CASTS.values():
            node.use_ed25519_key(number)
        node.script("tinc-up", QUIET + up_script(f"{inner(number)}/24"))
        nodes.append(node)
    for node in nodes:
        node.learn(*(other for other in nodes if other is not node))
    return nodes


def chain(lab: Lab, cast: tuple[str, ...], conf: str = "", middle_conf: str = "") -> list[Tinc]:
    """Routers in a row, started; each reaches only its neighbours without a relay."""
    nodes = star(lab, *(
        Member(name, program, INDIRECT, conf + (middle_conf if name in NAMES[1:3] else ""),
               connect_to=NAMES[number - 1:number] if number else ())
        for number, (name, program) in enumerate(zip(NAMES, cast))))
    start(*nodes)
    return nodes


def wait_chain_udp(nodes: list[Tinc]) -> None:
    for one, other in zip(nodes, nodes[1:]):
        one.wait_udp(other.name, at_least=600)
        other.wait_udp(one.name, at_least=600)


def start(*nodes: Tinc) -> None:
    for node in nodes:
        node.start()


def mac_of(host: Host, interface: str) -> str:
    return json.loads(host.run("ip", "-j", "link", "show", interface))[0]["address"]


def owners(node: Tinc, mac: str) -> list[str]:
    """Who has the MAC address, as a node sees it."""
    return [owner for subnet, owner in node.subnets() if same_mac(subnet, mac)]


def same_mac(subnet: str, mac: str) -> bool:
    """1.0 prints parts of a MAC address without a leading zero, 1.1 with it."""
    parts = subnet.partition("#")[0].split(":")
    return len(parts) == 6 and [int(p, 16) for p in parts] == [int(p, 16) for p in mac.split(":")]


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


@dataclasses.dataclass(frozen=True)
class Place:
    """Where something can be heard: a node itself, or a host behind one."""

    host: Host
    address: str
    interface: str = "vpn0"


def places(nodes: list[Tinc]) -> list[Place]:
    return [Place(node.host, inner(number)) for number, node in enumerate(nodes, 1)]


class Groups:
    """Counts echo requests to a group that arrive at places."""

    def __init__(self, test: unittest.TestCase, *everywhere: Place):
        self.test = test
        for place in everywhere:
            for name, address in GROUPS.items():
                family = "ip6" if ":" in address else "ip"
                place.host.count(name, "input", f"iifname {place.interface} {family} daddr "
                                 f"{address} {'icmpv6' if family == 'ip6' else 'icmp'} type "
                                 "echo-request")

    def expect(self, sender: Place, receivers: list[Place], names=tuple(GROUPS),
               times: int = 1) -> None:
        """What `sender` pings arrives so many times for each ping; 0 or 1, that is."""
        for name in names:
            before = {place: place.host.counted(name) for place in receivers}
            sender.host.attempt("ping", "-q", "-c", str(PINGS), "-i", "0.05", "-W", "0.1",
                                "-t", "8", *(("-b", ) if name == "all4" else ()),
                                "-I", sender.interface, GROUPS[name])
            size = times * PINGS * (ECHO6_BYTES if name == "group6" else ECHO_BYTES)
            for place in receivers:
                wait_until(lambda p=place, n=name, s=size: p.host.counted(n) - before[p] >= s,
                           f"{place.host.name} hears {name} of {sender.host.name}", 10)
            for place in receivers:
                # Another copy would be ahead of this answer.
                sender.host.wait_ping(place.address, seconds=10)
                self.test.assertEqual(place.host.counted(name) - before[place], size,
                                      f"{name} of {sender.host.name} at {place.host.name}")


@expand
class SwitchTest(unittest.TestCase):

    @each_cast_old_and_new
    def bridged_ends(self, cast: tuple[str, ...]) -> None:
        """One segment: x behind a bridge of alpha, y behind one of delta, beta and gamma
        themselves, and a host that moves."""
        with Lab() as lab:
            nodes = segment(lab, "Mode = switch\nMACExpire = 4\nPingTimeout = 1\n", cast)
            ends = nodes[0], nodes[3]
            hosts = {}
            for node, behind, number in zip(ends, "xy", (1, 4)):
                node.script("tinc-up", QUIET + 'ip link set "$INTERFACE" up master br0\n')
                node.host.ip("link add br0 type bridge mcast_snooping 0", "link set br0 up")
                node.host.bridge = "br0"
                hosts[behind] = lab.host(behind)
                lab.cable(hosts[behind], node.host, [f"{inner(number)}/24", f"{inner6(number)}/64"])
            mobile = lab.host("mobile")
            for node in ends:
                lab.cable(mobile, node.host)
            mac = mac_of(mobile, "eth0")
            mobile.run("sysctl", "-qw", "net.ipv6.conf.all.disable_ipv6=1")
            mobile.ip("link set eth1 down", f"link set eth1 address {mac}",
                      f"addr add {inner(13)}/24 dev eth0")
            start(*nodes)
            self.expect_passage(hosts)
            for one, other in zip(nodes, nodes[1:]):
                self.assertEqual(one.speaks_sptps_with(other.name), cast in MODERN_CASTS.values())
            self.expect_learned(nodes, hosts)
            self.expect_large_frames_pass(nodes, hosts)
            self.expect_groups(nodes, hosts)
            self.expect_roaming(nodes, hosts, mobile, mac)
            mobile.ip("link set eth0 down")
            wait_owner(nodes, mac, [])

    def expect_passage(self, hosts: dict[str, Host]) -> None:
        """ARP, neighbour discovery and what they are for."""
        for host, number in ((hosts["x"], 4), (hosts["y"], 1)):
            for address in (inner(number), inner6(number)):
                host.wait_ping(address)
                host.ip("neigh flush all")
                host.wait_pings(address, count=PINGS)
                self.assertIn("lladdr", host.run("ip", "neigh", "show", address))

    def expect_learned(self, nodes: list[Tinc], hosts: dict[str, Host]) -> None:
        for host, owner, number in ((hosts["x"], "alpha", 4), (hosts["y"], "delta", 1)):
            with pinging(host, inner(number)):
                wait_owner(nodes, mac_of(host, "eth0"), [owner])

    def expect_large_frames_pass(self, nodes: list[Tinc], hosts: dict[str, Host]) -> None:
        """The segment has the usual MTU of 1500, more than the path carries in one piece."""
        nodes[0].wait_udp("delta", at_least=1200)
        nodes[3].wait_udp("alpha", at_least=1200)
        for host, number in ((hosts["x"], 4), (hosts["y"], 1)):
            host.wait_pings(inner(number), "-s", "1472", "-M", "dont", count=PINGS)
            # With DF, and by IPv6, hosts are told what fits, and then send that.
            wait_until(lambda h=host, n=number: h.ping(inner(n), "-s", "1400", "-M", "want"),
                       f"{host.name} is told what fits")
            wait_until(lambda h=host, n=number: h.ping(inner6(n), "-s", "1452"),
                       f"{host.name} is told what fits by ICMPv6")

    def expect_groups(self, nodes: list[Tinc], hosts: dict[str, Host]) -> None:
        """Groups reach everybody once, the rest whom it is for."""
        x, y = Place(hosts["x"], inner(1), "eth0"), Place(hosts["y"], inner(4), "eth0")
        beta, gamma = places(nodes)[1:3]
        groups = Groups(self, x, beta, gamma, y)
        for sender in (x, beta, gamma, y):
            groups.expect(sender, [p for p in (x, beta, gamma, y) if p is not sender],
                          ("all4", "group4"))
        groups.expect(x, [y], ("group6", ))
        groups.expect(y, [x], ("group6", ))
        before = arrivals(beta.host), arrivals(gamma.host)
        x.host.wait_pings(inner(4), count=20)
        for place, number in zip((beta, gamma), before):
            self.assertLess(arrivals(place.host) - number, 20,
                            f"{place.host.name} hears what is for y")

    def expect_roaming(self, nodes: list[Tinc], hosts: dict[str, Host], mobile: Host,
                       mac: str) -> None:
        """A host with one MAC address is first behind alpha, then delta, then alpha again."""
        for leaving, entering, owner in (("eth1", "eth0", "alpha"), ("eth0", "eth1", "delta"),
                                         ("eth1", "eth0", "alpha")):
            mobile.ip(f"link set {leaving} down", f"addr flush dev {leaving}",
                      f"addr replace {inner(13)}/24 dev {entering}", f"link set {entering} up")
            with pinging(mobile, inner(4 if owner == "alpha" else 1)):
                wait_owner(nodes, mac, [owner])
            for host in (*hosts.values(), nodes[1].host, nodes[2].host):
                host.wait_ping(inner(13), seconds=10)

    @each_cast
    def hub(self, cast: tuple[str, ...]) -> None:
        """Everybody hears everything, once."""
        with Lab() as lab:
            nodes = segment(lab, "Mode = hub\n", cast)
            everywhere = places(nodes)
            groups = Groups(self, *everywhere)
            start(*nodes)
            nodes[0].host.wait_ping(inner(4))
            for one, other in zip(nodes, nodes[1:]):  # a hub uses no other ways
                one.wait_udp(other.name, at_least=200)
                other.wait_udp(one.name, at_least=200)
            for sender in everywhere:
                groups.expect(sender, [p for p in everywhere if p is not sender],
                              ("all4", "group4"))
            listener = everywhere[3].host
            before = arrivals(listener)
            self.assertEqual(nodes[0].host.ping(inner(2), count=20), 20)
            wait_until(lambda: arrivals(listener) - before >= 40, "delta hears both others", 10)
            self.assertLess(arrivals(listener) - before, 60, "delta hears something twice")
            for node in nodes:
                self.assertEqual(node.subnets(), [])


@expand
class RouterTest(unittest.TestCase):

    @each_cast
    def groups_along_the_tree(self, cast: tuple[str, ...]) -> None:
        """All are connected with all; still each copy comes once."""
        with Lab() as lab:
            nodes = star(lab, *(Member(name, program, connect_to=NAMES[:number])
                                for number, (name, program) in enumerate(zip(NAMES, cast))))
            everywhere = places(nodes)
            groups = Groups(self, *everywhere)
            start(*nodes)
            wait_all_udp(*nodes)
            for sender in everywhere:
                groups.expect(sender, [p for p in everywhere if p is not sender])

    @each_cast
    def direct_only(self, cast: tuple[str, ...]) -> None:
        """alpha sends groups itself to whom it can, and nothing through others."""
        with Lab() as lab:
            nodes = star(lab, Member("alpha", cast[0], "", "Broadcast = direct\nDirectOnly = yes\n",
                                     connect_to=("beta", )),
                         Member("beta", cast[1], "", "Broadcast = direct\n"),
                         Member("gamma", cast[2], "", "Broadcast = direct\n", ("beta", )),
                         Member("delta", cast[3], INDIRECT, "", ("beta", )))
            alpha, beta, gamma, delta = nodes
            everywhere = places(nodes)
            groups = Groups(self, *everywhere)
            start(beta, alpha, gamma, delta)
            wait_all_udp(alpha, beta, gamma)
            beta.host.wait_ping(inner(4))
            # delta hears nothing, and cannot be pinged to make sure: beta passes nothing on.
            groups.expect(everywhere[0], everywhere[1:3])
            for name in GROUPS:
                self.assertEqual(delta.host.counted(name), 0)
            wait_told(alpha, inner(4), "Destination Net Prohibited")
            wait_told(alpha, inner6(4), "Administratively prohibited")

    @each_cast
    def no_groups(self, cast: tuple[str, ...]) -> None:
        """With Broadcast = no groups are addresses like any other, and nobody's."""
        with Lab() as lab:
            nodes = star(lab, Member(NAMES[0], cast[0], "", "Broadcast = no\n"),
                         *(Member(name, program, "", "", ("alpha", ))
                           for name, program in zip(NAMES[1:], cast[1:])))
            everywhere = places(nodes)
            groups = Groups(self, *everywhere)
            start(*nodes)
            for number in (2, 3, 4):
                nodes[0].host.wait_ping(inner(number))
            groups.expect(everywhere[0], everywhere[1:], times=0)

    @each_cast
    def hops_and_priorities(self, cast: tuple[str, ...]) -> None:
        with Lab() as lab:
            nodes = chain(lab, cast, "PriorityInheritance = yes\nDecrementTTL = yes\n")
            alpha, *_, delta = nodes
            alpha.host.wait_ping(inner(4))
            wait_chain_udp(nodes)
            self.expect_hops(nodes)
            for node in nodes:
                node.host.count("urgent", "input", "udp dport 655 ip dscp ef")
                node.host.count("common", "input", "udp dport 655 ip dscp cs0")
            for address in (inner(4), inner6(4)):
                marks = {node: node.host.counted("urgent") for node in nodes}
                alpha.host.wait_pings(address, "-Q", "0xb8", count=PINGS)
                for node, mark in marks.items():
                    self.assertGreater(node.host.counted("urgent") - mark, PINGS * ECHO_BYTES,
                                       f"{address}: what arrives at {node.name} is not marked")
            before = delta.host.counted("urgent")
            alpha.host.wait_pings(inner(4), count=PINGS)
            self.assertEqual(delta.host.counted("urgent"), before, "marks stay on the socket")
            self.assertGreater(delta.host.counted("common"), 0)

    def expect_hops(self, nodes: list[Tinc]) -> None:
        """traceroute shows the nodes by their addresses on the tunnel."""
        for near, numbers in ((nodes[0], (2, 3, 4)), (nodes[3], (3, 2, 1)), (nodes[1], (3, 4))):
            for family, address in (("-4", inner), ("-6", inner6)):
                hops = [address(number) for number in numbers]
                # A node tells of three packets in a second, of all that others make it drop.
                wait_until(lambda n=near, f=family, h=hops: self.trace(n, f, h[-1]) == h,
                           f"{near.name} sees the hops {hops}", 15)

    @staticmethod
    def trace(near: Tinc, family: str, address: str) -> list[str]:
        told = near.host.run("traceroute", "-n", family, "-I", "-q", "1", "-N", "1", "-w", "2",
                             "-m", "5", address)
        return re.findall(r"^ *\d+  (\S+)", told, re.MULTILINE)

    @each_cast
    def forwarding_by_the_kernel(self, cast: tuple[str, ...]) -> None:
        with Lab() as lab:
            nodes = chain(lab, cast, "", "Forwarding = kernel\n")
            alpha, beta, gamma, delta = nodes
            for node in (beta, gamma):
                node.host.run("sysctl", "-qw", "net.ipv4.ip_forward=1",
                              "net.ipv6.conf.all.forwarding=1",
                              "net.ipv4.conf.all.send_redirects=0")
                node.host.count("through", "forward", "iifname vpn0 oifname vpn0")
            for node, number in ((alpha, 4), (delta, 1)):
                for address in (inner(number), inner6(number)):
                    node.host.wait_ping(address)
                    before = [relay.host.counted("through") for relay in (beta, gamma)]
                    node.host.wait_pings(address, count=PINGS)
                    for relay, number_before in zip((beta, gamma), before):
                        self.assertGreaterEqual(relay.host.counted("through") - number_before,
                                                2 * PINGS * ECHO_BYTES)
            gamma.host.rule("forward", "iifname vpn0 icmp type echo-request drop")
            self.assertEqual(alpha.host.ping(inner(4), wait_s=1), 0)
            self.assertEqual(alpha.host.ping(inner(3)), 1)

    @each_cast
    def forwarding_off(self, cast: tuple[str, ...]) -> None:
        with Lab() as lab:
            nodes = chain(lab, cast, "", "Forwarding = off\n")
            for node, near, far in ((nodes[0], 2, 4), (nodes[3], 3, 1)):
                node.host.wait_ping(inner(near))
                wait_told(node, inner(far), "Destination Net Prohibited")
                wait_told(node, inner6(far), "Administratively prohibited")


if __name__ == "__main__":
    explain_cast()
    sandbox.run_tests(jobs=6)
