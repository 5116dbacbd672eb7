"""Runs a program in a world of its own, and tests side by side.

`enter()` moves the whole program into fresh network, mount and process namespaces. What it makes
there (links, routes, mounts, daemons that detach) is out of reach of the machine and vanishes with
the program, even if that is killed with SIGKILL:

    program ─┬─ waits; removes the temporary folder in the end
             └─ process 1 of the new process namespace: collects orphans
                 └─ returns from enter()

`run_tests()` does so for a program of tests, before any of them starts. Tests of one program share
nothing but the folder for keys, hence run in parallel threads.
"""

import ctypes
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
import traceback
import unittest
from concurrent.futures import ThreadPoolExecutor

SKIPPED = 77  # what ctest is told to take for "skipped"
TOOLS = ["ip", "nft", "ping", "nsenter", "unshare", "openssl", "sysctl", "mount"]

_NEW_MOUNTS, _NEW_PROCESSES, _NEW_NETWORK = 0x00020000, 0x20000000, 0x40000000
_DIE_WITH_PARENT = 1  # prctl PR_SET_PDEATHSIG
_libc = ctypes.CDLL(None, use_errno=True)

_folder = None


def folder() -> str:
    """The temporary folder of this run: in memory, private to the program, gone at its end."""
    assert _folder is not None, "only after sandbox.enter()"
    return _folder


def run(command: list[str], **options) -> subprocess.CompletedProcess:
    """Runs a command to its end; AssertionError if it fails."""
    done = subprocess.run(command, capture_output=True, text=True, check=False, **options)
    if done.returncode:
        raise AssertionError(f"{' '.join(command)}: exit {done.returncode}\n"
                             f"{done.stdout}{done.stderr}")
    return done


def run_tests(jobs: int = 4, tools: tuple[str, ...] = ()) -> None:
    """Runs the tests of the calling program, `jobs` at a time, and exits.

    Arguments of the program select tests by their full name or by a part of it. For `tools` see
    enter().
    """
    enter(*tools)
    loaded = unittest.defaultTestLoader.loadTestsFromModule(sys.modules["__main__"])
    wanted = sys.argv[1:]
    tests = [t for t in _flat(loaded) if not wanted or any(w in t.id() for w in wanted)]
    if not tests:
        sys.exit(f"no test is called {' or '.join(wanted)}")
    started = time.monotonic()
    with ThreadPoolExecutor(jobs) as pool:
        results = list(pool.map(_run_one, tests))
    bad = sum(not r.wasSuccessful() for r in results)
    skipped = sum(bool(r.skipped) for r in results)
    print(f"{len(tests)} tests in {time.monotonic() - started:.1f} s: "
          f"{bad} failed, {skipped} skipped", flush=True)
    sys.exit(1 if bad else 0)


def _flat(suite):
    for part in suite:
        if isinstance(part, unittest.TestSuite):
            yield from _flat(part)
        else:
            yield part


_printing = threading.Lock()


def _run_one(test) -> unittest.TestResult:
    result = unittest.TestResult()
    started = time.monotonic()
    try:
        test.run(result)
    except BaseException:  # a thread of the pool would swallow it
        result.errors.append((test, traceback.format_exc()))
    word = "skip" if result.skipped else "ok  " if result.wasSuccessful() else "FAIL"
    with _printing:
        print(f"{word} {time.monotonic() - started:5.1f} s  {test.id().split('.', 1)[1]}")
        for _, reason in result.skipped:
            print(f"     {reason}")
        for _, text in result.failures + result.errors:
            print("     " + text.rstrip().replace("\n", "\n     "))
        sys.stdout.flush()
    return result


def enter(*tools: str) -> None:
    """Returns in a process that has its own namespaces; the process that called never returns.

    `tools` are programs that are needed besides those of TOOLS.
    """
    global _folder
    _check_machine([*TOOLS, *tools])
    _unshare(_NEW_PROCESSES)  # for the children; this process keeps its own
    _folder = tempfile.mkdtemp(prefix=f"tinc-lab-{os.getpid()}-")
    child = os.fork()
    if child:
        sys.exit(_wait_outside(child))
    _libc.prctl(_DIE_WITH_PARENT, signal.SIGKILL)
    os.setpgid(0, 0)  # Ctrl-C is for the process that waits, which ends this one
    _unshare(_NEW_MOUNTS | _NEW_NETWORK)
    for mount in (["--make-rprivate", "/"], ["-t", "proc", "proc", "/proc"],
                  ["-t", "tmpfs", "lab", _folder]):
        subprocess.run(["mount", *mount], check=True)
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
    tests = os.fork()
    if tests:
        os._exit(_collect_orphans(tests))


def _unshare(kinds: int) -> None:
    if _libc.unshare(kinds):
        _skip(f"this machine does not allow new namespaces: {os.strerror(ctypes.get_errno())}")


def _check_machine(tools: list[str]) -> None:
    if os.geteuid() != 0:
        _skip("needs root, to make network namespaces")
    missing = [tool for tool in tools if shutil.which(tool) is None]
    if missing:
        _skip(f"needs these programs: {' '.join(missing)}")
    if not os.path.exists("/dev/net/tun"):
        _skip("needs /dev/net/tun")


def _skip(reason: str) -> None:
    print(f"skipped: {reason}", flush=True)
    sys.exit(SKIPPED)


def _wait_outside(child: int) -> int:
    def leave(number, _frame):
        sys.exit(128 + number)

    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, leave)
    ended = False
    try:
        _, status = os.waitpid(child, 0)
        ended = True
        return os.waitstatus_to_exitcode(status)
    finally:
        if not ended:
            os.kill(child, signal.SIGKILL)  # process 1: the whole namespace goes with it
            os.waitpid(child, 0)
        shutil.rmtree(_folder, ignore_errors=True)


def _collect_orphans(tests: int) -> int:
    while True:
        pid, status = os.wait()
        if pid == tests:
            code = os.waitstatus_to_exitcode(status)
            return code if code >= 0 else 128 - code
