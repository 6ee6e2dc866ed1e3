# SPDX-License-Identifier: MIT
"""grpc.health.v1, asked by a client that is not ours."""
import subprocess
import tempfile

import grpc
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

import files
import files_full
import savefile
from collector import start, stream
from harness import SECONDS, case, same, until
from records_peer import PROTO, Ring, records
from tls import Authority, collector, pair
from trust import configure, digest, proof

SERVING, NOT_SERVING, SERVICE_UNKNOWN = 1, 2, 3
SERVICES = "", "packet_streaming.PacketStreaming", "pcapring.v1.Collector"


def _messages():
    with tempfile.NamedTemporaryFile() as out:
        subprocess.run(["protoc", f"-I{PROTO}", f"--descriptor_set_out={out.name}",
                        "grpc/health/v1/health.proto"], check=True)
        files = descriptor_pb2.FileDescriptorSet.FromString(out.read())
    pool = descriptor_pool.DescriptorPool()
    for file in files.file:
        pool.Add(file)
    factory = message_factory.MessageFactory(pool)
    return [factory.GetPrototype(pool.FindMessageTypeByName("grpc.health.v1." + name))
            for name in ("HealthCheckRequest", "HealthCheckResponse")]


Request, Response = _messages()


class Client:
    def __init__(self, port, credentials=None):
        target, options = f"127.0.0.1:{port}", [("grpc.use_local_subchannel_pool", 1)]
        self.channel = (grpc.secure_channel(target, credentials, options) if credentials
                        else grpc.insecure_channel(target, options))
        codec = Request.SerializeToString, Response.FromString
        self._check = self.channel.unary_unary("/grpc.health.v1.Health/Check", *codec)
        self._watch = self.channel.unary_stream("/grpc.health.v1.Health/Watch", *codec)

    def check(self, service):
        return self._check(Request(service=service), timeout=SECONDS).status

    def watch(self, service):
        return self._watch(Request(service=service), timeout=SECONDS)


def code(function, *args):
    try:
        return function(*args)
    except grpc.RpcError as error:
        return error.code()


@case("health: Check and Watch tell that it serves, and do not know what is not here")
def _(folder):
    program, port = start(folder("x.pcap"))
    client = Client(port)
    watches = []
    for service in SERVICES:
        same(client.check(service), SERVING, f"Check of '{service}'")
        watches.append(client.watch(service))
        same(next(watches[-1]).status, SERVING, f"Watch of '{service}'")
    for service in ("pcapring.v1", "packet_streaming.PacketStreaming/Run", "x" * 200):
        same(code(client.check, service), grpc.StatusCode.NOT_FOUND, f"Check of '{service}'")
        same(next(client.watch(service)).status, SERVICE_UNKNOWN, f"Watch of '{service}'")
    same(code(client.check, "x" * 600), grpc.StatusCode.INVALID_ARGUMENT, "Check of a long name")
    stream(port, savefile.packets(5), "s", "eth0")
    program.signal(15)
    for watch in watches:
        same(next(watch).status, NOT_SERVING, "Watch while it stops")
        same(code(next, watch), grpc.StatusCode.UNAVAILABLE, "Watch's end")
    program.wait(0)


@case("health: calls that are no requests, and watchers that go, leave nothing behind")
def _(folder):
    program, port = start(folder("x.pcap"), options=("--max-streams", "1"))
    client = Client(port)
    raw = client.channel.stream_stream("/grpc.health.v1.Health/Check")
    same(code(lambda: list(raw(iter([b"\xff\xff"])))), grpc.StatusCode.INVALID_ARGUMENT, "garbage")
    same(code(lambda: list(raw(iter([])))), grpc.StatusCode.INVALID_ARGUMENT, "no message")
    for _ in range(1200):       # more than may be there at a time
        watch = client.watch("")
        same(next(watch).status, SERVING, "Watch")
        watch.cancel()
    same(client.check(""), SERVING, "Check")
    stream(port, savefile.packets(5), "s", "eth0")
    program.stop()


@case("health: nobody has to be a sensor to ask")
def _(folder):
    ca = Authority(folder, "ca")
    program, port = collector(folder, *pair(*ca.issue("collector")), *configure(
        folder, f"[sensor s]\ntoken-sha256 = {digest('x')}\n"))
    credentials, _ = proof(ca)
    same(Client(port, credentials).check(""), SERVING, "Check")
    program.stop()


@case("health: it does not serve while the disk is full, and watchers hear of both")
@files_full.on_tmpfs("1m")
def _(folder):
    path = folder("small", "d")
    some = savefile.packets(1500, 9, sizes=(1000,))
    program, port = files.start(path)
    client = Client(port)
    watch = client.watch("pcapring.v1.Collector")
    same(next(watch).status, SERVING, "Watch")
    ring = Ring(records(some))
    same(files_full.try_to_send(port, ring), False, "room")
    same(next(watch).status, NOT_SERVING, "Watch, the disk is full")
    same(client.check(""), NOT_SERVING, "Check")
    subprocess.run(["mount", "-o", "remount,size=8m", folder("small")], check=True)
    until(lambda: files_full.try_to_send(port, ring), "room again")
    same(next(watch).status, SERVING, "Watch, there is room again")
    program.stop()
