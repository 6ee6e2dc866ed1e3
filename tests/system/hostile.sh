#!/bin/bash
# SPDX-License-Identifier: MIT
#
# What user space may try, with the device and with netlink: it gets the right
# errno, and the kernel goes on as if nothing had been.

. "$(dirname "$0")/lib.sh"

small=(ring-bytes 64k snaplen 1500 rings 1)

# Nobody may not be let into the checkout: programs are copied.
as_nobody() { # PROGRAM [ARGUMENT...]
	as_nobody_within "" "$@"
}

as_nobody_within() { # WRAPPER PROGRAM [ARGUMENT...]
	local wrapper=$1 program=/tmp/within-reach/$2

	install -D -m 755 "$(type -P "$2")" "$program"
	shift 2
	# shellcheck disable=SC2086 # no word or several
	setpriv --reuid=65534 --regid=65534 --clear-groups \
		--bounding-set=-all $wrapper "$program" "$@"
}

# The capture still works.
works() {
	local before

	before=$(shown "$capture" captured)
	traffic $SILENT 5
	same "packets captured afterwards" $((before + 5)) \
		"$(shown "$capture" captured)"
}

device_case() { # CASE
	capture_add left0 "${small[@]}"
	hostile "$1" "$device"
	works
}

writable() { device_case writable; }
mprotect() { device_case mprotect; }
private() { device_case private; }
beyond() { device_case beyond; }
overlapping() { device_case overlapping; }
mremap() { device_case mremap; }
forked() { device_case fork; }
busy() { device_case busy; }
read_sleeps() { device_case read-sleeps; }
ioctls() { device_case ioctl; }

# A ring of 65536 bytes has room for 143 records of 458. Room that the kernel
# knew of is used up before it looks at the tail.
tail_case() { # CASE
	capture_add left0 "${small[@]}"
	start_ready hostile ready hostile "$1" "$device"
	traffic -s 400 $SILENT 200
	same "seen, captured, filtered, dropped" "200 143 0 57" \
		"$(counters "$capture")"
	same "bad tails" 57 "$(shown "$capture" bad_tails)"
	slay hostile
	wait_for 10 "the device is free" shows "$capture" reader false
	device nonblock "$device" > after.pcap
	same "skips" 1 "$(shown "$capture" skips)"
	works
	capture_drain "$capture" after.pcap
	numbered after.pcap 5
}

tail_beyond() { tail_case tail-beyond; }
tail_below() { tail_case tail-below; }
tail_far() { tail_case tail-far; }

moved_tail() {
	capture_add left0 "${small[@]}"
	traffic -s 600 $SILENT 1
	traffic -s 60 $SILENT 1
	hostile moved-tail "$device"
	works
}

# A wake-up that does not come ends with the test's time limit.
stale_seen() {
	capture_add left0 "${small[@]}"
	traffic $SILENT 5
	start_ready hostile ready hostile stale-seen "$device"
	traffic $SILENT 1
	finish hostile
	works
}

scribbled() {
	local i

	capture_add left0 "${small[@]}"
	start_ready hostile ready hostile scribble "$device"
	for i in {1..5}; do
		traffic -s 400 $SILENT 400
		same "seen" $((i * 400)) "$(shown "$capture" seen)"
		same "the identities" true "$(judged "$capture" '
			(.stats | .seen == .captured + .filtered + .dropped)
			and all(.rings[];
				.head == .stats.bytes + 16 * .stats.captured)')"
	done
	slay hostile
	wait_for 10 "the device is free" shows "$capture" reader false
	device nonblock "$device" > /dev/null
	works
}

crowd() {
	local i

	start traffic traffic -c 2 -i 1000 $SILENT 0
	start crowd hostile crowd -
	for i in {1..12}; do
		pcapring add left0 "${small[@]}" > /dev/null
		pcapring add lo ring-bytes 64k snaplen 1500 rings 2 > /dev/null
		pcapring del 0 || :
		pcapring del 1 || :
	done
	running traffic
	finish crowd
	capture_add left0 "${small[@]}"
	slay traffic
	works
}

malformed() {
	capture_add left0 "${small[@]}"
	hostile_netlink malformed "$capture"
	same "captures" 1 "$(pcapring show --json | jq length)"
	works
}

mutated() {
	module_reload max_bytes=4M
	capture_add left0 "${small[@]}"
	hostile_netlink mutated "$capture"
	pcapring show > /dev/null
	module_reload
	capture_add left0 "${small[@]}"
	works
}

buffers() {
	local i

	for i in {1..20}; do
		capture_add left0 "${small[@]}"
	done
	hostile_netlink buffers "$capture"
	same "captures" 20 "$(pcapring show --json | jq length)"
	works
}

# A long filter and many rings make a message that is longer than most.
long_messages() {
	local hosts i

	hosts="host 10.0.0.1"
	for i in {1..60}; do
		hosts+=" or host 10.1.$i.1"
	done
	capture_add left0 ring-bytes 4k snaplen 1500 rings 64 filter "$hosts"
	capture_add left0 ring-bytes 4k snaplen 1500 rings 64 filter "$hosts"
	same "rings" 64 "$(judged "$capture" '.rings | length')"
	at_least "instructions" 100 "$(shown "$capture" filter_instructions)"
	same "captures" 2 "$(pcapring show --json | jq length)"
}

unprivileged() {
	capture_add left0 "${small[@]}"
	as_nobody hostile_netlink unprivileged "$capture"
	as_nobody pcapring show > /dev/null
	fails as_nobody cat "$device" 2> error
	grep -q "Permission denied" error
	works
}

# Root of a user namespace of one's own is nobody here.
user_namespace() {
	capture_add left0 "${small[@]}"
	as_nobody_within "unshare --user --map-root-user" \
		hostile_netlink unprivileged "$capture"
	works
}

behaviour writable "read-only pages mapped writable: EACCES"
behaviour mprotect "read-only pages made writable: EACCES"
behaviour private "private mappings: EINVAL"
behaviour beyond "mappings beyond the end: EINVAL"
behaviour overlapping "mappings over one another work"
behaviour mremap "mappings that grow: EFAULT; that move: work"
behaviour forked "a child inherits no mapping"
behaviour busy "a second open, a read beside a mapping: EBUSY"
behaviour read_sleeps "a mapping beside a sleeping read: EBUSY"
behaviour ioctls "bad ioctls and filters: ENOTTY, EFAULT, EINVAL"
behaviour tail_beyond "a tail beyond head is no room, and counted"
behaviour tail_below "a tail far below head is no room, and counted"
behaviour tail_far "a tail of 2^63 is no room, and counted"
behaviour moved_tail "a tail that moves under a record read in part"
behaviour stale_seen "a reader that unmapped without a word is woken"
behaviour scribbled "a consumer page that is scribbled over harms nothing"
behaviour crowd "many open, map, read and close while captures come and go"
behaviour malformed "malformed netlink messages: the right errno"
behaviour mutated "3000 mutated netlink messages are all answered"
behaviour buffers "dumps into small buffers, abandoned half way"
behaviour long_messages "64 rings and a long filter can still be shown"
behaviour unprivileged "nobody may look, but change nothing and open nothing"
behaviour user_namespace "root of a user namespace may change nothing"
behaviours_run "$@"
