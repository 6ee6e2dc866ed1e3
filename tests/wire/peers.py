# SPDX-License-Identifier: MIT
"""The other end, not ours: gRPC in Python, on generic handlers and raw bytes."""
import os
import queue
import subprocess
import tempfile
import threading
from concurrent import futures

import grpc
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

from harness import SECONDS

HERE = os.path.dirname(os.path.abspath(__file__))
PROTO = os.path.join(HERE, "..", "..", "proto")
METHOD = "/packet_streaming.PacketStreaming/Run"


def _packet_class():
    """The message, from the .proto that others implement."""
    with tempfile.NamedTemporaryFile() as out:
        subprocess.run(["protoc", f"-I{PROTO}", "-I/usr/include", "--include_imports",
                        f"--descriptor_set_out={out.name}", "packet_streaming.proto"],
                       check=True)
        files = descriptor_pb2.FileDescriptorSet.FromString(out.read())
    pool = descriptor_pool.DescriptorPool()
    for file in files.file:
        pool.Add(file)
    descriptor = pool.FindMessageTypeByName("packet_streaming.Packet")
    return message_factory.MessageFactory(pool).GetPrototype(descriptor)


Packet = _packet_class()


def encode(packet, nanoseconds=False):
    """A packet as in savefile.py to a message, both submessages present."""
    sec, frac, wire, data = packet
    message = Packet()
    message.header.SetInParent()
    message.data.SetInParent()
    message.header.ts_sec = sec
    message.header.ts_usec = frac // 1000 if nanoseconds else frac
    if nanoseconds:
        message.header.ts_nsec = frac
    message.header.caplen = len(data)
    message.header.len = wire
    message.data.data = data
    return message.SerializeToString()


class Sensor:
    """One stream to a collector; None in the queue half-closes it."""

    def __init__(self, port, name=None, interface=None, method=METHOD, compression=None,
                 credentials=None, **metadata):
        pairs = [] if name is None else [("pcapring-sensor", name)]
        pairs += [] if interface is None else [("pcapring-interface", interface)]
        pairs += [("pcapring-" + key, str(value)) for key, value in metadata.items()]
        self.queue = queue.SimpleQueue()
        target = port if isinstance(port, str) else f"127.0.0.1:{port}"
        more = {"compression": compression, "options": [("grpc.use_local_subchannel_pool", 1)]}
        self.channel = (grpc.secure_channel(target, credentials, **more) if credentials
                        else grpc.insecure_channel(target, **more))
        self.call = self.channel.stream_unary(method).future(
            iter(self.queue.get, None), metadata=pairs, timeout=SECONDS)

    def send(self, *messages):
        for message in messages:
            self.queue.put(message)
        return self

    def done(self):
        """Half-close, and wait for the answer."""
        self.queue.put(None)
        return self.call.result()

    def status(self):
        """(code, text) of a stream that the collector ends."""
        error = self.call.exception()
        self.queue.put(None)
        return (grpc.StatusCode.OK, "") if error is None else (error.code(), error.details())

    def cancel(self):
        self.call.cancel()
        self.queue.put(None)

    def close(self):
        self.queue.put(None)
        self.channel.close()


class Receiver:
    """A strict receiver: raw messages as they came, and when the sensor half-closed."""

    def __init__(self, port=0, message=None, options=None, credentials=None):
        self.messages = []
        self.message = message          # called with each
        self.metadata = []
        self.calls = 0
        self.halfclosed = threading.Event()
        self.may_answer = threading.Event()
        self.may_answer.set()
        self.server = grpc.server(futures.ThreadPoolExecutor(4), options=options)
        handler = grpc.stream_unary_rpc_method_handler(self._run)
        self.server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(
            "packet_streaming.PacketStreaming", {"Run": handler}),))
        address = f"127.0.0.1:{port}"
        self.port = (self.server.add_secure_port(address, credentials) if credentials
                     else self.server.add_insecure_port(address))
        self.server.start()

    def _run(self, messages, context):
        self.calls += 1
        self.metadata.append(dict(context.invocation_metadata()))
        for message in messages:
            self.messages.append(message)
            if self.message:
                self.message(message)
        self.halfclosed.set()
        self.may_answer.wait(SECONDS)
        return b""                      # google.protobuf.Empty

    def stop(self):
        self.may_answer.set()
        self.server.stop(None)
