#!/bin/bash
# SPDX-License-Identifier: MIT
#
# From the device to the collector by pcapring.v1: whoever dies, the file holds
# every packet once; and a relay does not feed on its own traffic.

. "$(dirname "$0")/lib.sh"

KILLS=20

# Who dies, and how the other one notices

wait_grows() { # FILE: it holds more than it does now
	local size

	size=$(stat -c %s "$1")
	wait_for 30 "$1 grows" grows_beyond "$1" "$size"
}

grows_beyond() { [ "$(stat -c %s "$1")" -gt "$2" ]; } # FILE SIZE

wait_freed() { # something more of the ring is acknowledged
	local tail

	tail=$(shown "$capture" tail)
	wait_for 30 "the ring's tail moves" has_freed "$capture" "$tail"
}

has_freed() { [ "$(shown "$1" tail)" -gt "$2" ]; } # CAPTURE TAIL

kill_relay() {
	slay stream-relay
	wait_for 20 "the device is free" shows "$capture" reader false
	relay_start stream 50051 "$device"
}

kill_collector() {
	slay stream-collector
	collector_start stream 50051
}

kill_both() {
	slay stream-collector
	kill_relay
	collector_start stream 50051
}

# A relay that is killed before the collector has synced frees nothing: the ring
# has room for all that is sent. And one whose calls come to nothing waits longer
# and longer: every other time they may come to something.
exact_after() { # KILL
	local sent

	capture_add left0 ring-bytes 64M snaplen 1500
	collector_start stream 50051
	relay_start stream 50051 "$device"
	start traffic traffic -i 2000 -s 500 $SILENT 0
	wait_for 20 "packets arrive" has_records stream.pcap 10
	for _ in $(seq $((KILLS / 2))); do
		"$1"
		wait_grows stream.pcap
		"$1"
		wait_freed
	done
	kill -TERM "${started[traffic]}"
	finish traffic
	sent=$(cat traffic.out)
	stop stream-relay
	stop stream-collector
	same "dropped" 0 "$(shown "$capture" dropped)"
	same "skips" 0 "$(shown "$capture" skips)"
	numbered stream.pcap "$sent"
	same "left in the ring" "$(shown "$capture" head)" "$(shown "$capture" tail)"
}

relay_killed() { exact_after kill_relay; }
collector_killed() { exact_after kill_collector; }
both_killed() { exact_after kill_both; }

# A collector that stays away, and a ring much smaller than what comes meanwhile

has_moved_beyond() { [ "$(shown "$capture" tail)" -gt "$1" ]; } # OFFSET
spool_is_empty() { ! find spool -type f | grep -q .; }

spooled() {
	local sent

	# half of it is what comes in two seconds: relays start within, everywhere
	capture_add left0 ring-bytes 2M snaplen 1500
	collector_start stream 50051
	relay_start stream 50051 "$device" --spool spool
	start traffic traffic -i 1000 -s 500 $SILENT 0
	wait_for 20 "packets arrive" has_records stream.pcap 10
	slay stream-collector
	wait_for 60 "the spool takes what the ring cannot hold" \
		has_moved_beyond $(($(shown "$capture" tail) + (2 << 20)))
	stop stream-relay
	fails spool_is_empty
	relay_start stream 50051 "$device" --spool spool
	wait_for 60 "the next relay goes on with it" \
		has_moved_beyond $(($(shown "$capture" tail) + (1 << 20)))
	slay stream-relay
	relay_start stream 50051 "$device" --spool spool
	collector_start stream 50051
	wait_for 60 "the spool is empty" spool_is_empty
	kill -TERM "${started[traffic]}"
	finish traffic
	sent=$(cat traffic.out)
	stop stream-relay
	stop stream-collector
	same "dropped" 0 "$(shown "$capture" dropped)"
	numbered stream.pcap "$sent"
	same "left in the ring" "$(shown "$capture" head)" "$(shown "$capture" tail)"
}

# Relays that end by themselves

counted() {
	local each

	capture_add left0 ring-bytes 4M snaplen 1500
	collector_start stream 50051
	start traffic traffic -i 300 -s 500 $SILENT 0
	relay_start first 50051 "$device" --count 700 --copy first.pcap
	finish first-relay
	numbered first.pcap 700
	each=$((($(stat -c %s first.pcap) - 24) / 700 - 16))
	relay_start second 50051 "$device" --bytes $((260 * each - 1)) --copy second.pcap
	finish second-relay
	kill -TERM "${started[traffic]}"
	finish traffic
	stop stream-collector
	numbered second.pcap 260 700
	numbered stream.pcap 960
	same "dropped" 0 "$(shown "$capture" dropped)"
}

# In the capture's own network namespace, where it can be frozen.
drained() {
	local sent

	capture_add left0 ring-bytes 4M snaplen 1500
	start collector right pcapring-collector --listen 0.0.0.0:50051 --write all.pcap
	wait_for 20 "the collector listens" listens collector 50051
	start traffic traffic -i 300 -s 500 $SILENT 0
	wait_for 20 "packets wait" has_captured "$capture" 500
	start drain pcapring-relay --device "$device" --target 10.7.0.2:50051 --drain
	finish drain
	says drain "the capture is frozen: 'pcapring thaw $capture' lets it go on"
	same "frozen" true "$(shown "$capture" frozen)"
	same "left in the ring" "$(shown "$capture" head)" "$(shown "$capture" tail)"
	same "records" "$(shown "$capture" captured)" "$(savefile count all.pcap)"
	numbered all.pcap "$(shown "$capture" captured)"
	stop collector
	kill -TERM "${started[traffic]}"
	finish traffic
	sent=$(cat traffic.out)
	at_least "captured and paused" "$sent" \
		$(($(shown "$capture" captured) + $(shown "$capture" paused)))
}

# From another network namespace it cannot be frozen: nothing is lost by that.
drained_unfrozen() {
	local sent

	capture_add left0 ring-bytes 4M snaplen 1500
	collector_start stream 50051
	start traffic traffic -i 300 -s 500 $SILENT 0
	wait_for 20 "packets wait" has_captured "$capture" 500
	relay_start drain 50051 "$device" --drain
	finish drain-relay
	says drain-relay "the capture is not frozen: .*; it goes on"
	same "frozen" false "$(shown "$capture" frozen)"
	kill -TERM "${started[traffic]}"
	finish traffic
	sent=$(cat traffic.out)
	relay_start drain 50051 "$device" --drain
	finish drain-relay
	stop stream-collector
	numbered stream.pcap "$sent"
	same "dropped" 0 "$(shown "$capture" dropped)"
}

# Flows spread over collectors

flows_send() { # COUNT: each of 20 packets, numbered
	for _ in $(seq "$1"); do
		traffic -s 100 $SILENT 20
	done > /dev/null
}

# PORT NUMBER of each packet in FILEs; a flow is known by its source port.
packets_of() { # FILE...
	for file; do
		[ ! -s "$file" ] || paste -d ' ' \
			<(tcpdump -n -t -r "$file" 2> /dev/null |
				sed 's/^IP [0-9.]*\.\([0-9]*\) > .*/\1/') \
			<(savefile sequence "$file")
	done
}

have_packets() { # COUNT FILE...
	local count=$1

	shift
	[ "$(packets_of "$@" | sort -u | wc -l)" -ge "$count" ]
}

parts_with_packets() { # of part1.pcap, part2.pcap and part3.pcap
	for part in 1 2 3; do
		[ -z "$(packets_of part$part.pcap)" ] || echo $part
	done
}

connected_to_all() {
	[ "$(collect ss -Htn state established dport ge :50051 dport le :50053 |
		awk '{ print $4 }' | sort -u | wc -l)" = 3 ]
}

# One that is slow to connect may get no ring at first. But as one dies, its
# rings go to those that are there.
spread() {
	local parts=(part1.pcap part2.pcap part3.pcap) part dead

	capture_add left0 ring-bytes 1M snaplen 1500 rings 6 steer flow
	for part in 1 2 3; do
		collector_start part$part 5005$part
	done
	start_ready relay "connected to" collect pcapring-relay \
		--device "$device" --target \
		ipv4:127.0.0.1:50051,127.0.0.1:50052,127.0.0.1:50053
	flows_send 24
	wait_for 30 "all arrive" have_packets 480 "${parts[@]}"
	packets_of "${parts[@]}" | sort | uniq -d > twice
	same "packets that are there twice" "" "$(< twice)"
	for part in "${parts[@]}"; do
		packets_of $part | cut -d ' ' -f 1 | sort -u
	done | sort | uniq -d > torn
	same "flows on several collectors" "" "$(< torn)"

	wait_for 30 "connections to all" connected_to_all
	parts_with_packets > used
	dead=$(head -n 1 used)
	slay part$dead-collector
	flows_send 24
	wait_for 30 "all arrive without it" have_packets 960 "${parts[@]}"
	at_least "collectors that have flows" 3 "$(parts_with_packets | wc -l)"
	stop relay
	for part in 1 2 3; do
		[ $part = "$dead" ] || stop part$part-collector
	done
	packets_of "${parts[@]/part$dead.pcap/}" | sort | uniq -d > twice
	same "packets that the others have twice" "" "$(< twice)"
	same "dropped" 0 "$(shown "$capture" dropped)"
}

# A relay whose way leads through the interface that it captures

sent_by_left0() { cat /sys/class/net/left0/statistics/tx_packets; }
has_sent() { [ "$(sent_by_left0)" -ge "$1" ]; }

own_start() { # TARGET [OPTION...]
	local target=$1

	shift
	capture_add left0 ring-bytes 4M snaplen 1500
	start collector right pcapring-collector --listen 0.0.0.0:50051 \
		--write own.pcap
	wait_for 20 "the collector listens" listens collector 50051
	start_ready relay "connected to" pcapring-relay --device "$device" \
		--target "$target" "$@"
}

# The collector speaks every second: that is enough to feed on.
stays_idle() {
	local seen

	traffic -s 100 $SILENT 3
	wait_for 20 "the three arrive" has_captured "$capture" 3
	seen=$(shown "$capture" captured)
	wait_for 30 "answers to the collector's signs of life" \
		has_sent $(($(sent_by_left0) + 5))
	same "captured" "$seen" "$(shown "$capture" captured)"
	fails says relay "grows with what is sent"
	stop relay
	stop collector
}

# What came before the connection was known is captured.
own_left_out() {
	own_start 10.7.0.2:50051
	stays_idle
}

own_included() {
	local seen

	own_start 10.7.0.2:50051 --include-own-traffic
	seen=$(shown "$capture" captured)
	wait_for 30 "it feeds on itself" has_captured "$capture" $((seen + 100))
	stop relay
	stop collector
}

# 10.7.0.99 is the collector's other name.
translate() {
	drivers_needed nft_chain_nat
	nft -f - <<- END
		table ip feed {
			chain out {
				type nat hook output priority -100;
				ip daddr 10.7.0.99 tcp dport 50051 dnat to 10.7.0.2
			}
		}
	END
}

own_behind_nat() {
	translate
	own_start 10.7.0.99:50051 --exclude "tcp port 50051 and host 10.7.0.2"
	stays_idle
	nft delete table ip feed
}

own_detected() { # [OPTION...]
	translate
	own_start 10.7.0.99:50051 "$@"
	traffic -s 1000 $SILENT 100
	wait_for 60 "the relay warns" says relay "grows with what is sent"
	same "warnings" 1 "$(grep -c "grows with what is sent" relay.err)"
	stop relay
	stop collector
	nft delete table ip feed
}

own_detected_of_packets() {
	own_detected --protocol packet
}

# Others' traffic goes on while nothing is sent, and so it is no feedback.
others_not_detected() {
	own_start 10.7.0.2:50051
	start traffic traffic -s 1000 -i 1000 $SILENT 0
	wait_for 60 "enough for three looks" has_captured "$capture" 5000
	kill -TERM "${started[traffic]}"
	finish traffic
	fails says relay "grows with what is sent"
	stop relay
	stop collector
}

listed_left_out() {
	local had

	cat > list <<- END
		from = ["10.7.0.8"]	# nobody
		into = ["10.7.0.9:9", "02:00:00:00:00:77"]
	END
	own_start 10.7.0.2:50051 --exclude-list list --exclude "udp port 5555"
	had=$(shown "$capture" captured)
	traffic -s 100 $SILENT 3
	traffic -s 100 -p 5555 $SILENT 3
	ping -q -n -c 3 -i 0.01 10.7.0.2
	wait_for 20 "what is left arrives" has_captured "$capture" $((had + 6))
	same "captured" $((had + 6)) "$(shown "$capture" captured)"
	at_least "filtered" 6 "$(shown "$capture" filtered)"
	stop relay
	stop collector
}

wrong_exclusions() {
	capture_add left0
	fails pcapring-relay --device "$device" --target 10.7.0.2:50051 \
		--exclude "no such word" 2> said
	grep "filter 'not (no such word)'" said
	echo 'from = ["nobody"]' > list
	fails pcapring-relay --device "$device" --target 10.7.0.2:50051 \
		--exclude-list list 2> said
	grep "exclude-list list: line 1: expected" said
}

behaviour relay_killed "a relay killed $KILLS times: every packet is there once"
behaviour collector_killed "a collector killed $KILLS times: every packet is there once"
behaviour both_killed "both killed $KILLS times: every packet is there once"
behaviour spooled "a collector away, relays stopped and killed: the spool keeps all"
behaviour counted "--count and --bytes: exactly so many, and the next relay goes on there"
behaviour drained "--drain: frozen, all acknowledged, nothing left"
behaviour drained_unfrozen "--drain where it cannot freeze: what came meanwhile waits"
behaviour spread "flows spread over collectors, one of which dies for good"
behaviour own_left_out "a relay that streams through what it captures stays idle"
behaviour own_included "with --include-own-traffic it does not"
behaviour own_behind_nat "behind address translation, --exclude keeps it idle"
behaviour own_detected "without, the relay warns that it feeds on itself"
behaviour own_detected_of_packets "and so it does where it sends packet by packet"
behaviour others_not_detected "others' traffic is no feedback"
behaviour listed_left_out "what --exclude-list and --exclude name is left out"
behaviour wrong_exclusions "exclusions that cannot be are refused"
behaviours_run "$@"
