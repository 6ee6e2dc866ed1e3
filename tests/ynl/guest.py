#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""
guest.py SPEC SCHEMA TOOL: inside the virtual machine, use the running module by
the specification, with the kernel's own ynl from the folder TOOL: every operation
is called, every attribute is given and read, every notification is received. TAP.
"""
import ctypes
import os
import platform
import select
import struct
import subprocess
import sys
import time
import uuid

SPEC, SCHEMA, TOOL = sys.argv[1:]
sys.path.insert(0, TOOL)
from lib import NlError, YnlFamily  # pylint: disable=import-error,wrong-import-position

LIMIT = float(os.environ.get("PCAPRING_SLOW", 1)) * 30  # seconds, for a notification
ACCEPT_ALL = struct.pack("=HBBI", 6, 0, 0, 0xffff)      # ret #65535
BPF_SYSCALL = {"x86_64": 321, "aarch64": 280}[platform.machine()]
BPF_PROG_LOAD, BPF_PROG_TYPE_SOCKET_FILTER = 5, 1

# For each attribute that a request can have, a value that says more than nothing.
GIVEN = {
    "ifname": "dummy0", "snaplen": 1500, "ring-bytes": 65536, "rings": 2, "steer": "flow",
    "direction": "in", "promisc": 1, "allmulti": 1, "mode": "overwrite",
    "tstamp": "hardware", "sample": 3, "frozen": 1, "filter": ACCEPT_ALL,
    "limit-packets": 1 << 40, "limit-bytes": 1 << 41, "limit-seconds": 1 << 20,
}


def run(*command):
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)


def load_ebpf():
    """A descriptor of `r0 = 65535; exit`."""
    code = ctypes.create_string_buffer(struct.pack("=BBhiBBhi", 0xb7, 0, 0, 65535,
                                                   0x95, 0, 0, 0))
    licence = ctypes.create_string_buffer(b"GPL")
    attributes = ctypes.create_string_buffer(struct.pack(
        "=IIQQ", BPF_PROG_TYPE_SOCKET_FILTER, 2, ctypes.addressof(code),
        ctypes.addressof(licence)), 48)
    libc = ctypes.CDLL(None, use_errno=True)
    fd = libc.syscall(BPF_SYSCALL, BPF_PROG_LOAD, attributes, 48)
    if fd < 0:
        raise OSError(ctypes.get_errno(), "bpf")
    return fd


class Test:
    """What the module said so far, by the sets of the specification."""

    def __init__(self):
        self.family = YnlFamily(SPEC, SCHEMA)
        self.listener = YnlFamily(SPEC, SCHEMA)
        self.listener.ntf_subscribe("events")
        self.called = set()
        self.sent = set()
        self.seen = {name: set() for name in self.family.attr_sets}
        self.events = {}

    def note(self, space, attributes):
        for name, value in attributes.items():
            self.seen[space].add(name)
            nested = self.family.attr_sets[space][name].get("nested-attributes")
            for nest in (value if isinstance(value, list) else [value]) if nested else []:
                self.note(nested, nest)

    def do(self, operation, **attributes):
        attributes = {name.replace("_", "-"): value for name, value in attributes.items()}
        self.called.add(operation)
        reply = self.family.do(operation, attributes)
        self.sent |= {(operation, name) for name in attributes}
        if reply:
            self.note("capture", reply)
        return reply

    def add(self, ifname, **attributes):
        return self.do("new", ifname=ifname, snaplen=1500, ring_bytes=65536, **attributes)

    def delete(self, capture):
        self.do("del", id=capture["id"])

    def wait(self, event, capture):
        """The notification of this kind about the capture."""
        wanted = (event, capture["uuid"])
        deadline = time.monotonic() + LIMIT
        while wanted not in self.events:
            left = deadline - time.monotonic()
            if left <= 0:
                raise TimeoutError(f"no {event}")
            select.select([self.listener.sock], [], [], left)
            self.listener.check_ntf()
            for message in self.listener.async_msg_queue:
                self.note("capture", message["msg"])
                self.events[message["name"], message["msg"]["uuid"]] = message["msg"]
            self.listener.async_msg_queue.clear()
        return self.events.pop(wanted)

    def requests(self, operation):
        return self.family.ops[operation]["do"]["request"]["attributes"]


def same(what, expected, actual):
    assert expected == actual, f"{what}: expected {expected!r}, got {actual!r}"


def given(names):
    return {name: GIVEN[name] for name in names if name in GIVEN}


def holds(capture, attributes):
    for name, value in attributes.items():
        same(name, value, capture[name])


def test_new(test):
    """A capture has what was asked for."""
    wanted = given(test.requests("new"))
    capture = test.do("new", **wanted)
    holds(capture, wanted)
    same("UUID's version", 4, uuid.UUID(capture["uuid"]).version)
    same("rings", [0, 1], [ring["index"] for ring in capture["ring"]])
    holds(test.wait("created-ntf", capture), wanted)
    test.wait("attached-ntf", capture)
    test.delete(capture)
    test.wait("deleted-ntf", capture)


def test_new_ebpf(test):
    fd = load_ebpf()
    capture = test.add("dummy0", filter_fd=fd)
    assert capture["filter-id"] > 0
    test.do("set", id=capture["id"], filter_fd=fd)
    test.delete(capture)


def test_set(test):
    wanted = {**given(test.requests("set")), "snaplen": 50}
    capture = test.add("dummy0")
    test.do("set", id=capture["id"], **wanted)
    holds(test.wait("changed-ntf", capture), wanted)
    holds(test.do("get", id=capture["id"]), wanted)
    test.delete(capture)


def test_get(test):
    """One capture, and all of them, are told alike."""
    captures = [test.add(name) for name in ("dummy0", "lo")]
    ids = [capture["id"] for capture in captures]
    run("ping", "-q", "-n", "-c", "1", "127.0.0.1")
    dump = test.family.dump("get", {})
    same("captures", ids, [capture["id"] for capture in dump])
    same("captures one by one", dump, [test.do("get", id=number) for number in ids])
    captured = dump[1]["stats"]
    assert captured["seen"] == captured["captured"] == 2, captured
    head = sum(ring["head"] for ring in dump[1]["ring"])
    same("head", captured["bytes"] + 16 * captured["captured"], head)
    for capture in captures:
        test.delete(capture)


def test_attached(test):
    """An interface comes and goes, and comes back as another kind."""
    capture = test.add("later0")
    run("ip", "link", "add", "later0", "type", "dummy")
    same("link type", 1, test.wait("attached-ntf", capture)["linktype"])
    run("ip", "link", "del", "later0")
    detached = test.wait("detached-ntf", capture)
    assert detached["reason"] and "ifindex" not in detached, detached
    run("ip", "tuntap", "add", "later0", "mode", "tun")
    assert "link type" in test.wait("detached-ntf", capture)["reason"]
    run("ip", "link", "del", "later0")
    test.delete(capture)


def test_stopped(test):
    capture = test.add("lo", limit_packets=1)
    run("ping", "-q", "-n", "-c", "1", "127.0.0.1")
    stopped = test.wait("stopped-ntf", capture)
    same("frozen", 1, stopped["frozen"])
    assert stopped["reason"]
    test.delete(capture)


def test_refused(test):
    """An operation takes what its list of attributes says, and nothing else."""
    capture = test.add("dummy0")
    for operation in test.family.ops:
        attributes = test.family.attr_sets["capture"]
        for name in set(attributes) - set(test.requests(operation)) - {"pad"}:
            kind = attributes[name].type
            value = {"nest": {}, "binary": b"", "string": "x"}.get(kind, 1)
            need = {"ifname": "dummy0"} if operation == "new" else {"id": capture["id"]}
            try:
                test.family.do(operation, {**need, name: value})
            except NlError as error:
                same(f"{operation} with {name}", -22, error.nl_msg.error)
                same(f"{operation} with {name} refuses", f".{name}",
                     error.nl_msg.extack.get("bad-attr"))
            else:
                raise AssertionError(f"{operation} takes {name}")
    test.delete(capture)


def test_tool(test):
    """The tool as one calls it."""
    capture = test.add("dummy0")
    shown = subprocess.run([sys.executable, f"{TOOL}/cli.py", "--spec", SPEC, "--schema", SCHEMA,
                            "--dump", "get"], check=True, capture_output=True, text=True).stdout
    assert "'ifname': 'dummy0'" in shown, shown
    test.delete(capture)


def test_complete(test):
    """Nothing in the specification was left out above."""
    same("operations", set(test.family.ops), test.called)
    same("attributes given", {(operation, name) for operation in test.family.ops
                              for name in test.requests(operation)}, test.sent)
    replies = set(test.family.ops["get"]["do"]["reply"]["attributes"])
    same("attributes of a capture", replies | {"reason"}, test.seen["capture"])
    for name in set(test.seen) - {"capture"}:
        same(f"attributes of {name}", set(test.family.attr_sets[name]) - {"pad"}, test.seen[name])


TESTS = [
    ("new: each attribute is taken and told", test_new),
    ("new and set: an eBPF filter", test_new_ebpf),
    ("set: each attribute is taken and told", test_set),
    ("get: one capture, and all of them", test_get),
    ("attached and detached are told, with reason", test_attached),
    ("stopped is told, with reason", test_stopped),
    ("an operation takes no other attributes than those listed", test_refused),
    ("the tool shows captures", test_tool),
    ("every operation, attribute and notification was used", test_complete),
]


def main():
    run("modprobe", "dummy")
    run("modprobe", "tun")
    run("modprobe", "pcapring")
    run("ip", "link", "set", "lo", "up")
    run("ip", "link", "add", "dummy0", "up", "type", "dummy")
    test = Test()
    failed = 0
    for number, (name, function) in enumerate(TESTS, 1):
        problem = None
        try:
            function(test)
        except (AssertionError, KeyError, NlError, OSError, subprocess.SubprocessError) as error:
            problem = f"{type(error).__name__}: {error}"
        print(f"{'not ok' if problem else 'ok'} {number} - {name}")
        for line in problem.splitlines() if problem else []:
            print(f"# {line}")
        failed += problem is not None
    print(f"1..{len(TESTS)}")
    return failed > 0


sys.exit(main())
