#!/bin/bash
# SPDX-License-Identifier: MIT
#
# The device is a savefile, live: for tcpdump, for cat, and for readers that
# read in their own way.

. "$(dirname "$0")/lib.sh"

small=(ring-bytes 64k snaplen 1500 rings 1)

readable_by_tcpdump() {
	capture_add left0 "${small[@]}"
	start_reader tcpdump tcpdump -n -r "$device" -c 5 udp port 9
	traffic $SILENT 5
	finish tcpdump
	same "lines" 5 "$(grep -c "10.7.0.1.* > $SILENT.9: UDP" tcpdump.out)"
}

readable_by_capinfos() {
	capture_add left0 "${small[@]}"
	start_reader cat cat "$device"
	traffic -s 200 $SILENT 50
	pcapring del "$capture"
	finish cat
	capinfos -M -c -E -l -t cat.out > capinfos.out
	grep -q "Number of packets: *50$" capinfos.out
	grep -q "File encapsulation: *ether$" capinfos.out
	grep -q "File type: *nsecpcap$" capinfos.out
	same "snaplen in the header" 1500 \
		"$(od -An -tu4 -j16 -N4 cat.out | tr -d ' ')"
	numbered cat.out 50
}

# A header holds for records, too, that were there before the snaplen fell.
lowered_snaplen() {
	capture_add left0 "${small[@]}"
	traffic -s 1000 $SILENT 1
	pcapring set "$capture" snaplen 96
	traffic -s 1000 $SILENT 1
	device nonblock "$device" > before.pcap
	same "snaplen in the header" 1500 \
		"$(od -An -tu4 -j16 -N4 before.pcap | tr -d ' ')"
	traffic -s 1000 $SILENT 1
	capture_drain "$capture" after.pcap
	same "snaplen in the header" 1500 \
		"$(od -An -tu4 -j16 -N4 after.pcap | tr -d ' ')"
	device nonblock "$device" > empty.pcap
	same "snaplen in the header" 96 \
		"$(od -An -tu4 -j16 -N4 empty.pcap | tr -d ' ')"
}

one_byte_at_a_time() {
	local bytes

	capture_add left0 "${small[@]}"
	traffic -s 60 -r $SILENT 10
	bytes=$(($(shown "$capture" head) + 24))
	dd if="$device" bs=1 count="$bytes" status=none > dd.out
	numbered dd.out 10
	same "bytes" "$bytes" "$(stat -c %s dd.out)"
	same "tail" "$(shown "$capture" head)" \
		"$(shown "$capture" tail)"
}

odd_sizes() {
	local size

	for size in 7 25 999; do
		capture_add left0 "${small[@]}"
		traffic -s 100 -r $SILENT 10
		start_reader dd dd if="$device" bs=$size status=none
		pcapring del "$capture"
		finish dd
		numbered dd.out 10
	done
}

nonblocking() {
	capture_add left0 "${small[@]}"
	device nonblock "$device" > empty.pcap 2> end
	same "end of the empty ring" EAGAIN "$(cat end)"
	same "bytes of an empty savefile" 24 "$(stat -c %s empty.pcap)"
	traffic $SILENT 3
	device nonblock "$device" > three.pcap 2> end
	same "end of the drained ring" EAGAIN "$(cat end)"
	numbered three.pcap 3
}

header_readable() {
	capture_add left0 "${small[@]}"
	start poll device poll "$device"
	finish poll
	same "events" in "$(tail -n 1 poll.out)"
}

# Where there is no interface yet, not even the header can be read.
woken_by() { # poll or epoll
	capture_add later0 "${small[@]}"
	start_ready waiter ready device "$1" "$device"
	wait_for 10 "$1 sleeps" sleeps waiter
	ip link add later0 type dummy
	finish waiter
	same "events" in "$(tail -n 1 waiter.out)"
}

woken_poll() { woken_by poll; }
woken_epoll() { woken_by epoll; }

no_wake_up_lost() { # read or map
	capture_add left0 "${small[@]}"
	device alternate "$1" "$device" $SILENT 1500
	at_least "wake-ups" 100 "$(shown "$capture" wakeups)"
	same "captured" 1500 "$(shown "$capture" captured)"
}

no_wake_up_lost_read() { no_wake_up_lost read; }
no_wake_up_lost_map() { no_wake_up_lost map; }

partial_record() {
	capture_add left0 "${small[@]}"
	traffic -s 200 $SILENT 5
	# The header, one record and ten bytes of the second.
	dd if="$device" bs=$((24 + 258 + 10)) count=1 status=none > first
	device nonblock "$device" > second.pcap
	head -c $((24 + 258)) first > first.pcap
	numbered first.pcap 1
	numbered second.pcap 4 1
	same "skips" 0 "$(shown "$capture" skips)"
}

partial_header() {
	capture_add left0 "${small[@]}"
	traffic $SILENT 2
	dd if="$device" bs=10 count=2 status=none > first
	same "bytes" 20 "$(stat -c %s first)"
	device nonblock "$device" > second.pcap
	numbered second.pcap 2
}

one_after_the_other() {
	capture_add left0 "${small[@]}"
	traffic -s 200 $SILENT 6
	dd if="$device" bs=$((24 + 3 * 258)) count=1 status=none > first.pcap
	device nonblock "$device" > second.pcap
	numbered first.pcap 3
	numbered second.pcap 3 3
}

one_reader() {
	capture_add left0 "${small[@]}"
	start_ready hold ready device hold "$device"
	same "reader" true "$(shown "$capture" reader)"
	fails cat "$device" 2> error
	grep -q "busy" error
	slay hold
	wait_for 10 "the device is free" shows "$capture" reader false
	device nonblock "$device" > /dev/null
}

header_waits() {
	capture_add later0 "${small[@]}"
	device nonblock "$device" > nothing 2> end
	same "end" EAGAIN "$(cat end)"
	same "bytes before the link type is known" 0 "$(stat -c %s nothing)"
	same "link type" null "$(shown "$capture" linktype)"
	start_reader cat cat "$device"
	wait_for 10 "cat sleeps" sleeps cat
	ip link add later0 type dummy
	wait_for 10 "the header is there" test -s cat.out
	same "bytes of the header" 24 "$(stat -c %s cat.out)"
	pcapring del "$capture"
	finish cat
}

merged_by_time() {
	capture_add left0 ring-bytes 64k snaplen 1500 rings 4 steer flow
	for port in {1..12}; do
		traffic -p "$port" $SILENT 2
	done
	device nonblock "$device" > merged.pcap
	same "packets" 24 "$(records merged.pcap)"
	tcpdump -tt -n -r merged.pcap 2> /dev/null | cut -d ' ' -f 1 > stamps
	sort -n stamps | cmp - stamps
	at_least "rings in use" 2 "$(judged "$capture" \
		'[.rings[].stats.captured | select(. > 0)] | length')"
}

behaviour readable_by_tcpdump "tcpdump -r reads the device, live"
behaviour readable_by_capinfos "cat makes a savefile that capinfos understands"
behaviour lowered_snaplen "a header holds for all records that follow"
behaviour one_byte_at_a_time "a reader with a one-byte buffer gets every byte"
behaviour odd_sizes "readers with odd buffers get every byte"
behaviour nonblocking "without blocking: the header, then EAGAIN"
behaviour header_readable "poll says that the header can be read"
behaviour woken_poll "poll wakes up when the header becomes due"
behaviour woken_epoll "epoll wakes up when the header becomes due"
behaviour no_wake_up_lost_read "no wake-up is lost: 1500 sleeps in read"
behaviour no_wake_up_lost_map "no wake-up is lost: 1500 sleeps in poll, mapped"
behaviour partial_record "a record read in part is given whole to the next"
behaviour partial_header "a header read in part is given whole to the next"
behaviour one_after_the_other "two readers, one after the other, share it all"
behaviour one_reader "a second reader is refused: EBUSY"
behaviour header_waits "the header is due once the link type is known"
behaviour merged_by_time "records of several rings come in the order of time"
behaviours_run "$@"
