"""Two nodes with every combination of settings that matters on the wire.

For each case: the two connect, pings of both families pass both ways, and they pass by UDP: the
datagrams counted at the far host grow with them, the node dump shows a proven path (min > 0), and
no PACKET request goes over the meta connection any more. Of the very first pings after the path is
proven and the keys are there none is lost.
"""

import dataclasses
import unittest

import sandbox
from lab import Key, Lab, Tinc, TINCD, TINCD_PEER, explain_cast, wait_until
from networks import Member, inner, inner6, star

PINGS = 5
ECHO_BYTES = 84  # of ping's packets, with their IP header


@dataclasses.dataclass
class Case:
    """Settings of the two sides; ours is the program under test."""

    ours: str = ""
    theirs: str = ""
    our_key: tuple[int, str] = (2048, "pkcs1")  # bits, file format
    their_key: tuple[int, str] = (2048, "pkcs1")
    we_connect: bool = True
    underlay: int = 4


def _same(settings: str, **more) -> Case:
    return Case(ours=settings, theirs=settings, **more)


def _crypto(cipher: str, digest: str, mac: int | None = None) -> str:
    lines = f"Cipher = {cipher}\nDigest = {digest}\n"
    return lines if mac is None else f"{lines}MACLength = {mac}\n"


CASES = {
    "defaults_we_connect": Case(),
    "defaults_they_connect": Case(we_connect=False),
    "ipv6_outside_we_connect": Case(underlay=6),
    "ipv6_outside_they_connect": Case(underlay=6, we_connect=False),
    "aes_256_cbc_sha256_full_mac": _same(_crypto("aes-256-cbc", "sha256", 32)),
    "aes_128_cbc_sha1_mac_10": _same(_crypto("aes-128-cbc", "sha1", 10), we_connect=False),
    "aes_256_cfb_sha512_full_mac": _same(_crypto("aes-256-cfb", "sha512", 64)),
    "aes_256_ofb_md5_full_mac": _same(_crypto("aes-256-ofb", "md5", 16), we_connect=False),
    "des_ede3_cbc_sha256_mac_4": _same(_crypto("des-ede3-cbc", "sha256", 4)),
    "camellia_256_cbc_sha512_mac_10": _same(_crypto("camellia-256-cbc", "sha512", 10)),
    "no_cipher_sha256": _same(_crypto("none", "sha256")),
    "no_cipher_no_digest": _same(_crypto("none", "none"), we_connect=False),
    "aes_256_cbc_no_digest": _same(_crypto("aes-256-cbc", "none")),
    "mac_length_0": _same(_crypto("aes-256-cbc", "sha256", 0)),
    "sha1_full_mac": _same(_crypto("aes-256-cbc", "sha1", 20), we_connect=False),
    "compression_1": _same("Compression = 1\n"),
    "compression_9": _same("Compression = 9\n", we_connect=False),
    "compression_10": _same("Compression = 10\n"),
    "compression_11": _same("Compression = 11\n", we_connect=False),
    "rsa_1024_and_4096": Case(our_key=(1024, "pkcs1"), their_key=(4096, "pkcs1")),
    "rsa_4096_and_1024": Case(our_key=(4096, "pkcs1"), their_key=(1024, "pkcs1"),
                              we_connect=False),
    "rsa_8192_ours": Case(our_key=(8192, "pkcs1")),
    "rsa_8192_theirs": Case(their_key=(8192, "pkcs1"), we_connect=False),
    "pkcs8_ours": Case(our_key=(2048, "pkcs8")),
    "pkcs8_theirs": Case(their_key=(2048, "pkcs8"), we_connect=False),
    "all_different": Case(
        ours=_crypto("aes-256-cbc", "sha1", 20) + "Compression = 9\n",
        theirs=_crypto("camellia-256-cbc", "sha512", 10) + "Compression = 11\n",
        our_key=(1024, "pkcs8"), their_key=(2048, "pkcs1")),
    "block_and_stream": Case(ours=_crypto("aes-128-cbc", "md5", 0),
                             theirs=_crypto("aes-256-ofb", "sha256", 32) + "Compression = 10\n",
                             we_connect=False),
    "sealed_one_way_only": Case(ours=_crypto("none", "none"),
                                theirs=_crypto("aes-256-cfb", "sha256") + "Compression = 1\n"),
}


def _key(kind: tuple[int, str], number: int) -> Key:
    bits, form = kind
    key = Key.of(bits, 0 if bits == 8192 else number)  # the large one takes long; one will do
    return key.as_pkcs8() if form == "pkcs8" else key


class MatrixTest(unittest.TestCase):
    """One method for each entry of CASES, made below."""

    def check(self, case: Case) -> None:
        with Lab() as lab:
            ours, theirs = star(
                lab,
                Member("alpha", TINCD, case.ours, key=_key(case.our_key, 1),
                       connect_to=("beta", ) if case.we_connect else ()),
                Member("beta", TINCD_PEER, case.theirs, key=_key(case.their_key, 2),
                       connect_to=() if case.we_connect else ("alpha", )),
                underlay=case.underlay)
            for node in (ours, theirs):
                node.host.count("arrived", "input", "udp dport 655")
            for node in (theirs, ours) if case.we_connect else (ours, theirs):
                node.start()
            ours.wait_udp("beta", at_least=200)
            theirs.wait_udp("alpha", at_least=200)
            wait_until(lambda: self.has_all_keys(ours) and self.has_all_keys(theirs),
                       "every key asked for is there")
            self.expect_udp(ours, theirs, 2)
            self.expect_udp(theirs, ours, 1)

    @staticmethod
    def has_all_keys(node: Tinc) -> bool:
        """Whether no other key will replace the one that the node seals with.

        One key comes unasked when the two meet, and one for each request. Who sends before the
        first is there asks; then two keys come, and 1.0.36 forgets the first as soon as it has
        given the second: what is on its way at that moment is lost.
        """
        log = node.daemon.log()
        return log.count("Got ANS_KEY") == 1 + log.count("Sending REQ_KEY")

    def expect_udp(self, near: Tinc, far: Tinc, number: int) -> None:
        """Pings of `near` reach `far` by UDP, every one of them, and nothing goes by TCP."""
        for address in (inner(number), inner6(number)):
            marks = near.daemon.mark(), far.daemon.mark()
            before = far.host.counted("arrived")
            self.assertEqual(near.host.ping(address, count=PINGS, wait_s=10), PINGS)
            # Datagrams that leave together have one header until a link cuts them.
            self.assertGreater(far.host.counted("arrived") - before, PINGS * ECHO_BYTES)
            for node, mark in zip((near, far), marks):
                self.assertNotIn("PACKET", node.daemon.log(mark))


for _name, _case in CASES.items():
    setattr(MatrixTest, f"test_{_name}", lambda self, case=_case: self.check(case))

if __name__ == "__main__":
    explain_cast()
    sandbox.run_tests(jobs=6)
