"""Keys for nodes, as the texts that go into files."""

import base64
import functools
import hashlib
import threading

import sandbox


class Key:
    """An RSA key as the two texts that go into files."""

    def __init__(self, private: str, public: str):
        self.private, self.public = private, public

    _made: dict[tuple[int, int], "Key"] = {}
    _locks: dict[tuple[int, int], threading.Lock] = {}
    _lock = threading.Lock()

    @staticmethod
    def of(bits: int = 2048, number: int = 0) -> "Key":
        """The number-th key of a size. Made once per run, since large ones take long."""
        with Key._lock:
            lock = Key._locks.setdefault((bits, number), threading.Lock())
        with lock:
            if (bits, number) not in Key._made:
                Key._made[bits, number] = Key._make(bits)
            return Key._made[bits, number]

    @staticmethod
    def _make(bits: int) -> "Key":
        private = sandbox.run(["openssl", "genrsa", "-traditional", str(bits)]).stdout
        public = sandbox.run(["openssl", "rsa", "-RSAPublicKey_out"], input=private).stdout
        return Key(private, public)

    def as_pkcs8(self) -> "Key":
        """The same key in the other pair of formats: PKCS#8 and SPKI."""
        private = sandbox.run(["openssl", "pkcs8", "-topk8", "-nocrypt"],
                              input=self.private).stdout
        public = sandbox.run(["openssl", "rsa", "-pubout"], input=self.private).stdout
        return Key(private, public)


_BASE64 = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"


def _tinc_base64(data: bytes) -> str:
    """Of each three bytes the lowest six bits come first."""
    text = ""
    for start in range(0, len(data), 3):
        group = data[start:start + 3]
        bits = int.from_bytes(group, "little")
        text += "".join(_BASE64[bits >> 6 * i & 63] for i in range(len(group) + 1))
    return text


@functools.cache
def ed25519_key(number: int) -> tuple[str, str]:
    """The number-th Ed25519 key: the private file of tinc 1.1, and the public key."""
    pem = sandbox.run(["openssl", "genpkey", "-algorithm", "ed25519"]).stdout
    # PKCS#8 ends with the 32 bytes of the seed, SubjectPublicKeyInfo with those of the point.
    seed = base64.b64decode("".join(pem.splitlines()[1:-1]))[-32:]
    spki = sandbox.run(["openssl", "pkey", "-pubout"], input=pem).stdout
    public = base64.b64decode("".join(spki.splitlines()[1:-1]))[-32:]
    expanded = bytearray(hashlib.sha512(seed).digest())
    expanded[0] &= 248
    expanded[31] = expanded[31] & 63 | 64
    both = bytes(expanded) + public
    private = (f"-----BEGIN ED25519 PRIVATE KEY-----\n{_tinc_base64(both[:48])}\n"
               f"{_tinc_base64(both[48:])}\n-----END ED25519 PRIVATE KEY-----\n")
    return private, _tinc_base64(public)
