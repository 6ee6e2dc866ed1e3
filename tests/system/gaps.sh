#!/bin/bash
# SPDX-License-Identifier: MIT
#
# Where packets were lost: the gaps on the producer page say between which
# records, how many, and when.

. "$(dirname "$0")/lib.sh"

small=(ring-bytes 64k snaplen 1500 rings 1)
fits=143	# records of 16 + 42 + 400 bytes

# Stamps of the packets FIRST and LAST, as tcpdump has them.
stamps() { # FIRST LAST
	tcpdump -tt -n -r tcpdump.pcap --time-stamp-precision=nano 2> /dev/null |
		sed -n "$(($1 + 1))p;$(($2 + 1))p" | cut -d ' ' -f 1 | xargs
}

told() {
	capture_add left0 "${small[@]}"
	tcpdump_start tcpdump left0
	stamping
	same "gaps of an empty ring" "" "$(recorder list "$device")"
	traffic -s 400 $SILENT 500
	tcpdump_stop tcpdump 500
	same "the gap" "$((fits * 458)) 357 $(stamps $fits 499)" \
		"$(recorder list "$device")"
	# The reader makes room: this gap is complete, and the next one begins.
	capture_drain "$capture" drained.pcap
	numbered drained.pcap $fits
	traffic -s 400 $SILENT 200
	same "positions and counts" \
		"$((fits * 458)) 357 $((2 * fits * 458)) 57" \
		"$(recorder list "$device" | cut -d ' ' -f 1,2 | xargs)"
	same "dropped" $((357 + 57)) "$(shown "$capture" dropped)"
}

# A reader that lets the ring overflow again and again: the missing numbers are
# just where the gaps say.
audited() {
	local records gaps missing

	capture_add left0 "${small[@]}"
	start_ready audit ready recorder audit "$device"
	traffic -r -s 900 $SILENT 20000
	# no packet is under way any more
	records=$(shown "$capture" captured)
	missing=$(shown "$capture" dropped)
	same "seen" 20000 $((records + missing))
	pcapring del "$capture"
	finish audit
	gaps=$(sed -n 's/.* gaps \([0-9]*\) .*/\1/p' audit.out)
	same "what the reader found" \
		"records $records gaps $gaps missing $missing" \
		"$(tail -n 1 audit.out)"
	at_least "gaps" 20 "$gaps"
}

# Two CPUs and two rings: the counts add up to what was dropped.
summed() {
	local ring

	capture_add left0 ring-bytes 64k snaplen 1500 rings 2
	traffic -c 2 -s 400 $SILENT 2000
	capture_drain "$capture" /dev/null
	traffic -c 2 -s 400 $SILENT 2000
	same "dropped by ring 0" "$(judged "$capture" '.rings[0].stats.dropped')" \
		"$(recorder list "$device" | awk '{ n += $2 } END { print n }')"
	same "gaps" 2 "$(recorder list "$device" | wc -l)"
}

# Overwriting is no gap: no packet is dropped.
none() {
	capture_add left0 "${small[@]}" mode overwrite
	traffic -s 400 $SILENT 500
	same "gaps" "" "$(recorder list "$device")"
}

behaviour told "a gap tells its place, its count and its times exactly"
behaviour audited "packets are missing where the gaps say, and nowhere else"
behaviour summed "the gaps add up to what was dropped"
behaviour none "overwriting makes no gaps"
behaviours_run "$@"
