"""UPnP: what a router of the local network is asked for, and what becomes of it without one."""

import os
import sys
import time
import unittest

import sandbox
from lab import Daemon, Host, Lab, TINCD, explain_cast, is_reference, wait_until
from networks import Member, outer, star

ROUTER = outer(9)
HERE = os.path.dirname(os.path.abspath(__file__))
LACKING = "isn't built with miniupnpc support"


class Home:
    """alpha, and beside it a router."""

    def __init__(self, lab: Lab, *lines: str):
        self.alpha, = star(lab, Member("alpha", TINCD, "", "\n".join([*lines, ""])))
        self.alpha.host.ip("route add default dev eth0")
        self.router: Host = lab.host("router")
        switch = next(host for host in lab.hosts if host.name == "switch")
        lab.cable(self.router, switch, f"{ROUTER}/24")

    def run_router(self, *options: str) -> Daemon:
        router = Daemon(self.router, [sys.executable, os.path.join(HERE, "home_router.py"), ROUTER,
                                      *options], dict(os.environ))
        for kind, port in (("u", 1900), ("t", 5000)):
            wait_until(lambda k=kind, p=port: self.router.run(
                "ss", f"-H{k}ln", "sport", "=", f":{p}").strip(), "the router listens")
        return router

    def start(self) -> Daemon:
        daemon = self.alpha.start()
        if LACKING in daemon.log():
            raise unittest.SkipTest("needs libminiupnpc at build")
        return daemon


@unittest.skipIf(is_reference(TINCD), "tinc 1.0 has no UPnP")
class UpnpTest(unittest.TestCase):

    def test_the_router_forwards_our_ports_again_and_again(self) -> None:
        with Lab() as lab:
            home = Home(lab, "Port = 700", "UPnP = yes", "UPnPDiscoverWait = 1",
                        "UPnPRefreshPeriod = 2")
            router = home.run_router()
            daemon = home.start()
            daemon.wait_log(r"UPnP: the router forwards 700/tcp, 700/udp to 10\.99\.0\.1$")
            asked = ["TCP 700 -> 10.99.0.1:700 for 4", "UDP 700 -> 10.99.0.1:700 for 4"]
            self.assertEqual(router.log().splitlines()[:2], asked)
            router.wait_log(r"(?s)UDP.*TCP.*UDP")
            self.assertEqual(daemon.log().count("UPnP: the router forwards"), 1)
            self.assertEqual(daemon.stop(), 0)

    def test_udp_only(self) -> None:
        with Lab() as lab:
            home = Home(lab, "UPnP = udponly", "UPnPDiscoverWait = 1")
            router = home.run_router()
            home.start().wait_log(r"UPnP: the router forwards 655/udp to 10\.99\.0\.1$")
            self.assertEqual(router.log(), "UDP 655 -> 10.99.0.1:655 for 120\n")

    def test_a_router_that_refuses(self) -> None:
        with Lab() as lab:
            home = Home(lab, "UPnP = udponly", "UPnPDiscoverWait = 1")
            home.run_router("refuse")
            daemon = home.start()
            daemon.wait_log(r"UPnP: the router does not forward 655/udp \(.*\)$")
            self.assertTrue(daemon.is_running())

    def test_no_router(self) -> None:
        with Lab() as lab:
            # It is waited for after each of about five questions: five seconds, not 25.
            home = Home(lab, "UPnP = yes", "UPnPDiscoverWait = 1")
            home.start().wait_log("UPnP: no router on the local network has answered", seconds=20)

    def test_the_end_does_not_wait_for_a_router(self) -> None:
        with Lab() as lab:
            home = Home(lab, "UPnP = yes", "UPnPDiscoverWait = 60")
            daemon = home.start()
            began = time.monotonic()
            self.assertEqual(daemon.stop(), 0)
            self.assertLess(time.monotonic() - began, 5)


if __name__ == "__main__":
    explain_cast()
    sandbox.run_tests(jobs=4)
