"""Networks that several test programs use.

`star` is the usual one: nodes on one switch, each with one inner IPv4 and one inner IPv6 address.

    alpha 10.99.0.1 ──┐            inside the tunnel: alpha 10.1.0.1, fd01::1
    beta  10.99.0.2 ──┼─ switch                       beta  10.1.0.2, fd01::2 …
    gamma 10.99.0.3 ──┘
"""

import dataclasses
import os

from lab import Key, Lab, Tinc, TINCD, TINCD_11, TINCD_PEER, up_script

# Who plays four nodes in a row: two of each kind, and each place is once ours and once theirs.
CASTS = {"us_first": (TINCD, TINCD_PEER, TINCD, TINCD_PEER),
         "peer_first": (TINCD_PEER, TINCD, TINCD_PEER, TINCD)}
# With keys of both kinds, hence with SPTPS.
MODERN_CASTS = {"new_second": (TINCD, TINCD_11, TINCD, TINCD_11),
                "new_first": (TINCD_11, TINCD, TINCD_11, TINCD),
                "us_alone": (TINCD, TINCD, TINCD, TINCD)}


def each_cast(scenario):
    """A test for each cast, made by expand(): scenario(self, cast) gets its programs."""
    scenario.casts = CASTS
    return scenario


def each_cast_old_and_new(scenario):
    scenario.casts = CASTS | MODERN_CASTS
    return scenario


def expand(case):
    """Makes test_NAME_with_CAST of every function under each_cast."""
    for name, scenario in list(vars(case).items()):
        for who, cast in getattr(scenario, "casts", {}).items():
            setattr(case, f"test_{name}_with_{who}",
                    lambda self, run=scenario, cast=cast: _play(self, run, cast))
    return case


def _play(case, scenario, cast: tuple[str, ...]) -> None:
    if TINCD_11 in cast and not os.path.exists(TINCD_11):
        case.skipTest(f"needs {TINCD_11}, see get-peers")
    scenario(case, cast)


@dataclasses.dataclass
class Member:
    """One node of a star: which program, which settings, whom it calls."""

    name: str
    program: str = TINCD
    host_file: str = ""  # further lines of its own hosts/NAME
    tinc_conf: str = ""  # further lines of tinc.conf
    connect_to: tuple[str, ...] = ()
    key: Key | None = None  # None: some key of 2048 bits
    speaks_11: bool = False  # it has an Ed25519 key, too


def modern(name: str, program: str = TINCD, host_file: str = "", tinc_conf: str = "",
           connect_to: tuple[str, ...] = ()) -> Member:
    """A node with both kinds of keys that keeps to the connections it is told."""
    return Member(name, program, host_file, "AutoConnect = no\n" + tinc_conf, connect_to,
                  speaks_11=True)


def outer(number: int) -> str:
    """The address of the number-th member on the switch, counted from 1."""
    return f"10.99.0.{number}"


def outer6(number: int) -> str:
    return f"fd99::{number}"


def inner(number: int) -> str:
    """The address of the number-th member inside the tunnel."""
    return f"10.1.0.{number}"


def inner6(number: int) -> str:
    return f"fd01::{number}"


def star(lab: Lab, *members: Member, underlay: int = 4, mtu: int = 1500,
         inner_mtu: int = 1400) -> list[Tinc]:
    """Builds and configures a star without starting a daemon; everybody has every host file."""
    switch = lab.switch("switch")
    nodes = []
    for number, member in enumerate(members, 1):
        host = lab.host(member.name)
        lab.cable(host, switch, [f"{outer(number)}/24", f"{outer6(number)}/64"], mtu=mtu)
        nodes.append(configure(host, number, member, underlay, inner_mtu))
    for node in nodes:
        node.learn(*(other for other in nodes if other is not node))
    return nodes


def configure(host, number: int, member: Member, underlay: int = 4, inner_mtu: int = 1400) -> Tinc:
    """Writes the files of the number-th member."""
    node = Tinc(host, member.program)
    calls = "".join(f"ConnectTo = {name}\n" for name in member.connect_to)
    node.write("tinc.conf", f"Name = {member.name}\nInterface = vpn0\n{calls}{member.tinc_conf}")
    address = outer(number) if underlay == 4 else outer6(number)
    node.write(f"hosts/{member.name}", f"Address = {address}\nSubnet = {inner(number)}/32\n"
               f"Subnet = {inner6(number)}/128\n{member.host_file}")
    node.use_key(member.key or Key.of(2048, number))
    if member.speaks_11:
        node.use_ed25519_key(number)
    node.script("tinc-up", up_script(f"{inner(number)}/24", f"{inner6(number)}/64", mtu=inner_mtu))
    return node
