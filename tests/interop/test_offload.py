"""Packets that the kernel cuts and joins for us: what arrives, in which order, and what is outside.

Everything is sent over links that cut (no card sends 64 KiB at once) and over bare veth, which hands
on what has not been cut.
"""

import os
import struct
import subprocess
import sys
import unittest

import sandbox
from lab import Host, Lab, TINCD, TINCD_11, TINCD_PEER, explain_cast, wait_until
from networks import Member, inner, inner6, star

OFF = "DeviceOffload = no\nUDPOffload = no\n"
TRANSFER_BYTES = 8_000_000
PORT = 7000
# Sends bytes that anybody can make again, or tells how many of those that came are right.
SEND = f"""
import random, socket, sys
s = socket.create_connection((sys.argv[1], {PORT}))
s.sendall(random.Random(7).randbytes({TRANSFER_BYTES}))
s.shutdown(socket.SHUT_WR)
s.recv(1)
"""
RECEIVE = f"""
import random, socket, sys
listening = socket.create_server((sys.argv[1], {PORT}), family=socket.AF_INET6 if ":" in sys.argv[1]
                                 else socket.AF_INET)
print("listening", flush=True)
s, _ = listening.accept()
came = bytearray()
while chunk := s.recv(1 << 16):
    came += chunk
print("right" if came == random.Random(7).randbytes({TRANSFER_BYTES}) else "wrong", flush=True)
"""


def transfer(sender: Host, receiver: Host, address: str) -> str:
    """Sends over TCP to an address of the receiver; whether what came was "right"."""
    with receiver.spawn(sys.executable, "-c", RECEIVE, address, stdout=subprocess.PIPE,
                        text=True) as process:
        try:
            process.stdout.readline()
            sender.run(sys.executable, "-c", SEND, address, timeout=120)
            return process.stdout.readline().strip()
        finally:
            process.kill()


class Capture:
    """The packets that pass an interface of a host, as tcpdump writes them."""

    HEADER_BYTES = 24

    def __init__(self, host: Host, interface: str, expression: str):
        self.path = os.path.join(host.folder, "log", f"{interface}.pcap")
        self._process = host.spawn("tcpdump", "-i", interface, "-n", "-U", "-s", "96", "-B", "65536",
                                   "-w", self.path, expression, stderr=subprocess.DEVNULL)
        wait_until(lambda: os.path.exists(self.path) and
                   os.path.getsize(self.path) >= self.HEADER_BYTES, "tcpdump listens")

    def until(self, is_enough) -> list[tuple[int, bytes]]:
        """Goes on until what is there is enough, for tcpdump may be behind. Of each packet its
        length and its first bytes."""
        wait_until(lambda: is_enough(self._packets()), "tcpdump has seen it all")
        self._process.terminate()
        self._process.wait()
        return self._packets()

    def _packets(self) -> list[tuple[int, bytes]]:
        with open(self.path, "rb") as file:
            data = file.read()
        found = []
        at = self.HEADER_BYTES
        while at + 16 <= len(data):
            kept, length = struct.unpack_from("=II", data, at + 8)
            found.append((length, data[at + 16:at + 16 + kept]))
            at += 16 + kept
        return found


def is_last(packet: bytes) -> bool:
    """Whether a TCP segment in IPv4 is the last of its stream; it may carry data."""
    fin = 1
    return packet[4 * (packet[0] & 15) + 13] & fin != 0


def cut(*hosts: Host) -> None:
    """Lets links send and hand over packets as they are outside, like a card without offloads."""
    for host in hosts:
        host.run("ethtool", "-K", "eth0", "tso", "off", "gso", "off", "tx-udp-segmentation", "off",
                 "gro", "off")


class OffloadTest(unittest.TestCase):

    def pair(self, lab: Lab, peer: str = TINCD, ours: str = "", theirs: str = "",
             speaks_11: bool = False):
        alpha, beta = star(lab,
                           Member("alpha", TINCD, "", ours, connect_to=("beta", ),
                                  speaks_11=speaks_11),
                           Member("beta", peer, "", theirs, speaks_11=speaks_11))
        beta.start()
        alpha.start()
        alpha.host.wait_ping(inner(2))
        alpha.wait_udp("beta", at_least=1400)
        beta.wait_udp("alpha", at_least=1400)
        return alpha.host, beta.host

    def expect_transfers(self, alpha: Host, beta: Host) -> None:
        for sender, receiver, number in ((alpha, beta, 2), (beta, alpha, 1)):
            for address in (inner(number), inner6(number)):
                self.assertEqual(transfer(sender, receiver, address), "right",
                                 f"{sender.name} to {address}")

    def test_bytes_arrive_whatever_is_on(self) -> None:
        for speaks_11 in (False, True):
            for ours, theirs in (("", ""), ("DeviceOffload = no\n", "UDPOffload = no\n"), (OFF, "")):
                with self.subTest(speaks_11=speaks_11, ours=ours, theirs=theirs), Lab() as lab:
                    hosts = self.pair(lab, ours=ours, theirs=theirs, speaks_11=speaks_11)
                    self.expect_transfers(*hosts)
                    cut(*hosts)
                    self.expect_transfers(*hosts)
                    hosts[0].run("ethtool", "-K", "eth0", "tx", "off")  # no checksums, hence no cuts
                    self.expect_transfers(*hosts)

    def test_bytes_arrive_with_the_original(self) -> None:
        for peer, speaks_11 in ((TINCD_PEER, False), (TINCD_11, True)):
            with self.subTest(peer=peer), Lab() as lab:
                hosts = self.pair(lab, peer=peer, speaks_11=speaks_11)
                self.expect_transfers(*hosts)
                cut(*hosts)
                self.expect_transfers(*hosts)

    def test_outside_are_ordinary_datagrams(self) -> None:
        for speaks_11 in (False, True):
            with self.subTest(speaks_11=speaks_11), Lab() as lab:
                alpha, beta = self.pair(lab, speaks_11=speaks_11)
                cut(alpha, beta)
                capture = Capture(beta, "eth0", "udp port 655")
                self.assertEqual(transfer(alpha, beta, inner(2)), "right")
                packets = capture.until(lambda p: sum(n for n, _ in p) > TRANSFER_BYTES)
                lengths = [length for length, _ in packets]
                ethernet_bytes = 14
                self.assertLessEqual(max(lengths), 1500 + ethernet_bytes)
                self.assertGreater(len(lengths), TRANSFER_BYTES // 1500)

    def test_segments_stay_in_order(self) -> None:
        """By the identification that the sender's kernel counts up, repeated segments included."""
        for speaks_11 in (False, True):
            with self.subTest(speaks_11=speaks_11), Lab() as lab:
                alpha, beta = self.pair(lab, speaks_11=speaks_11)
                capture = Capture(beta, "vpn0", f"tcp and dst host {inner(2)}")
                self.assertEqual(transfer(alpha, beta, inner(2)), "right")
                packets = capture.until(lambda p: any(is_last(start) for _, start in p))
                numbers = [struct.unpack_from(">H", start, 4)[0] for _, start in packets]
                self.assertGreater(len(numbers), TRANSFER_BYTES // 65536)
                late = [(before, after) for before, after in zip(numbers, numbers[1:])
                        if (after - before) % 65536 >= 32768]
                self.assertEqual(late, [])


if __name__ == "__main__":
    explain_cast()
    sandbox.run_tests(tools=("ethtool", "tcpdump"))
