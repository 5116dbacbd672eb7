"""Numbered packets at a steady rate, and who of them arrives: a ping that tells each loss exactly.

    python3 counted_ping.py echo PORT                     sends back whatever comes
    python3 counted_ping.py send PORT RATE ADDRESS...     RATE packets a second to each address

The sender begins with the first line on its input. Each further line makes it wait for what is
still on its way, print how many were sent to each address and how many of those did not come back,
as JSON, and begin anew. `ready` comes first, the end of the input is the end.
"""

import json
import select
import socket
import struct
import sys
import time

STRAGGLERS_S = 1.5  # how late an answer may be; more than any path here takes
SIZE = 200


def echo(port: str) -> None:
    end = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    end.bind(("", int(port)))
    print("ready", flush=True)
    while True:
        data, address = end.recvfrom(2048)
        try:
            end.sendto(data, address)
        except OSError:  # no way back at this moment
            pass


class Sender:
    """What was sent and has not come back, by address."""

    def __init__(self, port: str, addresses: list[str]):
        self.port, self.addresses = int(port), addresses
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.number = 0
        self.begin()

    def begin(self) -> None:
        self.sent = {address: 0 for address in self.addresses}
        self.missing: dict[str, set[int]] = {address: set() for address in self.addresses}

    def send(self) -> None:
        for address in self.addresses:
            self.number += 1
            self.sent[address] += 1
            self.missing[address].add(self.number)
            try:
                self.socket.sendto(struct.pack("!Q", self.number).ljust(SIZE, b"\0"),
                                   (address, self.port))
            except OSError:  # no way there: missing
                pass

    def receive(self) -> None:
        try:
            data, (address, _) = self.socket.recvfrom(2048)
            self.missing[address].discard(struct.unpack("!Q", data[:8])[0])
        except OSError:  # what a packet before it met
            pass

    def tell(self) -> None:
        end = time.monotonic() + STRAGGLERS_S
        while any(self.missing.values()) and time.monotonic() < end:
            if select.select([self.socket], [], [], 0.1)[0]:
                self.receive()
        print(json.dumps({address: [self.sent[address], len(self.missing[address])]
                          for address in self.addresses}), flush=True)
        self.begin()


def send(port: str, rate: str, *addresses: str) -> None:
    sender = Sender(port, list(addresses))
    orders = open(0, "rb", buffering=0)  # Lines that wait in a buffer are out of select's sight.
    print("ready", flush=True)
    if not orders.readline():
        return
    pause = 1 / float(rate)
    due = time.monotonic()
    while True:
        ready, _, _ = select.select([sender.socket, orders], [], [],
                                    max(0.0, due - time.monotonic()))
        if sender.socket in ready:
            sender.receive()
        if orders in ready:
            if not orders.readline():
                return
            sender.tell()
            due = time.monotonic()
        if time.monotonic() >= due:
            sender.send()
            due += pause


if __name__ == "__main__":
    {"echo": echo, "send": send}[sys.argv[1]](*sys.argv[2:])
