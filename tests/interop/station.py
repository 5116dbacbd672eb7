"""A machine behind a device that is no tun or tap: sends frames to the daemon and tells what comes.

    python3 station.py raw INTERFACE        the other end of a raw_socket's interface
    python3 station.py multicast GROUP PORT a member of the group on the daemon's host
    python3 station.py uml PATH             a User Mode Linux
    python3 station.py fd PATH              hands a descriptor over at a UNIX socket, once

Frames are lines of hexadecimal digits, on standard input and output; `ready` comes first. The end
of the input is the end of the station.
"""

import array
import os
import socket
import struct
import sys
import threading

ALL_PROTOCOLS = 3
PACKET_OUTGOING = 4
UML_MAGIC, UML_VERSION, UML_NEW_CONTROL = 0xfeedface, 3, 0
PATH_BYTES = 108  # of a sockaddr_un


def raw(interface: str):
    end = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ALL_PROTOCOLS))
    end.bind((interface, 0))

    def receive() -> bytes:
        while True:
            frame, address = end.recvfrom(4096)
            if address[2] != PACKET_OUTGOING:
                return frame

    return end.send, receive


def multicast(group: str, port: str):
    end = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    end.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    end.bind((group, int(port)))
    end.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP,
                   socket.inet_aton(group) + socket.inet_aton("0.0.0.0"))
    return (lambda frame: end.sendto(frame, (group, int(port)))), lambda: end.recv(4096)


def uml(path: str):
    control = socket.socket(socket.AF_UNIX)
    control.connect(path)
    end = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    name = b"\0" + struct.pack("=I", os.getpid()).ljust(PATH_BYTES - 1, b"\0")
    end.bind(name)
    control.sendall(struct.pack("=IIIH", UML_MAGIC, UML_VERSION, UML_NEW_CONTROL, socket.AF_UNIX)
                    + name + b"\0\0")
    answer = control.recv(4096)
    family, there = struct.unpack("=H", answer[:2])[0], answer[2:]
    if (family, len(there)) != (socket.AF_UNIX, PATH_BYTES):
        raise ConnectionError(f"an answer of {len(answer)} bytes")

    def receive(_control=control) -> bytes:  # the connection lasts as long as this function
        return end.recv(4096)

    # Like the UML of Linux, not connected: 1.0.36 has one socket to read and another to write.
    return (lambda frame: end.sendto(frame, there)), receive


def fd(path: str):
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    door = socket.socket(socket.AF_UNIX)
    door.bind(path)
    door.listen(1)
    tell("ready")
    taker, _ = door.accept()
    taker.sendmsg([b"\0"], [(socket.SOL_SOCKET, socket.SCM_RIGHTS,
                             array.array("i", [theirs.fileno()]))])
    return ours.send, lambda: ours.recv(4096)


def tell(line: str) -> None:
    print(line, flush=True)


def main() -> None:
    kind, *arguments = sys.argv[1:]
    send, receive = {"raw": raw, "multicast": multicast, "uml": uml, "fd": fd}[kind](*arguments)
    if kind != "fd":
        tell("ready")

    def listen() -> None:
        while True:
            tell(receive().hex())

    threading.Thread(target=listen, daemon=True).start()
    for line in sys.stdin:
        send(bytes.fromhex(line))


if __name__ == "__main__":
    main()
