"""Connections that are made by themselves, where they are tried first, and what they bring up."""

import os
import sys
import unittest

import sandbox
from lab import Lab, Tinc, TINCD, explain_cast, is_reference, wait_until
from networks import Member, inner, outer, star

# One address, 10.99.0.2 port 655, as tinc 1.1 writes it.
CACHE_OF_BETA = bytes.fromhex("01000000010000000200028f0a630002").ljust(264, b"\0")


def run_by(node: Tinc) -> list[str]:
    """The scripts that the daemon has run, of those that say so."""
    if not os.path.exists(node.path("scripts")):
        return []
    return node.read("scripts").split()


def note_scripts(node: Tinc, *names: str) -> None:
    for name in names:
        old = node.read(name) if os.path.exists(node.path(name)) else "#!/bin/sh\n"
        node.write(name, old + f"echo {name} >> /etc/tinc/scripts\n", 0o755)


@unittest.skipIf(is_reference(TINCD), "of tinc 1.1")
class ConnectingTest(unittest.TestCase):

    def test_nodes_connect_by_themselves_and_remember_where(self) -> None:
        with Lab() as lab:
            alpha, beta = star(lab, Member("alpha", tinc_conf="AutoConnect = yes\n"),
                               Member("beta"))
            beta.start()
            alpha.start()
            alpha.host.wait_ping(inner(2))
            wait_until(lambda: os.path.exists(alpha.path("cache/beta")), "the address is kept")
            with open(alpha.path("cache/beta"), "rb") as file:
                self.assertEqual(file.read(), CACHE_OF_BETA)
            self.assertFalse(os.path.exists(beta.path("cache")))

    def test_an_address_of_the_cache_comes_first(self) -> None:
        with Lab() as lab:
            alpha, beta = star(lab, Member("alpha", connect_to=("beta", )), Member("beta"))
            alpha.write("hosts/beta", alpha.read("hosts/beta").replace(outer(2), outer(77)))
            os.mkdir(alpha.path("cache"))
            with open(alpha.path("cache/beta"), "wb") as file:
                file.write(CACHE_OF_BETA)
            beta.start()
            alpha.start()
            alpha.host.wait_ping(inner(2))
            self.assertNotIn(f"({outer(77)} port 655)", alpha.daemon.log())

    def test_the_device_stands_by_until_somebody_is_there(self) -> None:
        with Lab() as lab:
            alpha, beta = star(lab, Member("alpha", tinc_conf="DeviceStandby = yes\n"),
                               Member("beta", connect_to=("alpha", )))
            note_scripts(alpha, "tinc-up", "tinc-down", "host-up", "host-down")
            alpha.start()
            self.assertEqual(run_by(alpha), [])
            for _ in range(2):
                beta.start()
                alpha.host.wait_ping(inner(2))
                beta.daemon.stop()
                wait_until(lambda: run_by(alpha)[-1:] == ["tinc-down"], "tinc-down has run")
            alpha.daemon.stop()
            self.assertEqual(run_by(alpha), 2 * ["tinc-up", "host-up", "host-down", "tinc-down"])


if __name__ == "__main__":
    explain_cast()
    sandbox.run_tests(jobs=3)
