# SPDX-License-Identifier: MIT
"""A collector of pcapring.v1 that is not ours, made from the .proto file alone."""
import os
import queue
import subprocess
import sys
import tempfile
import threading
from concurrent import futures

import grpc
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

from harness import SECONDS

HERE = os.path.dirname(os.path.abspath(__file__))
PROTO = os.path.join(HERE, "..", "..", "proto")


def _classes(*names):
    with tempfile.NamedTemporaryFile() as out:
        subprocess.run(["protoc", f"-I{PROTO}", f"--descriptor_set_out={out.name}",
                        "pcapring/v1/records.proto"], check=True)
        files = descriptor_pb2.FileDescriptorSet.FromString(out.read())
    pool = descriptor_pool.DescriptorPool()
    for file in files.file:
        pool.Add(file)
    factory = message_factory.MessageFactory(pool)
    return [factory.GetPrototype(pool.FindMessageTypeByName(f"pcapring.v1.{name}"))
            for name in names]


FromSensor, FromCollector = _classes("FromSensor", "FromCollector")


class Closed(Exception):
    """The sensor half-closed, or the call is over."""


class Call:
    """One call, from the collector's side: what a script does with it."""

    def __init__(self, messages, context):
        self.context = context
        self.out = queue.SimpleQueue()
        self.incoming = queue.SimpleQueue()
        self.over = threading.Event()
        self.hello = None
        self.raw = []                   # messages as they came
        context.add_callback(self._end)
        threading.Thread(target=self._read, args=(messages,), daemon=True).start()

    def _read(self, messages):
        try:
            for message in messages:
                self.incoming.put(message)
        except Exception:               # the call was cancelled
            pass
        self.incoming.put(None)

    def _end(self):
        self.over.set()
        self.out.put(None)

    def next(self):
        """The next message, taken apart."""
        raw = self.incoming.get(timeout=SECONDS)
        if raw is None:
            raise Closed
        self.raw.append(raw)
        return FromSensor.FromString(raw)

    def records(self):
        message = self.next()
        assert message.WhichOneof("message") == "records", message
        return message.records

    def silent(self):
        """Did nothing more come so far?"""
        return self.incoming.empty()

    def welcome(self, offset, collector=b"c" * 16, **fields):
        message = FromCollector()
        message.welcome.offset = offset
        message.welcome.collector = collector
        for key, value in {"durable": True, **fields}.items():
            setattr(message.welcome, key, value)
        self.out.put(message.SerializeToString())

    def ack(self, offset):
        message = FromCollector()
        message.ack.SetInParent()
        message.ack.offset = offset
        self.out.put(message.SerializeToString())

    def end(self, code=grpc.StatusCode.OK, text=""):
        self.out.put((code, text))

    def wait_over(self):
        assert self.over.wait(SECONDS), "the call does not end"


class Server(grpc.GenericRpcHandler):
    """
    Each call goes to the next script, the last script takes all others. The
    first @unknown calls are answered with UNIMPLEMENTED, as by a receiver of
    packet_streaming, whose Run is always on its way out.
    """

    def __init__(self, *scripts, port=0, unknown=0, options=None):
        self.scripts = list(scripts)
        self.unknown = unknown
        self.methods = []
        self.calls = []
        self.failures = []
        self.lock = threading.Lock()
        self.server = grpc.server(futures.ThreadPoolExecutor(16), options=options)
        self.server.add_generic_rpc_handlers((self,))
        self.port = self.server.add_insecure_port(f"127.0.0.1:{port}")
        self.server.start()

    def service(self, details):
        with self.lock:
            self.methods.append(details.method)
            known = len(self.methods) > self.unknown
        if details.method == "/packet_streaming.PacketStreaming/Run":
            return grpc.stream_unary_rpc_method_handler(self._run)
        if details.method == "/pcapring.v1.Collector/Stream" and known:
            return grpc.stream_stream_rpc_method_handler(self._stream)
        return None

    @staticmethod
    def _run(_messages, context):
        context.abort(grpc.StatusCode.UNAVAILABLE, "an upgrade")

    def _script(self, script, call):
        try:
            call.hello = call.next().hello
            script(call)
        except Closed:
            call.end()
        except Exception as error:      # of the test's own, told at its end
            self.failures.append(repr(error))
            call.end(grpc.StatusCode.INTERNAL, repr(error)[:200])

    def _stream(self, messages, context):
        call = Call(messages, context)
        with self.lock:
            self.calls.append(call)
            script = self.scripts.pop(0) if len(self.scripts) > 1 else self.scripts[0]
        threading.Thread(target=self._script, args=(script, call), daemon=True).start()
        while True:
            message = call.out.get()
            if message is None:
                return
            if isinstance(message, tuple):
                if message[0] != grpc.StatusCode.OK:
                    context.abort(*message)
                return
            yield message

    def stop(self):
        self.server.stop(None).wait()
        assert not self.failures, self.failures


class Holder:
    """A script: a collector that keeps what comes, of one epoch, in memory."""

    def __init__(self, collector=b"c" * 16):
        self.collector = collector
        self.data = bytearray()
        self.base = None                # offset of the first byte
        self.marks = []                 # complete_until, as told
        self.hellos = []
        self.walked = 0                 # bytes that are whole records

    def end(self):
        return self.base + len(self.data)

    def take(self, records):
        assert records.offset == self.end(), (records.offset, self.end())
        self.data += records.data
        self.marks.append(records.complete_until)

    def begin(self, call):
        self.hellos.append(call.hello)
        if self.base is None:
            self.base = call.hello.tail
            call.welcome(self.base, self.collector, new_epoch=True)
        else:
            call.welcome(self.end(), self.collector)

    def __call__(self, call):
        self.begin(call)
        while True:
            self.take(call.records())
            call.ack(self.boundary())

    def boundary(self):
        """The end of the last whole record."""
        at = self.walked
        while at + 16 <= len(self.data):
            end = at + 16 + int.from_bytes(self.data[at + 8:at + 12], sys.byteorder)
            if end > len(self.data):
                break
            at = end
        self.walked = at
        return self.base + at
