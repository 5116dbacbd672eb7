"""Ciphers of OpenSSL's legacy provider, which nodes of long ago have."""

import os
import unittest

import sandbox
from lab import Lab, Tinc, TINCD, TINCD_PEER, explain_cast, is_reference
from networks import Member, inner, star

OLD = "Cipher = blowfish\nDigest = whirlpool\nMACLength = 16\n"
# Cipher and digest with their numbers, as the original prints them in its dumps.
SUITES = {"blowfish": ("bf-cbc", 91, "whirlpool", 804),
          "cast5": ("cast5-cbc", 108, "ripemd160", 117),
          "des": ("des-cbc", 31, "md4", 257)}
# With it the original, too, can use them.
PROVIDERS = """openssl_conf = top
[top]
providers = both
[both]
default = on
legacy = on
[on]
activate = 1
"""


@unittest.skipIf(is_reference(TINCD), "1.0.36 cannot use them with OpenSSL 3")
class OldCipherTest(unittest.TestCase):

    def with_the_original(self, cipher: str, cipher_id: int, digest: str, digest_id: int) -> None:
        """Both ways by UDP, and ours says that it is weak."""
        settings = f"Cipher = {cipher}\nDigest = {digest}\nMACLength = 8\n"
        with Lab() as lab:
            alpha, beta = star(lab, Member("alpha", TINCD, settings, connect_to=("beta", )),
                               Member("beta", TINCD_PEER, settings))
            providers = os.path.join(lab.folder, "openssl.cnf")
            with open(providers, "w", encoding="ascii") as file:
                file.write(PROVIDERS)
            beta.start(environment={"OPENSSL_CONF": providers})
            alpha.start()
            alpha.daemon.wait_log(rf"^{cipher} is weak, .*: better aes-256-cbc \(.*hosts/alpha")
            for node, other, number in ((alpha, "beta", 2), (beta, "alpha", 1)):
                told = node.wait_udp(other, at_least=200)
                self.assertEqual((told["cipher"], told["digest"], told["maclength"]),
                                 (str(cipher_id), str(digest_id), "8"))
                self.expect_udp(node, inner(number))
            alpha.daemon.wait_log(r"^beta \(10\.99\.0\.2 port 655\) wants its packets encrypted "
                                  rf"with {cipher}, which is weak: ")

    def expect_udp(self, near: Tinc, address: str) -> None:
        near.host.count("arrived", "input", "udp dport 655")
        near.host.wait_pings(address, count=5)
        self.assertGreater(near.host.counted("arrived"), 5 * 84)

    def test_between_ours(self) -> None:
        with Lab() as lab:
            alpha, beta = star(lab, Member("alpha", host_file=OLD, connect_to=("beta", )),
                               Member("beta", host_file=OLD))
            for node in (beta, alpha):
                node.start(debug=0)
                node.daemon.wait_log(r"^bf-cbc is weak, .*: better aes-256-cbc \(.*hosts/")
            told = alpha.wait_udp("beta", at_least=200)
            self.assertEqual((told["cipher"], told["digest"], told["maclength"]),
                             ("91", "804", "16"))
            alpha.daemon.wait_log(r"^beta \(10\.99\.0\.2 port 655\) wants its packets encrypted "
                                  r"with bf-cbc, which is weak: ")
            alpha.host.wait_pings(inner(2))

    def test_in_a_chroot(self) -> None:
        """The provider's file is out of reach when it is first wanted."""
        with Lab() as lab:
            alpha, beta = star(lab, Member("alpha", connect_to=("beta", )),
                               Member("beta", host_file=OLD))
            beta.start()
            alpha.start("-R")
            self.assertEqual(alpha.wait_udp("beta", at_least=200)["cipher"], "91")
            alpha.host.wait_pings(inner(2))

    def test_beside_an_original_that_cannot(self) -> None:
        """It asks for what it cannot read itself; packets to it go by TCP."""
        with Lab() as lab:
            alpha, beta = star(lab, Member("alpha", connect_to=("beta", )),
                               Member("beta", TINCD_PEER, "Cipher = blowfish\n"))
            beta.start()
            alpha.start()
            alpha.host.wait_pings(inner(2))
            beta.host.wait_pings(inner(1))


for _name, _suite in SUITES.items():
    setattr(OldCipherTest, f"test_{_name}_with_the_original",
            lambda self, suite=_suite: self.with_the_original(*suite))

if __name__ == "__main__":
    explain_cast()
    sandbox.run_tests(jobs=3)
