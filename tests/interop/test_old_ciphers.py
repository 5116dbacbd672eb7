"""Ciphers of OpenSSL's legacy provider, which nodes of long ago have."""

import unittest

import sandbox
from lab import Lab, TINCD, TINCD_PEER, explain_cast, is_reference
from networks import Member, inner, star

OLD = "Cipher = blowfish\nDigest = whirlpool\nMACLength = 16\n"


@unittest.skipIf(is_reference(TINCD), "1.0.36 cannot use them with OpenSSL 3")
class OldCipherTest(unittest.TestCase):

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


if __name__ == "__main__":
    explain_cast()
    sandbox.run_tests(jobs=3)
