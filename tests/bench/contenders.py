"""Who is measured: tincpp, the original tinc, other VPNs, and the bare link.

A contender turns hosts (see underlay.py) into a network: it starts a daemon on each and returns
when packets of full size take their final way. All give their interface the same addresses and MTU.
"""

import dataclasses
import os
import re
import shutil
import subprocess
from collections.abc import Callable

from lab import PEERS, TINCD, TINCD_11, TINCD_PEER, Daemon, Host, wait_until
from networks import Member, configure, inner, outer

INNER_MTU = 1400
FULL_FRAME = INNER_MTU + 14  # what tinc counts: with the Ethernet header
WIREGUARD_GO = os.path.join(PEERS, "wireguard-go", "wireguard-go")


@dataclasses.dataclass(frozen=True)
class Contender:
    """One row of the table."""

    name: str
    about: str
    start: Callable[[list[Host]], list[Daemon]]  # the daemons, in the order of the hosts
    programs: tuple[str, ...] = ()
    base: str | None = None  # whose numbers this row is divided by
    can_relay: bool = True
    address: Callable[[int], str] = inner  # of the number-th host

    def missing(self) -> list[str]:
        return [program for program in self.programs if not shutil.which(program)]


@dataclasses.dataclass
class Network:
    """A contender under way."""

    hosts: list[Host]
    daemons: list[Daemon]
    address: str  # of the last host

    @staticmethod
    def of(contender: Contender, hosts: list[Host]) -> "Network":
        daemons = contender.start(hosts)
        network = Network(hosts, daemons, contender.address(len(hosts)))
        hosts[0].wait_pings(network.address, "-s", str(INNER_MTU - 28), "-M", "do", count=5)
        return network


def tinc(sender: str, receiver: str, *, speaks_11: bool = False,
         host_file: str = "", tinc_conf: str = "") -> Callable[[list[Host]], list[Daemon]]:
    """Two programs; the ends call the relay, or the sender the receiver."""

    def start(hosts: list[Host]) -> list[Daemon]:
        hub = hosts[1].name
        programs = [sender] * (len(hosts) - 1) + [receiver]
        nodes = []
        for number, (host, program) in enumerate(zip(hosts, programs), 1):
            calls = (hub, ) if host.name != hub else ()
            nodes.append(configure(host, number, Member(
                host.name, program, host_file, tinc_conf, connect_to=calls, speaks_11=speaks_11),
                inner_mtu=INNER_MTU))
        for node in nodes:
            node.learn(*(other for other in nodes if other is not node))
        for node in nodes[1:] + nodes[:1]:
            node.start(debug=0)
        for one, other in zip(nodes, nodes[1:]):
            one.wait_udp(other.name, at_least=FULL_FRAME)
            other.wait_udp(one.name, at_least=FULL_FRAME)
        return [node.daemon for node in nodes]

    return start


def wireguard(hosts: list[Host]) -> list[Daemon]:
    """The relay is a router between two tunnels."""
    private = [host.run("wg", "genkey") for host in hosts]
    public = [host.run("wg", "pubkey", input=key).strip() for host, key in zip(hosts, private)]
    last = len(hosts) - 1
    daemons = []
    for at, host in enumerate(hosts):
        daemons.append(Daemon(host, [WIREGUARD_GO, "-f", "vpn0"], dict(os.environ)))
        wait_until(lambda h=host: h.attempt("wg", "show", "vpn0").returncode == 0,
                   f"{host.name} has a tunnel")
        command = ["wg", "set", "vpn0", "private-key", "/dev/stdin", "listen-port", "51820"]
        for peer in {at - 1, at + 1} & set(range(len(hosts))):
            behind = range(peer, last + 1) if peer > at else range(peer + 1)
            command += ["peer", public[peer], "endpoint", f"{outer(peer + 1)}:51820",
                        "allowed-ips", ",".join(f"{inner(b + 1)}/32" for b in behind)]
        host.run(*command, input=private[at])
        host.ip(f"link set vpn0 up mtu {INNER_MTU}", f"addr add {inner(at + 1)}/24 dev vpn0")
        if 0 < at < last:
            host.run("sysctl", "-qw", "net.ipv4.ip_forward=1")
    return daemons


def openvpn(hosts: list[Host]) -> list[Daemon]:
    """The relay, or the receiver, is the server."""
    prints = [_certificate(host) for host in hosts]
    server = hosts[1]
    common = ["openvpn", "--dev", "vpn0", "--dev-type", "tun", "--topology", "subnet",
              "--proto", "udp4", "--tun-mtu", str(INNER_MTU), "--data-ciphers", "AES-256-GCM",
              "--disable-dco", "--verb", "3"]
    daemons = {}
    for host in [server] + [h for h in hosts if h is not server]:
        own = ["--cert", os.path.join(host.folder, "certificate"),
               "--key", os.path.join(host.folder, "key")]
        if host is server:
            clients = os.path.join(host.folder, "clients")
            os.mkdir(clients)
            for number, client in enumerate(hosts, 1):
                with open(os.path.join(clients, client.name), "w", encoding="ascii") as file:
                    file.write(f"ifconfig-push {inner(number)} 255.255.255.0\n")
            own += ["--mode", "server", "--tls-server", "--dh", "none", "--client-to-client",
                    "--ifconfig", inner(2), "255.255.255.0", "--push", "topology subnet",
                    "--client-config-dir", clients]
            known = [p for h, p in zip(hosts, prints) if h is not server]
        else:
            own += ["--tls-client", "--pull", "--nobind", "--remote", outer(2)]
            known = [prints[1]]
        own += [word for p in known for word in ("--peer-fingerprint", p)]
        daemons[host.name] = Daemon(host, common + own, dict(os.environ))
        daemons[host.name].wait_log("Initialization Sequence Completed")
    return [daemons[host.name] for host in hosts]


def _certificate(host: Host) -> str:
    """Makes a key and a certificate that the host signs itself; returns its fingerprint."""
    certificate = os.path.join(host.folder, "certificate")
    host.run("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256",
             "-noenc", "-days", "1", "-subj", f"/CN={host.name}", "-out", certificate,
             "-keyout", os.path.join(host.folder, "key"))
    told = host.run("openssl", "x509", "-fingerprint", "-sha256", "-noout", "-in", certificate)
    return told.strip().split("=")[1]


CONTENDERS = (
    Contender("none", "the bare link, no VPN", lambda _hosts: [], can_relay=False, address=outer),
    Contender("ours-legacy", "tincpp, RSA keys alone: protocol 1.0, AES-256-CBC and SHA256",
              tinc(TINCD, TINCD), (TINCD, ), "tinc-1.0"),
    Contender("tinc-1.0", "the original 1.0, defaults",
              tinc(TINCD_PEER, TINCD_PEER), (TINCD_PEER, )),
    Contender("ours-sptps", "tincpp, Ed25519 keys: protocol 1.1, ChaCha20-Poly1305",
              tinc(TINCD, TINCD, speaks_11=True), (TINCD, ), "tinc-1.1"),
    Contender("tinc-1.1", "the original 1.1, Ed25519 keys",
              tinc(TINCD_11, TINCD_11, speaks_11=True), (TINCD_11, )),
    Contender("ours-plain", "tincpp, protocol 1.0 with Cipher = none and Digest = none",
              tinc(TINCD, TINCD, host_file="Cipher = none\nDigest = none\n"), (TINCD, ),
              "tinc-1.0"),
    Contender("ours-legacy-2", "as ours-legacy, with DataWorkers = 2",
              tinc(TINCD, TINCD, tinc_conf="DataWorkers = 2\n"), (TINCD, ), "tinc-1.0"),
    Contender("ours-sptps-2", "as ours-sptps, with DataWorkers = 2",
              tinc(TINCD, TINCD, speaks_11=True, tinc_conf="DataWorkers = 2\n"), (TINCD, ),
              "tinc-1.1"),
    Contender("wireguard-go", "WireGuard in user space", wireguard, (WIREGUARD_GO, "wg")),
    Contender("openvpn", "OpenVPN in user space, AES-256-GCM", openvpn, ("openvpn", )),
    Contender("ours-to-1.0", "tincpp sends, the original 1.0 receives",
              tinc(TINCD, TINCD_PEER), (TINCD, TINCD_PEER), "tinc-1.0", can_relay=False),
    Contender("1.0-to-ours", "the original 1.0 sends, tincpp receives",
              tinc(TINCD_PEER, TINCD), (TINCD, TINCD_PEER), "tinc-1.0", can_relay=False),
    Contender("ours-to-1.1", "tincpp sends, the original 1.1 receives",
              tinc(TINCD, TINCD_11, speaks_11=True), (TINCD, TINCD_11), "tinc-1.1",
              can_relay=False),
    Contender("1.1-to-ours", "the original 1.1 sends, tincpp receives",
              tinc(TINCD_11, TINCD, speaks_11=True), (TINCD, TINCD_11), "tinc-1.1",
              can_relay=False),
)


def version(program: str) -> str:
    """The first line of what a program says of itself; those that know no --version say nothing."""
    told = subprocess.run([program, "--version"], capture_output=True, text=True, check=False)
    found = re.match("[^\n]+", told.stdout + told.stderr)
    return found[0] if found else "unknown"
