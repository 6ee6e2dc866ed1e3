#!/bin/bash
# SPDX-License-Identifier: MIT
#
# Filters, classic and eBPF: swapped while packets run, and let go of.

. "$(dirname "$0")/lib.sh"

small=(ring-bytes 64k snaplen 1500 rings 1)

# Each packet meets the old filter or the new one: none is captured as neither
# would, and none is missing.
swapped() {
	local seen captured filtered dropped sent classic extended

	capture_add left0 ring-bytes 16M snaplen 1500 rings 2
	filters swap "$capture" 8
	start traffic traffic -c 2 -s 100 -i 300 $SILENT 0
	wait_for 20 "traffic is seen" has_captured "$capture" 10
	filters swap "$capture" 1000
	kill -TERM "${started[traffic]}"
	finish traffic
	sent=$(< traffic.out)
	read -r seen captured filtered dropped < <(counters "$capture")
	same "seen" "$sent" "$seen"
	same "captured and filtered" "$seen" $((captured + filtered))
	same "dropped" 0 "$dropped"
	capture_drain "$capture" drained.pcap
	same "records" "$captured" "$(records drained.pcap)"
	filters judged < drained.pcap > judged
	read -r classic extended < judged
	at_least "kept by the classic filter" 100 "$classic"
	at_least "kept by the eBPF filter" 100 "$extended"
}

has_died() { ! filters alive "$1"; }

# A program that nobody else holds lives as long as the capture wants it.
let_go() {
	local number

	capture_add left0 "${small[@]}"
	number=$(filters load "$capture")
	same "number shown" "$number" "$(shown "$capture" filter_program)"
	filters alive "$number"
	traffic -s 100 $SILENT 5
	capture_drain "$capture" drained.pcap
	same "longest record" 80 "$(savefile longest drained.pcap)"
	pcapring set "$capture" filter udp
	wait_for 20 "the program goes" has_died "$number"
	same "number shown" null "$(shown "$capture" filter_program)"
	number=$(filters load "$capture")
	pcapring del "$capture"
	wait_for 20 "the program goes with the capture" has_died "$number"
}

# Where the skb's data begins elsewhere, programs still count from the link header.
from_the_link_header() {
	capture_add left0 "${small[@]}"
	filters swap "$capture" 8
	traffic -s 100 $SILENT 20
	right traffic -s 100 $SILENT_LEFT 20
	same "seen, captured, filtered, dropped" "40 20 20 0" "$(counters "$capture")"
	capture_drain "$capture" drained.pcap
	filters judged < drained.pcap
}

behaviour swapped "1,000 swaps under traffic: no packet lost or judged by neither"
behaviour let_go "an eBPF program is held, and let go of"
behaviour from_the_link_header "an eBPF program sees packets of both directions alike"
behaviours_run "$@"
