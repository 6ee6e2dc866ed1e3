#!/bin/bash
# SPDX-License-Identifier: MIT
#
# Limits: a capture is frozen after so many packets, bytes or seconds, says so,
# and counts what comes then as paused.

. "$(dirname "$0")/lib.sh"

small=(ring-bytes 64k snaplen 1500 rings 1)

# SEEN CAPTURED PAUSED DROPPED
counted() {
	same "seen, captured, paused, dropped" "$*" "$(judged "$capture" \
		'.stats | "\(.seen) \(.captured) \(.paused) \(.dropped)"')"
}

is_frozen() { shows "$capture" frozen true; }

stopped_for() { # COUNT WORD: so many stops were told, the last for the limit of WORD
	wait_for 20 "the capture is stopped" told_stops "$1"
	grep '"event":"stopped"' monitor.out | tail -n 1 |
		grep -q "\"reason\":\"the limit of $2 was reached\""
	is_frozen
}

told_stops() { [ "$(grep -c '"event":"stopped"' monitor.out)" = "$1" ]; }

packets() {
	monitor_start
	capture_add left0 "${small[@]}" limit packets 100
	traffic $SILENT 99
	fails is_frozen
	traffic $SILENT 51
	stopped_for 1 packets
	counted 150 100 50 0
	capture_drain "$capture" drained.pcap
	same "records" 100 "$(records drained.pcap)"
}

# The last one is captured by one CPU while the other has packets, too.
several_rings() {
	local i

	monitor_start
	capture_add left0 ring-bytes 1M snaplen 1500 rings 2 limit packets 1000
	for i in {1..3}; do
		traffic -c 2 $SILENT 1500
		stopped_for "$i" packets
		counted $((i * 1500)) $((i * 1000)) $((i * 500)) 0
		capture_drain "$capture" drained.pcap
		pcapring thaw "$capture"
	done
}

bytes() {
	monitor_start
	capture_add left0 "${small[@]}" limit bytes 1000
	traffic -s 400 $SILENT 10
	stopped_for 1 bytes
	counted 10 3 7 0
	same "bytes" $((3 * 442)) "$(judged "$capture" .stats.bytes)"
}

seconds() {
	monitor_start
	capture_add left0 "${small[@]}" limit seconds 2
	traffic $SILENT 10
	stopped_for 1 seconds
	traffic $SILENT 5
	counted 15 10 5 0
}

anew() {
	monitor_start
	capture_add left0 "${small[@]}" limit packets 10
	traffic $SILENT 15
	stopped_for 1 packets
	pcapring thaw "$capture"
	traffic $SILENT 15
	stopped_for 2 packets
	counted 30 20 10 0
	# what a person froze and thawed begins anew, too
	pcapring thaw "$capture"
	traffic $SILENT 5
	pcapring freeze "$capture"
	traffic $SILENT 5
	pcapring thaw "$capture"
	traffic $SILENT 9
	fails is_frozen
	traffic $SILENT 2
	stopped_for 3 packets
	counted 51 35 16 0
}

given_later() {
	monitor_start
	capture_add left0 "${small[@]}"
	traffic $SILENT 20
	pcapring set "$capture" limit packets 10
	traffic $SILENT 5
	# another limit leaves that one to count on
	pcapring set "$capture" limit seconds 1000
	traffic $SILENT 10
	stopped_for 1 packets
	counted 35 30 5 0
	pcapring set "$capture" limit packets 0 limit seconds 0
	is_frozen
	pcapring thaw "$capture"
	traffic $SILENT 50
	counted 85 80 5 0
	same "limits shown" null "$(judged "$capture" \
		'.limits | .packets // .bytes // .seconds')"
}

# A ring of 65536 bytes has room for 143 records of 458.
dropped() {
	monitor_start
	capture_add left0 "${small[@]}" limit packets 150
	traffic -s 400 $SILENT 200
	counted 200 143 0 57
	capture_drain "$capture" drained.pcap
	traffic -s 400 $SILENT 10
	stopped_for 1 packets
	counted 210 150 3 57
}

filtered() {
	monitor_start
	capture_add left0 "${small[@]}" sample 2 limit packets 10 filter udp port 9
	traffic -p 10 $SILENT 30
	traffic -p 9 $SILENT 19
	stopped_for 1 packets
	same "captured, filtered, sampled, paused" "10 30 9 0" \
		"$(judged "$capture" '.stats |
			"\(.captured) \(.filtered) \(.sampled) \(.paused)"')"
}

# Its time would be up an hour later; the module can go before.
deleted() {
	capture_add left0 "${small[@]}" limit seconds 3600
	pcapring del "$capture"
	capture_add left0 "${small[@]}" limit seconds 3600 limit packets 5
	traffic $SILENT 5
	wait_for 10 "the capture is frozen" is_frozen
	module_reload
}

# A reader gets all that was captured, and goes on after the thaw.
freeze() {
	capture_add left0 "${small[@]}"
	traffic $SILENT 10
	pcapring freeze "$capture"
	traffic $SILENT 10
	counted 20 10 10 0
	capture_drain "$capture" first.pcap
	numbered first.pcap 10
	pcapring thaw "$capture"
	traffic $SILENT 5
	counted 25 15 10 0
	capture_drain "$capture" second.pcap
	numbered second.pcap 5
}

# No packet falls between: captured and paused are all there are.
freeze_under_traffic() {
	local i captured paused

	capture_add left0 ring-bytes 16M snaplen 1500 rings 2
	start traffic traffic -c 2 -i 300 $SILENT 0
	for i in {1..5}; do
		pcapring freeze "$capture"
		captured=$(shown "$capture" captured)
		nap
		same "captured while frozen" "$captured" "$(shown "$capture" captured)"
		pcapring thaw "$capture"
	done
	kill -TERM "${started[traffic]}"
	finish traffic
	captured=$(shown "$capture" captured)
	paused=$(shown "$capture" paused)
	same "captured and paused" "$(< traffic.out)" $((captured + paused))
	same "seen" "$(< traffic.out)" "$(shown "$capture" seen)"
	at_least "paused" 1 "$paused"
	capture_drain "$capture" drained.pcap
	same "records" "$captured" "$(records drained.pcap)"
}

behaviour packets "a capture is frozen after so many packets, and says so"
behaviour several_rings "the limit is exact with two rings on two CPUs"
behaviour bytes "it is frozen after so many bytes, the last packet whole"
behaviour seconds "it is frozen after so many seconds"
behaviour anew "limits count anew once it is thawed"
behaviour given_later "limits are given, and taken away, at run time"
behaviour dropped "packets that are dropped use no limit up"
behaviour filtered "packets that are filtered or sampled out use none up"
behaviour deleted "a capture whose time is not up can be deleted"
behaviour freeze "a frozen capture counts packets as paused"
behaviour freeze_under_traffic "freezing and thawing under traffic loses no count"
behaviours_run "$@"
