"""A man in the middle of TCP connections: a router that takes them up and passes on what he likes.

    python3 meddler.py PORT

The router's packet filter redirects connections to PORT; they go on to where they were meant for.
Each line on the input, a list in JSON, is what he does from then on; the connections there are end
with it.

    ["none"]
    ["edit", FROM, PATTERN, REPLACEMENT]    in the lines before anything encrypted: ID and METAKEY
    ["flip", FROM, OFFSET]                  one bit of the byte so far behind the ID line

FROM is `caller`, `called` or `both`. He prints `ready`, then `done` for each order, and
`changed NUMBER WHAT` for each change to the connection of that number.
"""

import json
import re
import select
import socket
import struct
import sys
import threading

ORIGINAL_DESTINATION = 80  # SO_ORIGINAL_DST


def tell(text: str) -> None:
    print(text, flush=True)


class Side:
    """What one of the two says."""

    def __init__(self, number: int, name: str, order: list):
        self.number = number
        self.is_meant = order[0] != "none" and order[1] in (name, "both")
        self.order, self.passed, self.id_end = order, b"", None

    def change(self, data: bytes) -> bytes:
        """What is passed on in place of these bytes."""
        start = len(self.passed)
        self.passed += data
        if self.id_end is None and b"\n" in self.passed:
            self.id_end = self.passed.index(b"\n") + 1
        if not self.is_meant:
            return data
        if self.order[0] == "edit":
            return self.edit(data)
        place = (self.id_end or 0) + self.order[2] - start
        if self.id_end is None or not 0 <= place < len(data):
            return data
        tell(f"changed {self.number} byte {place + start}")
        return data[:place] + bytes([data[place] ^ 1]) + data[place + 1:]

    def edit(self, data: bytes) -> bytes:
        edited = re.sub(self.order[2].encode(), self.order[3].encode(), data, flags=re.MULTILINE)
        if edited != data:
            tell(f"changed {self.number} {data!r} to {edited!r}")
        return edited


class Connection:

    def __init__(self, number: int, caller: socket.socket, order: list):
        self.caller = caller
        port, address = struct.unpack("!2xH4s8x", caller.getsockopt(
            socket.SOL_IP, ORIGINAL_DESTINATION, 16))
        self.called = socket.create_connection((socket.inet_ntoa(address), port), 10)
        self.sides = {self.caller: (Side(number, "caller", order), self.called),
                      self.called: (Side(number, "called", order), self.caller)}
        self.is_over = threading.Event()
        threading.Thread(target=self.carry, daemon=True).start()

    def carry(self) -> None:
        try:
            while not self.is_over.is_set():
                for end in select.select(list(self.sides), [], [], 0.1)[0]:
                    side, other = self.sides[end]
                    data = end.recv(65536)
                    if not data:
                        raise ConnectionError
                    other.sendall(side.change(data))
        except OSError:
            pass
        for end in self.sides:
            end.close()


def main() -> None:
    door = socket.create_server(("", int(sys.argv[1])), backlog=16)
    orders = open(0, "rb", buffering=0)  # Lines that wait in a buffer are out of select's sight.
    order, connections, number = ["none"], [], 0
    tell("ready")
    while True:
        ready = select.select([door, orders], [], [])[0]
        if orders in ready:
            line = orders.readline()
            if not line:
                return
            order = json.loads(line)
            for connection in connections:
                connection.is_over.set()
            connections = []
            tell("done")
        if door in ready:
            number += 1
            caller, _ = door.accept()
            try:
                connections.append(Connection(number, caller, order))
            except OSError:  # nobody is there
                caller.close()


if __name__ == "__main__":
    main()
