#!/bin/bash
# SPDX-License-Identifier: MIT
#
# One packet in N is captured, exactly, in each ring; the others are counted.

. "$(dirname "$0")/lib.sh"

sampled_are() { # CAPTURED SAMPLED [RING]
	local of=${3:+.rings[$3]}

	same "captured and sampled ${3:+of ring $3}" "$1 $2" \
		"$(judged "$capture" "$of.stats | \"\(.captured) \(.sampled)\"")"
}

# The first, and each tenth after it.
one_in_ten() {
	capture_add left0 rings 1 ring-bytes 256k snaplen 1500 sample 10
	traffic $SILENT 995
	sampled_are 100 895
	same "seen" 995 "$(shown "$capture" seen)"
	capture_drain "$capture" drained.pcap
	savefile sequence drained.pcap > numbers
	seq 0 10 994 | cmp - numbers
}

each_ring() {
	local ring

	capture_add left0 rings 2 ring-bytes 256k snaplen 1500 sample 7
	traffic -c 2 $SILENT 140
	for ring in 0 1; do
		sampled_are 10 60 $ring
	done
}

# Another number of packets, under way.
changed() {
	capture_add left0 rings 1 ring-bytes 256k snaplen 1500 sample 1000
	traffic $SILENT 10
	sampled_are 1 9
	pcapring set "$capture" sample 2
	traffic $SILENT 10
	sampled_are 6 14
	pcapring set "$capture" sample 1
	traffic $SILENT 10
	sampled_are 16 14
}

# What a filter refuses does not count; what finds no room had its turn.
after_filter_before_room() {
	capture_add left0 rings 1 ring-bytes 4k snaplen 1000 sample 4 filter "udp dst port 9"
	traffic -p 10 -s 30 $SILENT 50
	traffic -p 9 -s 900 $SILENT 40
	same "filtered" 50 "$(shown "$capture" filtered)"
	sampled_are 4 30
	same "dropped" 6 "$(shown "$capture" dropped)"
}

behaviour one_in_ten "one packet in ten, exactly"
[ "${CPUS:-$(nproc)}" -lt 2 ] || behaviour each_ring "one packet in seven, in each ring"
behaviour changed "how many packets are sampled can be changed at any time"
behaviour after_filter_before_room "sampling follows the filter and precedes the room"

behaviours_run "$@"
