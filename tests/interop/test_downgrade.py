"""A man in the middle of meta connections, between whole daemons.

He is the router between alpha and beta, takes up their TCP connections and changes what is said.
Whatever he does, two nodes that have shown each other their Ed25519 keys speak by those or not at
all, and when he lets be they are connected again.
"""

import json
import os
import re
import signal
import time
import unittest

import sandbox
from lab import Helper, Lab, Tinc, TINCD, TINCD_11, TINCD_PEER, explain_cast, wait_until
from networks import Member, configure, inner, modern

DOOR = "6655"  # where the router's own program takes connections up
PINGS = 3
# Who is refused tries again at once, and notices soon that he is not answered.
IMPATIENT = "PingTimeout = 1\nMaxTimeout = 1\n"


class Meddler:
    """The man on the router."""

    def __init__(self, router):
        router.nft("add table ip nat",
                   "add chain ip nat pre { type nat hook prerouting priority -100; }",
                   f"add rule ip nat pre tcp dport 655 redirect to :{DOOR}")
        self._program = Helper(router, "meddler.py", DOOR)

    def does(self, *order) -> int:
        """From now on; returns where in `heard` that begins."""
        count = len(self.heard)
        self._program.say(json.dumps(order))
        wait_until(lambda: "done" in self.heard[count:], f"he does {order}")
        return count

    @property
    def heard(self) -> list[str]:
        return self._program.heard

    def foils(self, caller: Tinc, *order) -> None:
        """Waits until he has carried out an order on two connections.

        The second one is tried only because the first one came to nothing.
        """
        since = self.does(*order)
        hurry = 0.0

        def is_foiled() -> bool:
            nonlocal hurry
            if time.monotonic() > hurry:
                caller.daemon.signal(signal.SIGALRM)  # Retry now.
                hurry = time.monotonic() + 1
            words = [line.split() for line in self.heard[since:]]
            return len({word[1] for word in words if word[0] == "changed"}) >= 2

        wait_until(is_foiled, f"he is foiled in {order}")


def meet(lab: Lab, caller: Member, called: Member) -> tuple[Tinc, Tinc, Meddler]:
    """alpha calls beta through a router; the daemons are started."""
    router = lab.router("router")
    nodes = []
    for number, one in enumerate((caller, called), 1):
        host = lab.host(one.name)
        lab.cable(host, router, f"10.99.{number}.1/24", f"10.99.{number}.254/24")
        host.ip(f"route add default via 10.99.{number}.254")
        node = configure(host, number, one)
        text = node.read(f"hosts/{one.name}")
        node.write(f"hosts/{one.name}",
                   re.sub("^Address = .*", f"Address = 10.99.{number}.1", text, flags=re.M))
        nodes.append(node)
    alpha, beta = nodes
    alpha.learn(beta)
    beta.learn(alpha)
    meddler = Meddler(router)
    return alpha, beta, meddler


def talk(*nodes: Tinc) -> None:
    nodes[0].host.wait_pings(inner(2), count=PINGS)
    nodes[1].host.wait_pings(inner(1), count=PINGS)


class DowngradeTest(unittest.TestCase):

    def foil(self, nodes: tuple[Tinc, Tinc], meddler: Meddler, orders) -> None:
        """Each order leads to no connection at all; then they are let be."""
        for order in orders:
            marks = [node.daemon.mark() for node in nodes]
            keys = [node.read(f"hosts/{other.name}") for node, other in zip(nodes, nodes[::-1])]
            meddler.foils(nodes[0], *order)
            for node, mark in zip(nodes, marks):
                self.assertNotIn("activated", node.daemon.log(mark), f"{node.name}, {order}")
                self.assertTrue(node.daemon.is_running(), f"{node.name}, {order}")
            self.assertEqual(
                keys, [node.read(f"hosts/{other.name}") for node, other in zip(nodes, nodes[::-1])],
                f"host files after {order}")
        meddler.does("none")
        talk(*nodes)

    @staticmethod
    def roll_backs():
        """The version in the ID line of either or both, and keys and signatures."""
        for who in ("caller", "called", "both"):
            for minor in ("0", "1"):
                yield "edit", who, r"^(0 \w+ 17)\.7$", rf"\1.{minor}"
            yield "edit", who, r"^(0 \w+ 17)\.7$", r"\1"
        for who in ("caller", "called"):
            yield "flip", who, 3 + 1 + 5  # the nonce of KEX
            yield "flip", who, 3 + 1 + 32 + 5  # its point
            yield "flip", who, 3 + 65 + 3 + 5  # SIG

    def never_talked_down(self, caller: str, called: str) -> None:
        with Lab() as lab:
            alpha, beta, meddler = meet(lab, modern("alpha", caller, "", IMPATIENT, ("beta", )),
                                        modern("beta", called, "", IMPATIENT))
            # They know each other by RSA only, and show their other keys when they meet.
            for node, other in ((alpha, "beta"), (beta, "alpha")):
                node.forget_key_of(other)
            beta.start()
            alpha.start()
            talk(alpha, beta)
            self.foil((alpha, beta), meddler, self.roll_backs())
            self.assertTrue(alpha.speaks_sptps_with("beta") and beta.speaks_sptps_with("alpha"))

    def test_between_two_of_us(self) -> None:
        self.never_talked_down(TINCD, TINCD)

    @unittest.skipUnless(os.path.exists(TINCD_11), f"needs {TINCD_11}, see get-peers")
    def test_calling_the_original(self) -> None:
        self.never_talked_down(TINCD, TINCD_11)

    @unittest.skipUnless(os.path.exists(TINCD_11), f"needs {TINCD_11}, see get-peers")
    def test_called_by_the_original(self) -> None:
        self.never_talked_down(TINCD_11, TINCD)

    def weakened(self, caller: str, called: str) -> None:
        """A link of 1.0, whose METAKEY is in clear: what it names cannot be taken away."""
        with Lab() as lab:
            alpha, beta, meddler = meet(lab, Member("alpha", caller, "", IMPATIENT, ("beta", )),
                                        Member("beta", called, "", IMPATIENT))
            beta.start()
            alpha.start()
            talk(alpha, beta)
            self.foil((alpha, beta), meddler, self.weakenings())

    @staticmethod
    def weakenings():
        for who in ("caller", "called"):
            yield "edit", who, r"^1 \d+ ", "1 0 "  # no cipher
            yield "edit", who, r"^(1 \d+) \d+ ", r"\1 0 "  # no digest
            yield "edit", who, r"^(1 \d+ \d+ \d+ \d+ .{9}).", r"\g<1>Z"  # no number
            yield "edit", who, r"^1 .*\n", ""  # nothing at all
            yield "flip", who, 30  # the key, in the text
            yield "flip", who, 600  # CHALLENGE, encrypted

    def test_old_link_from_us(self) -> None:
        self.weakened(TINCD, TINCD_PEER)

    def test_old_link_to_us(self) -> None:
        self.weakened(TINCD_PEER, TINCD)


if __name__ == "__main__":
    explain_cast()
    sandbox.run_tests(jobs=5)
