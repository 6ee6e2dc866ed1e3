# SPDX-License-Identifier: MIT
"""HTTP/2 by hand, for what no library would send."""
import socket
import struct

from harness import SECONDS

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
DATA, HEADERS, PRIORITY, RST_STREAM, SETTINGS, PUSH, PING, GOAWAY, WINDOW_UPDATE, CONTINUATION = range(10)
END_STREAM, ACK, END_HEADERS = 1, 1, 4
RUN = "/packet_streaming.PacketStreaming/Run"
STREAM = "/pcapring.v1.Collector/Stream"
CHECK, WATCH = "/grpc.health.v1.Health/Check", "/grpc.health.v1.Health/Watch"


def frame(kind, flags=0, stream=0, payload=b""):
    return struct.pack(">I", len(payload))[1:] + struct.pack(">BBI", kind, flags, stream) + payload


def text(value):
    """A string of HPACK, without Huffman."""
    raw = value if isinstance(value, bytes) else value.encode()
    if len(raw) < 127:
        return bytes([len(raw)]) + raw
    rest, out = len(raw) - 127, [127]
    while rest >= 128:
        out.append(rest & 127 | 128)
        rest >>= 7
    return bytes([*out, rest]) + raw


def field(name, value):
    """Literal, not indexed, with a new name."""
    return b"\0" + text(name) + text(value)


def request(path, *more):
    return b"".join(field(*pair) for pair in (
        (":method", "POST"), (":scheme", "http"), (":path", path), (":authority", "h"),
        ("te", "trailers"), ("content-type", "application/grpc"), *more))


def headers(stream, path=RUN, *more, flags=END_HEADERS):
    return frame(HEADERS, flags, stream, request(path, *more))


def message(size, data=b""):
    """The beginning of a message that claims so many bytes."""
    return struct.pack(">BI", 0, size) + data


class Connection:
    """A socket that speaks as much HTTP/2 as it is told to."""

    def __init__(self, port, hello=True, source="127.0.0.66"):
        self.socket = socket.create_connection(("127.0.0.1", port), SECONDS, (source, 0))
        self.closed = False
        self.said = b""
        if hello:
            self.send(PREFACE + frame(SETTINGS))

    def send(self, blob):
        """All of it, unless the other end has had enough. -> is it still there?"""
        try:
            self.socket.sendall(blob)
        except TimeoutError:
            raise AssertionError("the collector neither reads nor closes")
        except OSError:
            self.closed = True
        return not self.closed

    def try_send(self, blob, seconds=0.2):
        """As much as goes without waiting long. -> bytes"""
        sent = 0
        self.socket.settimeout(seconds)
        try:
            while sent < len(blob):
                sent += self.socket.send(blob[sent:])
        except TimeoutError:
            pass
        except OSError:
            self.closed = True
        self.socket.settimeout(SECONDS)
        return sent

    def wait_closed(self):
        """Read until the other end closes. -> what it said before"""
        said = b""
        try:
            while True:
                blob = self.socket.recv(65536)
                if not blob:
                    break
                said = (said + blob)[-65536:]
        except TimeoutError:
            raise AssertionError("the connection stays open")
        except OSError:
            pass
        self.closed = True
        return said

    def window(self, stream=0, size=1 << 30):
        return self.send(frame(WINDOW_UPDATE, 0, stream, struct.pack(">I", size)))

    def close(self):
        self.socket.close()


class Windows:
    """How much a connection may send, by what the other end says: RFC 9113, 5.2."""

    def __init__(self, connection):
        self.connection = connection
        self.left = {0: 65535}  # of each stream; 0: of all of them
        self.initial = 65535
        self.unread = b""

    def _take(self, kind, flags, stream, payload):
        if kind == WINDOW_UPDATE:
            self.left[stream] = self.left.get(stream, self.initial) + struct.unpack(">I", payload)[0]
        elif kind == SETTINGS and not flags & ACK:
            for name, value in struct.iter_unpack(">HI", payload):
                if name == 4:   # SETTINGS_INITIAL_WINDOW_SIZE
                    self.initial = value
            self.connection.send(frame(SETTINGS, ACK))

    def read(self):
        """-> is the other end still there?"""
        try:
            blob = self.connection.socket.recv(65536)
        except TimeoutError:
            raise AssertionError("no window opens")
        except OSError:
            blob = b""
        self.unread += blob
        while len(self.unread) >= 9:
            size = int.from_bytes(self.unread[:3], "big")
            if len(self.unread) < 9 + size:
                break
            kind, flags, stream = struct.unpack(">BBI", self.unread[3:9])
            self._take(kind, flags, stream, self.unread[9:9 + size])
            self.unread = self.unread[9 + size:]
        return bool(blob)

    def send(self, stream, blob):
        """As messages of that stream, as windows open. -> is the other end still there?"""
        while blob:
            left = min(self.left[0], self.left.get(stream, self.initial), 16384)
            if left <= 0:
                if not self.read():
                    return False
                continue
            part, blob = blob[:left], blob[left:]
            self.left[0] -= len(part)
            self.left[stream] = self.left.get(stream, self.initial) - len(part)
            if not self.connection.send(frame(DATA, 0, stream, part)):
                return False
        return True
