# SPDX-License-Identifier: MIT
"""A sensor of pcapring.v1 that is not ours: from the .proto file alone."""
import os
import queue
import struct
import subprocess
import sys
import tempfile
import threading

import grpc
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

from harness import SECONDS

HERE = os.path.dirname(os.path.abspath(__file__))
PROTO = os.path.join(HERE, "..", "..", "proto")
METHOD = "/pcapring.v1.Collector/Stream"
NATIVE = "<" if sys.byteorder == "little" else ">"


def _messages():
    with tempfile.NamedTemporaryFile() as out:
        subprocess.run(["protoc", f"-I{PROTO}", "--include_imports",
                        f"--descriptor_set_out={out.name}", "pcapring/v1/records.proto"],
                       check=True)
        files = descriptor_pb2.FileDescriptorSet.FromString(out.read())
    pool = descriptor_pool.DescriptorPool()
    for file in files.file:
        pool.Add(file)
    factory = message_factory.MessageFactory(pool)
    return [factory.GetPrototype(pool.FindMessageTypeByName("pcapring.v1." + name))
            for name in ("FromSensor", "FromCollector")]


FromSensor, FromCollector = _messages()


def identity(text):
    """16 bytes that say who it is."""
    return text.encode().ljust(16, b".")[:16]


class Ring:
    """A ring of a capture: its bytes are what records() made, from offset 0 on."""

    def __init__(self, blob=b"", **hello):
        self.blob = blob
        self.tail = 0
        self.sent = 0
        self.generation = 0
        self.collector = b""
        self.hello = {"boot_id": identity("boot"), "capture": identity("capture"), "ring": 0,
                      "ring_count": 1, "ring_bytes": 1 << 23, "sensor": "s", "host": "h",
                      "interface": "eth0", "linktype": 1, "snaplen": 262144, "version": "0",
                      **hello}

    def fields(self, **change):
        self.generation += 1
        return {**self.hello, "tail": self.tail, "head": len(self.blob), "sent": self.sent,
                "generation": self.generation, "collector": self.collector, **change}


def records(packets, order="<", resolution=9):
    """What a ring holds; packets as in savefile.py."""
    del resolution
    return b"".join(struct.pack(order + "IIII", sec, frac, len(data), wire) + data
                    for sec, frac, wire, data in packets)


class Stream:
    """A call for a ring. None in the queue half-closes it."""

    def __init__(self, port, ring, hello=True, /, credentials=None, metadata=(), **change):
        self.ring = ring
        self.queue = queue.SimpleQueue()
        target, options = f"127.0.0.1:{port}", [("grpc.use_local_subchannel_pool", 1)]
        self.channel = (grpc.secure_channel(target, credentials, options) if credentials
                        else grpc.insecure_channel(target, options))
        self.call = self.channel.stream_stream(METHOD)(
            iter(self.queue.get, None), timeout=SECONDS, metadata=metadata)
        self.news = threading.Condition()
        self.welcomes, self.acks = [], []
        self.ended = None
        self.position = None
        threading.Thread(target=self._receive, daemon=True).start()
        if hello:
            self.say_hello(**change)

    def _receive(self):
        ended = (grpc.StatusCode.OK, "")
        try:
            for blob in self.call:
                message = FromCollector.FromString(blob)
                with self.news:
                    if message.HasField("welcome"):
                        self.welcomes.append(message.welcome)
                    else:
                        self.acks.append(message.ack.offset)
                    self.news.notify_all()
        except grpc.RpcError as error:
            ended = (error.code(), error.details())
        with self.news:
            self.ended = ended
            self.news.notify_all()

    def wait(self, condition, what):
        with self.news:
            if not self.news.wait_for(lambda: condition() or self.ended, SECONDS):
                raise AssertionError(f"not within {SECONDS:g} s: {what}")
            if not condition():
                raise AssertionError(f"no {what}, the call ended: {self.ended}")

    def say_hello(self, **change):
        message = FromSensor()
        for name, value in self.ring.fields(**change).items():
            setattr(message.hello, name, value)
        message.hello.SetInParent()
        self.queue.put(message.SerializeToString())

    def welcome(self):
        """Wait for it, and do what it says."""
        self.wait(lambda: self.welcomes, "Welcome")
        welcome = self.welcomes[0]
        self.ring.collector = welcome.collector
        self.ring.tail = max(self.ring.tail, welcome.offset)
        self.position = self.ring.tail
        return welcome

    def raw(self, blob):
        self.queue.put(blob)

    def records(self, offset, data, **fields):
        message = FromSensor()
        message.records.offset = offset
        message.records.data = data
        for name, value in fields.items():
            setattr(message.records, name, value)
        message.records.SetInParent()
        self.queue.put(message.SerializeToString())

    def send(self, end=None, step=None, **fields):
        """Send the ring's bytes from where it is on, cut every step bytes."""
        end = len(self.ring.blob) if end is None else end
        step = step or max(end - self.position, 1)
        while self.position < end:
            data = self.ring.blob[self.position:min(end, self.position + step)]
            self.records(self.position, data, **fields)
            self.position += len(data)
        self.ring.sent = max(self.ring.sent, self.position)
        return self

    def acked(self, offset):
        """Wait until so much is acknowledged, and free it."""
        self.wait(lambda: self.acks and self.acks[-1] >= offset, f"Ack of {offset}")
        self.ring.tail = self.acks[-1]

    def finish(self):
        """Half-close, and wait for OK."""
        self.queue.put(None)
        self.status(grpc.StatusCode.OK)
        if self.acks:
            self.ring.tail = self.acks[-1]
        self.channel.close()

    def status(self, code):
        """Wait for the end with this code. -> the text."""
        with self.news:
            if not self.news.wait_for(lambda: self.ended, SECONDS):
                raise AssertionError(f"no end of the call within {SECONDS:g} s")
        if self.ended[0] != code:
            raise AssertionError(f"the call ended with {self.ended}, want {code}")
        self.queue.put(None)
        return self.ended[1]

    def cancel(self):
        self.call.cancel()
        self.queue.put(None)
        self.channel.close()


class Capture:
    """A capture of several rings, which share its packets in turn."""

    def __init__(self, some, count, **hello):
        self.rings = [Ring(records(some[n::count], NATIVE), ring=n, ring_count=count, **hello)
                      for n in range(count)]

    def streams(self, port):
        streams = [Stream(port, ring) for ring in self.rings]
        for stream in streams:
            stream.welcome()
        return streams
