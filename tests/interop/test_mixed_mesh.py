"""Two nodes of 1.0, two of 1.1 and two of ours in one network."""

import itertools
import json
import os
import unittest

import sandbox
from lab import Helper, Lab, Tinc, TINCD, TINCD_11, TINCD_PEER, explain_cast
from networks import Member, inner, modern, outer, star

PROGRAMS = {"old1": TINCD_PEER, "old2": TINCD_PEER, "new1": TINCD_11, "new2": TINCD_11,
            "our1": TINCD, "our2": TINCD}
ECHO_PORT, RATE = "7000", "20"
SPTPS_STATUS = 0x40  # in the node dump of 1.1 and ours: sessions with this node are SPTPS


def is_modern(name: str) -> bool:
    return not name.startswith("old")


class Mesh:
    """The six, in some order, and who calls whom. Their numbers are those of the order."""

    def __init__(self, lab: Lab, order: list[str], calls: dict[str, tuple[str, ...]]):
        self.order = order
        self.lines = {frozenset((a, b)) for a, called in calls.items() for b in called}
        nodes = star(lab, *(self.member(name, calls.get(name, ())) for name in order))
        self.nodes = {node.name: node for node in nodes}

    @staticmethod
    def member(name: str, calls: tuple[str, ...]) -> Member:
        if is_modern(name):
            return modern(name, PROGRAMS[name], connect_to=calls)
        return Member(name, PROGRAMS[name], connect_to=calls)

    def start(self) -> None:
        for node in self.nodes.values():
            node.start()

    def address(self, name: str) -> str:
        return inner(self.order.index(name) + 1)

    def cut_others(self) -> None:
        """Nodes without a line between them do not reach each other outside the tunnel."""
        for a, b in itertools.permutations(self.order, 2):
            if frozenset((a, b)) not in self.lines:
                self.nodes[a].host.rule("input", f"ip saddr {outer(self.order.index(b) + 1)} drop")

    def pairs_without(self, away: str) -> list[tuple[str, str]]:
        """Those who are still connected, directly or through others, while one is away."""
        group = {name: {name} for name in self.order if name != away}
        for line in self.lines:
            if away not in line:
                a, b = line
                whole = group[a] | group[b]
                group.update({name: whole for name in whole})
        return [(a, b) for a, b in itertools.combinations(group, 2) if b in group[a]]


class Traffic:
    """Numbered packets between all pairs, there and back, all the time."""

    def __init__(self, mesh: Mesh):
        self.mesh = mesh
        for node in mesh.nodes.values():
            Helper(node.host, "counted_ping.py", "echo", ECHO_PORT)
        self.senders: dict[str, Helper] = {}
        for i, name in enumerate(mesh.order[:-1]):
            others = [mesh.address(other) for other in mesh.order[i + 1:]]
            self.senders[name] = Helper(mesh.nodes[name].host, "counted_ping.py", "send", ECHO_PORT,
                                        RATE, *others)
            self.senders[name].say()

    def lost(self) -> dict[tuple[str, str], tuple[int, int]]:
        """How many were sent and lost between each pair since the last time."""
        counts = {name: len(sender.heard) for name, sender in self.senders.items()}
        for sender in self.senders.values():
            sender.say()
        told = {}
        for name, sender in self.senders.items():
            numbers = json.loads(sender.wait(counts[name] + 1)[-1])
            for other in self.mesh.order[self.mesh.order.index(name) + 1:]:
                told[name, other] = tuple(numbers[self.mesh.address(other)])
        return told


@unittest.skipUnless(os.path.exists(TINCD_11), f"needs {TINCD_11}, see get-peers")
class MixedMeshTest(unittest.TestCase):

    def expect_all_pairs(self, mesh: Mesh) -> None:
        for one, other in itertools.permutations(mesh.order, 2):
            mesh.nodes[one].host.wait_pings(mesh.address(other), count=3)

    def expect_best_protocol(self, mesh: Mesh) -> None:
        """By what each node that has a word for it says of each other."""
        for one, other in itertools.permutations(mesh.order, 2):
            if is_modern(one):
                told = mesh.nodes[one].node(other)
                is_sptps = int(told["status"], 16) & SPTPS_STATUS != 0
                self.assertEqual(is_sptps, is_modern(other), f"{one} of {other}: {told}")
                self.assertEqual(mesh.nodes[one].speaks_sptps_with(other), is_modern(other))

    def expect_quiet_restarts(self, mesh: Mesh) -> None:
        """While one is away, nothing is lost between those who are connected without it."""
        traffic = Traffic(mesh)
        for away in mesh.order:
            traffic.lost()
            node = mesh.nodes[away]
            node.daemon.stop()
            node.start()
            for other in mesh.order:
                if other != away:
                    node.host.wait_ping(mesh.address(other))
            told = traffic.lost()
            for pair in mesh.pairs_without(away):
                sent, lost = told[pair]
                self.assertGreater(sent, 0)
                self.assertEqual(lost, 0, f"of {sent} between {pair} while {away} was away")
            for (one, other), (_, lost) in told.items():
                if lost:
                    mesh.nodes[one].host.wait_pings(mesh.address(other), count=3)

    def scenario(self, order: list[str], calls: dict[str, tuple[str, ...]]) -> None:
        with Lab() as lab:
            mesh = Mesh(lab, order, calls)
            mesh.start()
            self.expect_all_pairs(mesh)
            self.expect_best_protocol(mesh)
            self.expect_quiet_restarts(mesh)
            self.expect_all_pairs(mesh)
            self.expect_best_protocol(mesh)

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

    def test_relayed_by_us(self) -> None:
        """A chain in which nobody reaches more than who is next: we are in between everybody."""
        with Lab() as lab:
            order = ["old1", "our1", "new1", "our2", "old2"]
            mesh = Mesh(lab, order, {b: (a, ) for a, b in zip(order, order[1:])})
            mesh.cut_others()
            mesh.start()
            self.expect_all_pairs(mesh)
            for one, other, between in (("old1", "new1", "our1"), ("old2", "new1", "our2")):
                relay = mesh.nodes[between].host
                relay.count(one, "input", f"ip saddr {outer(order.index(one) + 1)}")
                mesh.nodes[one].host.wait_pings(mesh.address(other), "-s", "1000", count=5)
                self.assertGreater(relay.counted(one), 5 * 1000)
                self.assertEqual(mesh.nodes["new1"].node(one)["nexthop"], between)


if __name__ == "__main__":
    explain_cast()
    sandbox.run_tests(jobs=5)
