"""DataWorkers: threads that carry packets, each with its own queue of the device and its own sockets.

TINCD may be a build with the thread sanitizer, which ends the daemon at the first race.
"""

import contextlib
import pathlib
import signal
import struct
import unittest

import sandbox
from lab import Lab, Tinc, TINCD, TINCD_11, TINCD_PEER, explain_cast, pinging, wait_until
from networks import Member, inner, star
from test_offload import Capture, is_last, transfer

WORKERS = "DataWorkers = 2\n"


def workers_of(node: Tinc) -> list[str]:
    """The names of the threads that carry packets."""
    names = []
    for task in pathlib.Path(f"/proc/{node.daemon.pid}/task").iterdir():
        with contextlib.suppress(FileNotFoundError):  # others come and go
            names.append((task / "comm").read_text().strip())
    return sorted(name for name in names if name.startswith("packets/"))


def sockets_of(node: Tinc) -> int:
    return node.host.run("ss", "-Hulnp", "sport", "655").count(f"pid={node.daemon.pid},")


class WorkersTest(unittest.TestCase):

    def mesh(self, lab: Lab, peer: str = TINCD, ours: str = WORKERS, speaks_11: bool = False):
        members = [Member("alpha", TINCD, "", ours, speaks_11=speaks_11)]
        for name in ("beta", "gamma", "delta"):
            members.append(Member(name, peer, "", ours if peer == TINCD else "",
                                  connect_to=("alpha", ), speaks_11=speaks_11))
        nodes = star(lab, *members)
        for node in nodes:
            node.start()
        for number, node in enumerate(nodes[1:], 2):
            nodes[0].host.wait_ping(inner(number))
            with pinging(nodes[0].host, inner(number)):  # 1.1 measures ways that are used
                nodes[0].wait_udp(node.name, at_least=1400)
                node.wait_udp("alpha", at_least=1400)
        return nodes

    def test_threads(self) -> None:
        for line, workers in (("DataWorkers = 0\n", 0), ("DataWorkers = 1\n", 1), (WORKERS, 2)):
            with self.subTest(line=line), Lab() as lab:
                alpha, beta = star(lab, Member("alpha", TINCD, "", line),
                                   Member("beta", TINCD, "", line, connect_to=("alpha", )))
                alpha.start()
                beta.start()
                alpha.host.wait_ping(inner(2))
                self.assertEqual(workers_of(alpha), [f"packets/{i}" for i in range(workers)])
                self.assertEqual(sockets_of(alpha), 2 * max(workers, 1))  # IPv4 and IPv6
                self.assertEqual(alpha.daemon.stop(), 0)

    def test_an_interface_with_one_queue(self) -> None:
        """As somebody has made it before, and keeps it."""
        with Lab() as lab:
            alpha, beta = star(lab, Member("alpha", TINCD, "", WORKERS),
                               Member("beta", TINCD, "", WORKERS, connect_to=("alpha", )))
            alpha.host.run("ip", "tuntap", "add", "vpn0", "mode", "tun")
            alpha.start()
            alpha.daemon.wait_log("vpn0 has one queue: 1 of 2 DataWorkers start")
            wait_until(lambda: workers_of(alpha) == ["packets/0"], "one thread carries packets")
            beta.start()
            alpha.host.wait_ping(inner(2))

    def test_a_device_of_another_kind(self) -> None:
        with Lab() as lab:
            alpha, = star(lab, Member("alpha", TINCD, "", WORKERS + "DeviceType = dummy\n"))
            alpha.start()
            alpha.daemon.wait_log("DataWorkers has no effect")
            self.assertEqual(workers_of(alpha), [])

    def test_bytes_arrive_whoever_carries_them(self) -> None:
        for peer, speaks_11 in ((TINCD, False), (TINCD, True), (TINCD_PEER, False),
                                (TINCD_11, True)):
            with self.subTest(peer=peer, speaks_11=speaks_11), Lab() as lab:
                hosts = [node.host for node in self.mesh(lab, peer=peer, speaks_11=speaks_11)]
                for number, host in enumerate(hosts[1:], 2):
                    self.assertEqual(transfer(hosts[0], host, inner(number)), "right", host.name)
                    self.assertEqual(transfer(host, hosts[0], inner(1)), "right", host.name)
                self.assertEqual(transfer(hosts[1], hosts[2], inner(3)), "right", "beta to gamma")

    def test_segments_stay_in_order(self) -> None:
        """By the identification that the sender's kernel counts up, repeated segments included."""
        for speaks_11 in (False, True):
            with self.subTest(speaks_11=speaks_11), Lab() as lab:
                alpha, beta, *_ = self.mesh(lab, speaks_11=speaks_11)
                capture = Capture(beta.host, "vpn0", f"tcp and dst host {inner(2)}")
                self.assertEqual(transfer(alpha.host, beta.host, inner(2)), "right")
                packets = capture.until(lambda p: any(is_last(start) for _, start in p))
                numbers = [struct.unpack_from(">H", start, 4)[0] for _, start in packets]
                late = [(before, after) for before, after in zip(numbers, numbers[1:])
                        if (after - before) % 65536 >= 32768]
                self.assertEqual(late, [])

    def test_an_interface_that_was_lost(self) -> None:
        """All queues are opened anew, and tinc-up runs once."""
        with Lab() as lab:
            alpha, beta, *_ = self.mesh(lab)
            before = alpha.daemon.mark()
            alpha.host.run("ip", "link", "del", "vpn0")
            for _ in range(2):
                alpha.daemon.wait_log("vpn0 was gone and is open again", since=before)
            alpha.host.wait_ping(inner(2))
            self.assertEqual(transfer(alpha.host, beta.host, inner(2)), "right")
            self.assertEqual(alpha.daemon.log(before).count("Executing script tinc-up"), 1)

    def test_reload_and_restart(self) -> None:
        """What the control thread decides reaches all of them."""
        with Lab() as lab:
            alpha, beta, gamma, delta = self.mesh(lab)
            for node in (beta, gamma):
                node.daemon.stop()
                node.start()
            for number in (2, 3, 4):
                alpha.host.wait_ping(inner(number))
            alpha.write("tinc.conf", alpha.read("tinc.conf") + "Forwarding = off\n")
            alpha.daemon.wait_log("Forwarding", since=alpha.daemon.signal(signal.SIGHUP))
            alpha.host.wait_ping(inner(2))
            self.assertEqual(transfer(alpha.host, delta.host, inner(4)), "right")
            self.assertEqual(alpha.daemon.stop(), 0)
            self.assertNotIn("vpn0", alpha.host.run("ip", "link"))


if __name__ == "__main__":
    explain_cast()
    sandbox.run_tests(tools=("tcpdump", "ss"))
