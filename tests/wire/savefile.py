# SPDX-License-Identifier: MIT
"""Savefiles (pcap-savefile(5)) for tests, written and read without libpcap."""
import random
import struct

MAGIC = {6: 0xA1B2C3D4, 9: 0xA1B23C4D}
HEADER_BYTES = 24


def header(order="<", resolution=6, snaplen=262144, linktype=1):
    return struct.pack(order + "IHHiIII", MAGIC[resolution], 2, 4, 0, 0,
                       snaplen, linktype)


def record(packet, order="<"):
    """packet: (seconds, fraction, length on the wire, bytes)."""
    sec, frac, wire, data = packet
    return struct.pack(order + "IIII", sec, frac, len(data), wire) + data


def build(packets, order="<", resolution=6, snaplen=262144, linktype=1):
    return header(order, resolution, snaplen, linktype) + b"".join(
        record(packet, order) for packet in packets)


def parse(blob):
    """-> (resolution, snaplen, linktype, packets); native order only."""
    magic, major, minor, _, _, snaplen, linktype = struct.unpack_from(
        "=IHHiIII", blob)
    assert (major, minor) == (2, 4), (major, minor)
    resolution = {value: key for key, value in MAGIC.items()}[magic]
    packets, at = [], HEADER_BYTES
    while at < len(blob):
        sec, frac, caplen, wire = struct.unpack_from("=IIII", blob, at)
        data = blob[at + 16:at + 16 + caplen]
        assert len(data) == caplen, f"torn record at {at}"
        packets.append((sec, frac, wire, data))
        at += 16 + caplen
    return resolution, snaplen, linktype, packets


def packets(count, resolution=6, snaplen=262144, sizes=(0, 1, 42, 60, 1514, 9000),
            seed=1):
    """Like traffic, but the same at every run; some of zero length."""
    dice = random.Random(seed)
    out = []
    for n in range(count):
        size = sizes[n % len(sizes)]
        kept = min(size, snaplen)
        fraction = dice.choice((0, 1, 10 ** resolution - 1,
                                dice.randrange(10 ** resolution)))
        out.append((1700000000 + n, fraction, size, dice.randbytes(kept)))
    return out
