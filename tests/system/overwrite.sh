#!/bin/bash
# SPDX-License-Identifier: MIT
#
# The flight recorder: in overwrite mode the newest packets are kept, whatever a
# reader does, and a frozen capture is a savefile that ends.

. "$(dirname "$0")/lib.sh"

small=(ring-bytes 64k snaplen 1500 rings 1 mode overwrite)

# What is in the frozen capture, to a file; with what read said at its end.
snapshot() { # FILE
	device nonblock "$device" > "$1" 2> end
	same "end of the snapshot" "end of file" "$(< end)"
}

# The records of FILE are the last of tcpdump's, byte for byte.
last_of_tcpdump() { # FILE
	local bytes=$(($(stat -c %s "$1") - 24))

	at_least "bytes of the snapshot" 1 "$bytes"
	cmp <(tail -c +25 "$1") <(tail -c "$bytes" tcpdump.pcap)
}

# The numbers in FILE are the last of COUNT, without a hole.
last_numbers() { # FILE COUNT
	local kept

	kept=$(records "$1")
	at_least "records kept" 1 "$kept"
	numbered "$1" "$kept" $(($2 - kept))
}

# head - oldest is what the ring holds; nothing is dropped, and each packet is
# counted once.
accounted() { # BYTES
	local positions

	same "what does not add up" "[]" "$(pcapring show --json "$capture" |
		jq -c '[.[0].rings[] | select(.stats.dropped != 0 or .stats.seen !=
			.stats.captured + .stats.filtered + .stats.sampled +
			.stats.paused + .stats.dropped)]')"
	positions=$(judged "$capture" '.rings[0] | "\(.head) \(.oldest)"')
	same "bytes between oldest and head" "$1" \
		$((${positions% *} - ${positions#* }))
}

newest() {
	capture_add left0 "${small[@]}"
	tcpdump_start tcpdump left0
	stamping
	traffic -r -s 1200 $SILENT 3000
	pcapring freeze "$capture"
	snapshot snapshot.pcap
	tcpdump_stop tcpdump 3000
	last_of_tcpdump snapshot.pcap
	last_numbers snapshot.pcap 3000
	accounted $(($(stat -c %s snapshot.pcap) - 24))
	same "overwritten" $((3000 - $(records snapshot.pcap))) \
		"$(shown "$capture" overwritten)"
}

# How many records of 16 + 42 + 400 bytes fit is known.
as_many_as_fit() {
	capture_add left0 "${small[@]}"
	traffic -s 400 $SILENT 143
	same "overwritten by what fits" 0 "$(shown "$capture" overwritten)"
	traffic -s 400 $SILENT 1000
	pcapring freeze "$capture"
	snapshot snapshot.pcap
	numbered snapshot.pcap 143 857
	same "overwritten" 1000 "$(shown "$capture" overwritten)"
	same "captured" 1143 "$(shown "$capture" captured)"
}

read_again() {
	capture_add left0 "${small[@]}"
	traffic -r -s 700 $SILENT 1000
	pcapring freeze "$capture"
	snapshot first.pcap
	traffic -s 100 $SILENT 50
	same "paused" 50 "$(shown "$capture" paused)"
	snapshot second.pcap
	cmp first.pcap second.pcap
	dd if="$device" bs=97 of=odd.pcap status=none
	cmp first.pcap odd.pcap
	recorder save "$device" 0 | cmp first.pcap -
	pcapring snapshot "$capture" cli.pcap
	cmp first.pcap cli.pcap
	pcapring thaw "$capture"
	traffic -s 100 $SILENT 50
	pcapring freeze "$capture"
	snapshot third.pcap
	savefile sequence third.pcap | tail -n 51 > numbers
	{ echo 999; seq 0 49; } | cmp - numbers
}

busy() {
	capture_add left0 "${small[@]}"
	traffic $SILENT 10
	fails dd if="$device" bs=100 count=1 status=none 2> error
	grep -q "busy" error
	pcapring freeze "$capture"
	snapshot snapshot.pcap
	numbered snapshot.pcap 10
	pcapring thaw "$capture"
	fails dd if="$device" bs=100 count=1 status=none 2> error
	grep -q "busy" error
}

# One file reads on while the capture is thawed and frozen again.
thawed_meanwhile() {
	capture_add left0 "${small[@]}"
	traffic -s 400 $SILENT 200
	pcapring freeze "$capture"
	exec 3< "$device"
	dd bs=$((24 + 10 * 458 + 100)) count=1 status=none <&3 > snapshot.pcap
	pcapring thaw "$capture"
	fails dd bs=458 count=1 status=none <&3 2> error
	grep -q "busy" error
	# What it has not read yet is still there, ...
	traffic -s 400 $SILENT 5
	pcapring freeze "$capture"
	dd bs=64k status=none <&3 >> snapshot.pcap
	savefile sequence snapshot.pcap > numbers
	{ seq 57 199; seq 0 4; } | cmp - numbers
	exec 3<&-

	# ... and here it is not.
	exec 3< "$device"
	dd bs=$((24 + 10 * 458 + 100)) count=1 status=none <&3 > first
	pcapring thaw "$capture"
	traffic -s 400 $SILENT 11
	pcapring freeze "$capture"
	fails dd bs=64k count=1 status=none <&3 2> error
	grep -q "Stale" error
	exec 3<&-
	snapshot third.pcap
	same "records" 143 "$(records third.pcap)"
}

# Each ring keeps its own newest; read merges them.
several_rings() {
	local ring

	capture_add left0 ring-bytes 64k snaplen 1500 rings 2 steer flow \
		mode overwrite
	for port in {1..6}; do
		traffic -s 400 -p "$port" $SILENT 150
	done
	pcapring freeze "$capture"
	snapshot snapshot.pcap
	for ring in 0 1; do
		recorder save "$device" $ring > "$ring.pcap"
	done
	{ cat 0.pcap; tail -c +25 1.pcap; } > rings.pcap
	same "records" "$(records rings.pcap)" "$(records snapshot.pcap)"
	cmp <(savefile sorted rings.pcap) <(savefile sorted snapshot.pcap)
	tcpdump -tt -n -r snapshot.pcap 2> /dev/null | cut -d ' ' -f 1 > stamps
	sort -n -c stamps
	at_least "overwritten" 1 "$(judged "$capture" .stats.overwritten)"
}

# Numbers only rise, and jump only where the capture was frozen.
under_traffic() {
	local i jumps

	capture_add left0 "${small[@]}"
	start traffic traffic -s 100 -i 100 $SILENT 0
	wait_for 30 "the ring overflows" overwrites 1
	for i in {1..5}; do
		pcapring snapshot "$capture" snapshot.pcap
		savefile sequence snapshot.pcap > numbers
		sort -n -u -c numbers
		jumps=$(awk 'NR > 1 && $1 != last + 1 { n++ } { last = $1 }
			     END { print n + 0 }' numbers)
		[ "$jumps" -lt "$i" ]
		# as many as fit, of 16 + 42 + 100 bytes
		same "records" $((65536 / 158)) "$(wc -l < numbers)"
	done
	running traffic
	kill -TERM "${started[traffic]}"
	finish traffic
	same "seen" "$(< traffic.out)" "$(shown "$capture" seen)"
	accounted $(($(judged "$capture" '.rings[0] | .head - .oldest')))
}

overwrites() { # COUNT
	[ "$(shown "$capture" overwritten)" -ge "$1" ]
}

# A reader that has the ring mapped gets nothing torn, and knows what it lost.
followed() {
	capture_add left0 "${small[@]}"
	start_ready follow ready recorder follow "$device"
	traffic -r -s 1000 $SILENT 8000
	pcapring del "$capture"
	finish follow
	sed 1d follow.out > numbers
	sort -n -u -c numbers
	same "the last number" 7999 "$(tail -n 1 numbers)"
	sed 's/^/# /' follow.err
}

# User space has no say in what is kept.
scribbled() {
	capture_add left0 "${small[@]}"
	tcpdump_start tcpdump left0
	stamping
	start_ready scribble ready hostile scribble "$device"
	traffic -r -s 900 $SILENT 3000
	pcapring freeze "$capture"
	slay scribble
	wait_for 10 "the device is free" shows "$capture" reader false
	tcpdump_stop tcpdump 3000
	snapshot snapshot.pcap
	last_of_tcpdump snapshot.pcap
	last_numbers snapshot.pcap 3000
	accounted $(($(stat -c %s snapshot.pcap) - 24))
	same "bad tails" 0 "$(shown "$capture" bad_tails)"
	same "skips" 0 "$(shown "$capture" skips)"
}

# A poll waits for the freezing.
polled() {
	capture_add left0 "${small[@]}"
	traffic $SILENT 3
	start_ready poll ready device poll "$device"
	wait_for 10 "poll sleeps" sleeps poll
	traffic $SILENT 3
	running poll
	pcapring freeze "$capture"
	finish poll
	same "events" in "$(tail -n 1 poll.out)"
}

# What a file that is open can still read once the capture is deleted.
deleted() {
	capture_add left0 "${small[@]}"
	traffic -s 400 $SILENT 300
	exec 3< "$device"
	pcapring del "$capture"
	dd bs=1M status=none <&3 > rest.pcap
	exec 3<&-
	numbered rest.pcap 143 157
}

# Frozen in normal mode, packets are paused, too, and read goes on as ever.
frozen_normal() {
	capture_add left0 ring-bytes 64k snaplen 1500 rings 1
	traffic $SILENT 10
	pcapring freeze "$capture"
	traffic $SILENT 20
	capture_drain "$capture" first.pcap
	pcapring thaw "$capture"
	traffic $SILENT 5
	capture_drain "$capture" second.pcap
	numbered first.pcap 10
	numbered second.pcap 5
	same "paused" 20 "$(shown "$capture" paused)"
	same "seen" 35 "$(shown "$capture" seen)"
}

behaviour newest "a snapshot is the last that tcpdump wrote, byte for byte"
behaviour as_many_as_fit "as many of the newest packets are kept as fit"
behaviour read_again "a snapshot can be read again, in every way"
behaviour busy "while the capture is not frozen, read is refused: EBUSY"
behaviour thawed_meanwhile "a snapshot that was overwritten says so: ESTALE"
behaviour several_rings "a snapshot of several rings comes in the order of time"
behaviour under_traffic "snapshots under traffic are whole"
behaviour followed "a reader beside the overwriting gets nothing torn"
behaviour scribbled "hostile consumer pages change nothing that is kept"
behaviour polled "poll wakes up when the capture is frozen"
behaviour deleted "a snapshot outlives the capture's deletion"
behaviour frozen_normal "a capture in normal mode can be frozen, too"
behaviours_run "$@"
