#!/bin/bash
# SPDX-License-Identifier: MIT
#
# Traffic from both sides on all CPUs, a reader, and settings that change under
# them, so that a kernel that looks for races, bad accesses and bad locking has
# something to look at. A file as those of the system tests; SOAK_SWAPS says how
# often the filter changes, SOAK_INTERVAL how many microseconds apart packets
# are: where a kernel is kept busy by them alone, nothing changes any more.

# shellcheck source=tests/system/lib.sh
. "$(dirname "$0")/../system/lib.sh"

SOAK_SWAPS=${SOAK_SWAPS:-30}
SOAK_INTERVAL=${SOAK_INTERVAL:-2000}

# Packets must come while each filter is there. All that was captured was read.
soak() { # READER
	local i promisc=(off on)

	start there traffic -c 2 -i "$SOAK_INTERVAL" -r -s 1400 $SILENT 0
	start back right traffic -c 2 -i "$SOAK_INTERVAL" -r -s 1400 \
		$SILENT_LEFT 0
	for ((i = 0; i < SOAK_SWAPS; i++)); do
		pcapring set "$capture" promisc "${promisc[i % 2]}" \
			filter "udp and greater $((i % 1000))"
		pcapring set "$capture" filter none
		wait_for 10 "packets" has_captured "$capture" \
			$(($(shown "$capture" captured) + 10))
		running "$1"
	done
	slay there
	slay back
	same "the identity" true "$(judged "$capture" '.stats | .seen == .captured
		+ .filtered + .dropped + (.sampled // 0) + (.paused // 0)')"
	head=$(judged "$capture" '[.rings[].head] | add')
	pcapring del "$capture"
	finish "$1"
}

by_file() {
	capture_add left0 ring-bytes 64k snaplen 128 rings 2
	start_reader wc wc -c "$device"
	soak wc
	same "bytes read" $((24 + head)) "$(cut -d ' ' -f 1 wc.out)"
}

by_map() {
	capture_add left0 ring-bytes 64k snaplen 128 rings 1
	start_ready copy ready device copy "$device" copy.pcap
	soak copy
	same "bytes read" $((24 + head)) "$(stat -c %s copy.pcap)"
}

[ ! -e /sys/kernel/debug/kcsan ] || echo on > /sys/kernel/debug/kcsan
behaviour by_file "a file is read while filters change under traffic"
behaviour by_map "memory is read while filters change under traffic"
behaviours_run "$@"
