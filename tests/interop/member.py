"""A member of a tinc 1.0 network that says whatever a test wants.

It holds a real key and authenticates, so that what it says then reaches the code that serves
members. Run inside a host as a program:

    python3 member.py KEY_FILE PEER_PUBLIC_KEY_FILE NAME ADDRESS < lines

It connects, authenticates, sends the lines, and reads until the peer is silent or has closed.
Exit code 0 also then; 1 if authentication failed. The ciphers are openssl's; each use runs the
stream from its beginning, which is slow and short.
"""

import base64
import hashlib
import os
import re
import socket
import subprocess
import sys

AES_256_CFB, SHA256 = 429, 672  # OpenSSL's numbers for them, as tinc sends them
SILENCE_S = 0.3


def der_integers(pem: str, kind: str) -> list[int]:
    """The integers of a PKCS#1 key: version, n, e, d … or n, e."""
    body = re.search(f"-----BEGIN {kind}-----\n(.*?)-----END {kind}-----", pem, re.DOTALL)[1]
    data = base64.b64decode(body)
    numbers, position = [], header(data, 0)[1]
    while position < len(data):
        length, position = header(data, position)
        numbers.append(int.from_bytes(data[position:position + length], "big"))
        position += length
    return numbers


def header(data: bytes, position: int) -> tuple[int, int]:
    """Length of a DER value, and where its content begins."""
    length, position = data[position + 1], position + 2
    if length & 0x80:
        size = length & 0x7F
        length, position = int.from_bytes(data[position:position + size], "big"), position + size
    return length, position


class Stream:
    """One direction of the encrypted connection, kept as plain or sealed bytes from the start."""

    def __init__(self, secret: bytes, option: str):
        self.key, self.iv, self.option = secret[-32:].hex(), secret[-48:-32].hex(), option
        self.before = b""

    def run(self, more: bytes) -> bytes:
        done = len(self.before)
        self.before += more
        out = subprocess.run(["openssl", "enc", self.option, "-aes-256-cfb", "-K", self.key, "-iv",
                              self.iv], input=self.before, capture_output=True, check=True).stdout
        return out[done:]


class Member:
    """One authenticated connection."""

    def __init__(self, private: list[int], peer: list[int], name: str, address: str):
        self.private, self.peer, self.name = private, peer, name
        self.socket = socket.create_connection((address, 655), 10)
        self.buffer, self.opened = b"", None
        self.authenticate()

    def authenticate(self) -> None:
        size = (self.peer[0].bit_length() + 7) // 8
        secret = bytes([os.urandom(1)[0] & 0x7F]) + os.urandom(size - 1)
        sealed = pow(int.from_bytes(secret, "big"), self.peer[1], self.peer[0])
        self.socket.sendall(f"0 {self.name} 17\n".encode())
        self.line("0")
        metakey = self.line("1").split()
        self.socket.sendall(f"1 {AES_256_CFB} {SHA256} 0 0 {sealed:0{2 * size}X}\n".encode())
        self.seal = Stream(secret, "-e")
        opened = pow(int(metakey[5], 16), self.private[3], self.private[1])
        assert metakey[1] == str(AES_256_CFB), "the test needs a peer with the default cipher"
        self.opened = Stream(opened.to_bytes((self.private[1].bit_length() + 7) // 8, "big"), "-d")
        rest, self.buffer = self.buffer, b""
        self.buffer = self.opened.run(rest) if rest else b""
        self.send(f"2 {os.urandom(size).hex().upper()}\n".encode())
        challenge = bytes.fromhex(self.line("2").split()[1])
        self.send(f"3 {hashlib.sha256(challenge).hexdigest().upper()}\n".encode())
        self.line("3")
        self.line("4")
        self.send(b"4 655 1 c\n")

    def send(self, data: bytes) -> None:
        self.socket.sendall(self.seal.run(data))

    def line(self, number: str) -> str:
        """The next line, which must be the request of that number."""
        self.socket.settimeout(10)
        while b"\n" not in self.buffer:
            data = self.socket.recv(65536)
            if not data:
                raise ConnectionError(f"closed instead of request {number}")
            self.buffer += self.opened.run(data) if self.opened else data
        text, self.buffer = self.buffer.split(b"\n", 1)
        if text.split()[0] != number.encode():
            raise ConnectionError(f"{text!r} instead of request {number}")
        return text.decode()

    def listen(self) -> None:
        """Reads until silence or the end, and forgets what it read."""
        self.socket.settimeout(SILENCE_S)
        try:
            while self.socket.recv(65536):
                pass
        except OSError:
            pass


def main() -> None:
    key_file, public_file, name, address = sys.argv[1:]
    with open(key_file, encoding="ascii") as file:
        private = der_integers(file.read(), "RSA PRIVATE KEY")
    with open(public_file, encoding="ascii") as file:
        public = der_integers(file.read(), "RSA PUBLIC KEY")
    lines = sys.stdin.buffer.read()
    member = Member(private, public, name, address)
    try:
        member.send(lines)
    except OSError:
        pass  # refused half-way: as good an answer as any
    member.listen()


if __name__ == "__main__":
    main()
