# SPDX-License-Identifier: MIT
"""A TCP proxy that breaks connections at random bytes, and holds some up."""
import selectors
import socket
import struct
import threading
import time

PIECE = 16384
LINGER_RESET = struct.pack("ii", 1, 0)


class Way:
    """One direction of a connection."""

    def __init__(self, source, sink):
        self.source = source
        self.sink = sink
        self.waiting = b""
        self.ended = False      # the source said so
        self.until = 0          # nothing moves before

    def moves(self, now):
        return now >= self.until


class Link:
    """
    A connection with both its ends, and what will become of it: at so many
    bytes in one direction it is reset, closed, or stands still.
    """

    def __init__(self, client, server, dice, stalls, early):
        """@early: already in what comes before the first records."""
        self.ways = [Way(client, server), Way(server, client)]
        self.stall = dice.random() < stalls
        self.fault = "stall" if self.stall else dice.choice(("reset", "close"))
        self.direction = dice.randrange(2)
        self.left = (dice.randrange(1000) if early else
                     (1000, 300)[self.direction] +
                     dice.randrange((dice.choice((10000, 2000000)), 1000)[self.direction]))
        self.stalled = dice.choice(((0,), (1,), (0, 1)))
        self.seconds = 5.5 + 2 * dice.random()


class Proxy:
    """
    Listens on @port for as long as the process lives. @stalls: the part of all
    connections that stand still instead of breaking. Once calm() was called, no
    more connections are harmed.
    """

    def __init__(self, port, target, dice, stalls):
        self.target = target
        self.dice = dice
        self.stalls = stalls
        self.counts = {"reset": 0, "close": 0, "stall": 0}
        self.is_calm = False
        self.early = False
        self.ended = False
        self.links = []
        self.selector = selectors.DefaultSelector()
        self.listener = socket.create_server(("127.0.0.1", port), backlog=64)
        self.thread = threading.Thread(target=self._run, daemon=True)
        self.thread.start()

    def calm(self):
        self.is_calm = True

    def close(self):
        self.ended = True
        self.thread.join()
        self.listener.close()
        for link in list(self.links):
            self._drop(link)

    def _run(self):
        self.listener.setblocking(False)
        while not self.ended:
            now = time.monotonic()
            watched = self._watch(now)
            for key, _ in self.selector.select(0.02):
                key.data()
            for sock in watched:
                self.selector.unregister(sock)

    def _watch(self, now):
        """What can move, and who does it. Registered anew each time: few are."""
        wanted = {self.listener: (selectors.EVENT_READ, self._accept)}
        for link in self.links:
            for way in link.ways:
                if not way.moves(now):
                    continue
                if way.waiting:
                    self._want(wanted, way.sink, selectors.EVENT_WRITE, link)
                elif not way.ended:
                    self._want(wanted, way.source, selectors.EVENT_READ, link)
        for sock, (events, action) in wanted.items():
            self.selector.register(sock, events, action)
        return list(wanted)

    def _want(self, wanted, sock, events, link):
        before = wanted.get(sock, (0, None))[0]
        wanted[sock] = (before | events, lambda: self._move(link))

    def _accept(self):
        try:
            client, _ = self.listener.accept()
        except OSError:
            return
        try:
            server = socket.create_connection(("127.0.0.1", self.target), 5)
        except OSError:
            client.close()
            return
        for sock in (client, server):
            sock.setblocking(False)
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        # two early ends, one behind the other, make a relay wait for long
        self.early = not self.early and self.dice.random() < 0.5
        self.links.append(Link(client, server, self.dice, self.stalls, self.early))

    def _move(self, link):
        if link not in self.links:
            return
        try:
            for number, way in enumerate(link.ways):
                if way.moves(time.monotonic()) and not self._pass(link, number, way):
                    return
        except BlockingIOError:
            pass
        except OSError:
            self._drop(link)

    def _pass(self, link, number, way):
        """False: the link is no more."""
        if not way.waiting and not way.ended:
            try:
                way.waiting = way.source.recv(PIECE)
            except BlockingIOError:
                return True
            if not way.waiting:
                way.ended = True
                way.sink.shutdown(socket.SHUT_WR)
        if not way.waiting:
            if all(one.ended for one in link.ways):
                self._drop(link)
                return False
            return True
        limit = len(way.waiting)
        harmful = not self.is_calm and number == link.direction
        if harmful:
            limit = min(limit, link.left)
        sent = 0
        try:
            sent = way.sink.send(way.waiting[:limit]) if limit else 0
        except BlockingIOError:
            return True
        way.waiting = way.waiting[sent:]
        if harmful:
            link.left -= sent
            if not link.left:
                return self._harm(link)
        return True

    def _harm(self, link):
        """False: the link is no more."""
        self.counts[link.fault] += 1
        if link.fault == "stall":
            for number in link.stalled:
                link.ways[number].until = time.monotonic() + link.seconds
            link.fault, link.left = "close", 100000 if link.direction == 0 else 500
            return True
        if link.fault == "reset":
            for way in link.ways:
                way.source.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, LINGER_RESET)
        self._drop(link)
        return False

    def _drop(self, link):
        self.links.remove(link)
        for way in link.ways:
            way.source.close()
