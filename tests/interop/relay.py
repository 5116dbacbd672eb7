"""A command for `Proxy = exec`: carries its standard input and output to ADDRESS PORT.

    python3 relay.py ADDRESS PORT
"""

import os
import socket
import sys
import threading


def carry(take, give, at_end) -> None:
    while data := take(65536):
        give(data)
    at_end()


def main() -> None:
    names = ("NETNAME", "NAME", "NODE", "REMOTEADDRESS", "REMOTEPORT")
    print(*(f"{name}={os.environ.get(name)}" for name in names), file=sys.stderr, flush=True)
    peer = socket.create_connection((sys.argv[1], int(sys.argv[2])), 10)
    peer.settimeout(None)
    there = threading.Thread(daemon=True, target=carry, args=(
        lambda size: os.read(0, size), peer.sendall, lambda: peer.shutdown(socket.SHUT_WR)))
    there.start()
    carry(peer.recv, lambda data: os.write(1, data), lambda: None)


if __name__ == "__main__":
    main()
