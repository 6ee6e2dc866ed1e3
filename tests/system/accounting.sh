#!/bin/bash
# SPDX-License-Identifier: MIT
#
# Nothing is lost without being counted: with a known number of packets, every
# one of them is captured, filtered or dropped, and a reader gets exactly those
# that were captured.

. "$(dirname "$0")/lib.sh"

small=(ring-bytes 64k snaplen 1500)

# seen = captured + filtered + dropped, in the capture and in each ring; the
# rings add up to the capture; head = bytes + 16 * captured.
identities='
	def identity: .seen == .captured + .filtered + .dropped;
	.[0] | . as $c
	| ($c.stats | identity)
	and all($c.rings[].stats; identity)
	and all($c.rings[]; .head == .stats.bytes + 16 * .stats.captured)
	and all("seen", "captured", "filtered", "dropped", "truncated", "bytes";
		. as $name
		| $c.stats[$name] == ([$c.rings[].stats[$name]] | add))'

accounted() { # ID
	local capture

	capture=$(pcapring show --json "$1")
	same "identities of $capture" true "$(jq "$identities" <<< "$capture")"
}

counters_are() { # ID SEEN CAPTURED FILTERED DROPPED
	same "seen, captured, filtered, dropped" "${*:2}" "$(counters "$1")"
}

full_ring() {
	local captured

	capture_add left0 "${small[@]}" rings 1
	traffic -s 400 $SILENT 500
	captured=$(shown "$capture" captured)
	at_least "captured" 1 "$captured"
	counters_are "$capture" 500 "$captured" 0 $((500 - captured))
	accounted "$capture"
	at_least "dropped" 1 $((500 - captured))
	capture_drain "$capture" drained.pcap
	same "bytes drained" $(($(shown "$capture" head) + 24)) \
		"$(stat -c %s drained.pcap)"
	numbered drained.pcap "$captured"
}

# How many records of 16 + 42 + 400 bytes fit is known.
room() {
	capture_add left0 "${small[@]}" rings 1
	traffic -s 400 $SILENT 500
	counters_are "$capture" 500 $((65536 / 458)) 0 $((500 - 65536 / 458))
}

several_rings() {
	local total i ring

	capture_add left0 "${small[@]}" rings 2
	traffic -c 2 -s 400 $SILENT 1000
	total=$(shown "$capture" captured)
	counters_are "$capture" 1000 "$total" 0 $((1000 - total))
	accounted "$capture"
	for i in 0 1; do
		same "seen by ring $i" 500 \
			"$(judged "$capture" ".rings[$i].stats.seen")"
		ring=$(judged "$capture" ".rings[$i].stats.captured")
		seq $((i * 500)) $((i * 500 + ring - 1))
	done > expected
	capture_drain "$capture" drained.pcap
	savefile sequence drained.pcap | sort -n | cmp - expected
}

drained_again() {
	local captured

	capture_add left0 "${small[@]}" rings 1
	traffic -s 400 $SILENT 500
	captured=$(shown "$capture" captured)
	capture_drain "$capture" first.pcap
	traffic -s 400 $SILENT 100
	counters_are "$capture" 600 $((captured + 100)) 0 $((500 - captured))
	capture_drain "$capture" second.pcap
	numbered first.pcap "$captured"
	numbered second.pcap 100
}

filtered() {
	capture_add left0 "${small[@]}" filter udp port 9
	traffic -s 100 -p 9 $SILENT 40
	traffic -s 100 -p 10 $SILENT 60
	counters_are "$capture" 100 40 60 0
	accounted "$capture"
	capture_drain "$capture" drained.pcap
	numbered drained.pcap 40
}

reader_filtered() {
	capture_add left0 "${small[@]}"
	traffic -s 100 $SILENT 10
	start_ready refuse ready device refuse "$device"
	traffic -s 100 $SILENT 20
	counters_are "$capture" 30 10 20 0
	slay refuse
	traffic -s 100 $SILENT 5
	counters_are "$capture" 35 15 20 0
}

filter_swapped() {
	local i seen captured filtered dropped

	capture_add left0 ring-bytes 4M snaplen 1500 rings 1
	start traffic traffic -s 100 -i 500 $SILENT 0
	for i in {1..10}; do
		pcapring set "$capture" filter udp port 10
		pcapring set "$capture" filter none
	done
	kill -TERM "${started[traffic]}"
	finish traffic
	read -r seen captured filtered dropped < <(counters "$capture")
	same "seen" "$(< traffic.out)" "$seen"
	same "captured and filtered" "$seen" $((captured + filtered))
	same "dropped" 0 "$dropped"
	at_least "filtered" 1 "$filtered"
	accounted "$capture"
}

under_traffic() {
	local i

	capture_add left0 "${small[@]}" rings 2 filter 'udp[23] & 1 = 0'
	start traffic traffic -c 2 -s 400 -i 1000 $SILENT 0
	wait_for 10 "traffic is seen" has_captured "$capture" 1
	for i in {1..10}; do
		accounted "$capture"
	done
	running traffic
}

truncated() {
	capture_add left0 ring-bytes 64k snaplen 96
	traffic -s 50 $SILENT 10
	traffic -s 54 $SILENT 10
	traffic -s 55 $SILENT 10
	traffic -s 400 $SILENT 10
	same "truncated" 20 "$(shown "$capture" truncated)"
	same "bytes" $((10 * 92 + 30 * 96)) "$(judged "$capture" .stats.bytes)"
	accounted "$capture"
	capture_drain "$capture" drained.pcap
	same "longest record" 96 "$(savefile longest drained.pcap)"
}

flows() {
	capture_add left0 "${small[@]}" rings 4 steer flow
	ping -q -n -c 10 -i 0.01 10.7.0.2
	counters_are "$capture" 20 20 0 0
	same "captured by the rings, sorted" "0,0,0,20" \
		"$(judged "$capture" '[.rings[].stats.captured] | sort | join(",")')"
}

# The tag stands beside the data that goes out, or, without offload, in it.
tagged_flows() { # on|off
	local size

	link_vlan SIDE0 SIDE0.5 802.1q 5
	ethtool -K left0 txvlan "$1"
	capture_add left0 "${small[@]}" rings 4 steer flow
	for size in 10 100 300 700 1400; do
		ping -q -n -c 4 -i 0.01 -s $size 10.7.5.2
	done
	counters_are "$capture" 40 40 0 0
	same "captured by the rings, sorted" "0,0,0,40" \
		"$(judged "$capture" '[.rings[].stats.captured] | sort | join(",")')"
}

tagged_flows_beside() { tagged_flows on; }
tagged_flows_inside() { tagged_flows off; }

behaviour full_ring "a full ring keeps the first packets and counts the others"
behaviour room "a ring is filled to the last record that fits"
behaviour several_rings "several rings together account for every packet"
behaviour drained_again "a ring that was drained takes as many again"
behaviour filtered "filtered packets are counted apart"
behaviour reader_filtered "a reader's filter counts, and ends with its file"
behaviour filter_swapped "a filter is swapped without losing a packet"
behaviour under_traffic "the identity holds in every reply, under traffic"
behaviour truncated "packets cut at snaplen are counted"
behaviour flows "both directions of a flow share a ring"
behaviour tagged_flows_beside "both directions of a tagged flow share a ring"
behaviour tagged_flows_inside "they do where the tag is in the data that goes out"
behaviours_run "$@"
