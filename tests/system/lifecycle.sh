#!/bin/bash
# SPDX-License-Identifier: MIT
#
# Interfaces, captures, readers and the module itself come and go, under
# traffic, in any order.

. "$(dirname "$0")/lib.sh"

small=(ring-bytes 64k snaplen 1500 rings 1)
large=(ring-bytes 16M snaplen 1500 rings 1)

attached() { shows "$1" attached true; }
detached() { shows "$1" attached false; }

# Interfaces

link_down_up() {
	capture_add left0 "${small[@]}"
	start_reader cat cat "$device"
	traffic $SILENT 5
	ip link set left0 down
	attached "$capture"
	link_up
	traffic $SILENT 5
	pcapring del "$capture"
	finish cat
	same "numbers" "0 1 2 3 4 0 1 2 3 4 " \
		"$(savefile sequence cat.out | tr '\n' ' ')"
}

deleted_and_created() {
	capture_add left0 "${small[@]}"
	start_reader cat cat "$device"
	traffic $SILENT 5
	ip link del left0
	detached "$capture"
	running cat
	link_create
	attached "$capture"
	traffic $SILENT 5
	pcapring del "$capture"
	finish cat
	same "numbers" "0 1 2 3 4 0 1 2 3 4 " \
		"$(savefile sequence cat.out | tr '\n' ' ')"
}

deleted_under_traffic() {
	capture_add left0 "${large[@]}"
	start_reader cat cat "$device"
	start traffic traffic -i 200 $SILENT 0
	for _ in {1..10}; do
		ip link del left0
		link_create
		attached "$capture"
	done
	kill -TERM "${started[traffic]}"
	finish traffic
	same "dropped" 0 "$(shown "$capture" dropped)"
	pcapring del "$capture"
	finish cat
	savefile count cat.out
}

renamed() {
	capture_add left0 "${small[@]}"
	start_reader cat cat "$device"
	traffic $SILENT 5
	ip link set left0 down
	ip link set left0 name other0
	shows "$capture" interface other0
	attached "$capture"
	ip link set other0 name left0
	link_up
	traffic $SILENT 5
	pcapring del "$capture"
	finish cat
	same "packets" 10 "$(records cat.out)"
}

renamed_to_any() {
	capture_add left0 "${small[@]}" promisc on
	ip link set left0 down
	ip link set left0 name any
	pcapring set "$capture" snaplen 100
	shows "$capture" snaplen 100
	ip link set any name left0
}

mtu_changed() {
	local mtu

	capture_add left0 ring-bytes 4M snaplen 9000 rings 1
	start traffic traffic -i 2000 -s 1400 -r $SILENT 0
	for mtu in 9000 576 1280 68 1500 9000; do
		ip link set left0 mtu $mtu
		ip -n right link set right0 mtu $mtu
	done
	traffic -s 8000 $SILENT 1
	kill -TERM "${started[traffic]}"
	finish traffic
	capture_drain "$capture" drained.pcap
	same "captured" "$(shown "$capture" captured)" \
		"$(records drained.pcap)"
	same "longest packet" 8042 "$(savefile longest drained.pcap)"
	same "dropped" 0 "$(shown "$capture" dropped)"
}

moved_away_and_back() {
	capture_add left0 "${small[@]}" promisc on
	start_reader cat cat "$device"
	traffic $SILENT 5
	ip netns add away
	ip link set left0 netns away
	detached "$capture"
	ip -n away -d link show left0 | grep "promiscuity 0 "
	ip -n away link set left0 up
	ip -n away address add 10.7.0.1/24 dev left0
	right ping -q -n -c 1 10.7.0.1
	same "captured meanwhile" 5 "$(shown "$capture" captured)"
	ip -n away link set left0 netns 1
	attached "$capture"
	ip address add 10.7.0.1/24 dev left0
	link_up
	traffic $SILENT 5
	pcapring del "$capture"
	finish cat
	same "packets" 10 "$(records cat.out)"
}

not_there_yet() {
	capture_add later0 "${small[@]}"
	start_reader cat cat "$device"
	detached "$capture"
	ip link add later0 type dummy
	attached "$capture"
	ip link set later0 up
	ip address add 10.9.0.1/24 dev later0
	ip neighbour replace 10.9.0.2 lladdr $RIGHT_MAC dev later0
	traffic 10.9.0.2 5
	pcapring del "$capture"
	finish cat
	numbered cat.out 5
}

other_link_type() {
	capture_add left0 "${small[@]}"
	monitor_start
	traffic $SILENT 5
	ip link del left0
	start tunnel tunnel left0
	wait_for 10 "the tun device" test -e /sys/class/net/left0
	ip link set left0 up
	ip address add 10.8.0.1/24 dev left0
	ping -q -n -c 2 -i 0.01 10.8.0.2
	detached "$capture"
	same "link type" 1 "$(shown "$capture" linktype)"
	same "captured" 5 "$(shown "$capture" captured)"
	wait_for 10 "an event that says why" says monitor \
		'"event":"detached".*"reason":"[^"]*another link type'
	slay tunnel
	wait_for 10 "the tun device goes" test ! -e /sys/class/net/left0
	link_create
	attached "$capture"
}

# A capture whose namespace is gone can be deleted in the initial one.
namespace_deleted() {
	local capture device

	ip netns add away
	ip -n away link add inside0 type dummy
	device=$(ip netns exec away pcapring add inside0 "${small[@]}")
	capture=${device#/dev/pcapring}
	fails pcapring show "$capture" 2> /dev/null
	start cat cat "$device"
	ip netns del away
	wait_for 10 "the capture is here" shows "$capture" attached false
	running cat
	pcapring del "$capture"
	finish cat
}

# Promiscuity: as many switch it off as have switched it on.

promiscuity() { # EXPECTED
	ip -d link show left0 | grep "promiscuity $1 " > /dev/null
}

promiscuous() {
	local first

	promiscuity 0
	capture_add left0 "${small[@]}" promisc on
	first=$capture
	wait_for 5 "promiscuity 1" promiscuity 1
	capture_add left0 "${small[@]}" promisc on
	wait_for 5 "promiscuity 2" promiscuity 2
	pcapring set "$capture" promisc on
	pcapring set "$first" promisc off
	wait_for 5 "promiscuity 1 after set" promiscuity 1
	pcapring set "$first" promisc off
	pcapring del "$first"
	wait_for 5 "promiscuity 1 after del" promiscuity 1
	ip link set left0 down
	link_up
	promiscuity 1
	rmmod pcapring
	promiscuity 0
}

# Captures and the module

snaplen_set() {
	capture_add left0 "${small[@]}"
	pcapring set "$capture" snaplen 96
	traffic -s 200 $SILENT 3
	fails pcapring set "$capture" snaplen 1500
	start_ready hold ready device hold "$device"
	fails pcapring set "$capture" snaplen 1500
	slay hold
	wait_for 5 "no reader" shows "$capture" reader false
	capture_drain "$capture" drained.pcap
	same "longest record" 96 "$(savefile longest drained.pcap)"
	pcapring set "$capture" snaplen 1400
	same "snaplen" 1400 "$(shown "$capture" snaplen)"
}

loaded_and_unloaded() {
	local i

	rmmod pcapring
	start there traffic -i 1000 -r -s 1400 $SILENT 0
	start back right traffic -i 1000 $SILENT_LEFT 0
	for i in {1..20}; do
		modprobe pcapring iface=left0,lo ring_bytes=64k snaplen=1500
		wait_for 5 "packets" has_captured 0 1
		rmmod pcapring
	done
	running there
	running back
	modprobe pcapring
}

pinned_by_reader() {
	capture_add left0 "${small[@]}"
	start_ready hold ready device hold "$device"
	fails rmmod pcapring 2> error
	grep -qi "in use" error
	traffic $SILENT 3
	same "captured" 3 "$(shown "$capture" captured)"
	slay hold
}

several_interfaces() {
	module_reload iface=left0,lo,later0 ring_bytes=64k snaplen=1000 rings=2
	same "interfaces" "left0 lo later0" \
		"$(pcapring show --json | jq -r '[.[].interface] | join(" ")')"
	same "attached" "true true false" "$(pcapring show --json |
		jq -r '[.[].attached | tostring] | join(" ")')"
	same "settings" "1000 65536 2" "$(pcapring show --json |
		jq -r '.[0] | "\(.snaplen) \(.ring_bytes) \(.rings | length)"')"
	test -c /dev/pcapring0 -a -c /dev/pcapring1 -a -c /dev/pcapring2
}

all_parameters() {
	module_reload iface=left0,any ring_bytes=64k snaplen=1500 rings=1 \
		steer=flow mode=overwrite direction=in tstamp=hw sample=3
	same "settings" "2 flow overwrite in hardware 3" \
		"$(pcapring show --json | jq -r '"\(length) " + (.[1] |
			"\(.steer) \(.mode) \(.direction) \(.tstamp) \(.sample)")')"
	module_reload iface=left0 allmulti=1 promisc=1 ring_bytes=64k snaplen=1500
	same "settings" "true true both software 1" "$(pcapring show --json |
		jq -r '.[0] | "\(.allmulti) \(.promisc) \(.direction) \(.tstamp) \(.sample)"')"
}

# Each load fails, and the log names the parameter, its value and the range.
bad_parameters() {
	local parameters name value range

	rmmod pcapring
	while IFS='|' read -r parameters name value range; do
		dmesg -C
		# shellcheck disable=SC2086
		fails modprobe pcapring $parameters 2> /dev/null
		[ ! -e /sys/module/pcapring ]
		dmesg > log
		if ! grep -qE "pcapring: .*$name=$value: .*$range" log; then
			echo "not said for $parameters: $name=$value $range"
			cat log
			return 1
		fi
	done <<- END
	iface=sixteencharacter|iface|sixteencharacter|1 to 15
	iface=a/b|iface|a/b|1 to 15
	iface=left0,|iface||1 to 15
	iface=lo,a:b|iface|a:b|1 to 15
	iface=lo snaplen=262145|snaplen|262145|1 to 262144
	iface=lo snaplen=0|snaplen|0|1 to 262144
	iface=lo snaplen=many|snaplen|many|1 to 262144
	iface=lo ring_bytes=2G|ring_bytes|2G|1 GiB
	iface=lo ring_bytes=100000|ring_bytes|100000|power of two
	iface=lo ring_bytes=64k|ring_bytes|64k|16 . snaplen
	iface=lo ring_bytes=32Q|ring_bytes|32Q|number of bytes
	iface=lo ring_bytes=2M max_bytes=1M|ring_bytes|2M|max_bytes
	iface=lo rings=65|rings|65|64
	iface=lo steer=sideways|steer|sideways|cpu or flow
	iface=lo mode=ring|mode|ring|normal or overwrite
	iface=lo direction=up|direction|up|in, out or both
	iface=lo tstamp=ntp|tstamp|ntp|hardware .hw.
	iface=lo tstamp=hw|tstamp|hw|only with direction in
	iface=lo sample=0|sample|0|1 .each packet.
	iface=lo sample=some|sample|some|number
	iface=any promisc=1|promisc|1|all interfaces
	iface=any allmulti=1|allmulti|1|all interfaces
	iface=lo userns_bytes=all|userns_bytes|all|number of bytes
	END
	modprobe pcapring
}

events() {
	monitor_start
	capture_add left0 "${small[@]}"
	ip link del left0
	link_create
	pcapring set "$capture" snaplen 100
	pcapring del "$capture"
	wait_for 10 "the deleted event" says monitor '"event":"deleted"'
	same "events" \
		"created attached detached attached changed detached deleted" \
		"$(jq -r .event monitor.out | tr '\n' ' ' | sed 's/ $//')"
}

# Readers

deleted_under_read() {
	capture_add left0 "${small[@]}"
	start_reader cat cat "$device"
	traffic $SILENT 5
	wait_for 10 "cat got all" has_records cat.out 5
	wait_for 10 "cat sleeps" sleeps cat
	pcapring del "$capture"
	finish cat
	numbered cat.out 5
	[ ! -e "$device" ]
}

deleted_drains() {
	capture_add left0 "${small[@]}"
	traffic -s 300 $SILENT 50
	exec 9< "$device"
	pcapring del "$capture"
	cat <&9 > drained.pcap
	exec 9<&-
	numbered drained.pcap 50
}

deleted_under_poll() {
	capture_add later0 "${small[@]}"
	start_ready poll ready device poll "$device"
	wait_for 10 "poll sleeps" sleeps poll
	pcapring del "$capture"
	finish poll
	same "events" hup "$(tail -n 1 poll.out)"
}

deleted_while_mapped() {
	capture_add left0 "${small[@]}"
	start_ready deleted ready device deleted "$device"
	wait_for 10 "it sleeps" sleeps deleted
	pcapring del "$capture"
	finish deleted
	same "poll, then a new mapping" "hup ENODEV" \
		"$(tail -n 2 deleted.out | tr '\n' ' ' | sed 's/ $//')"
}

killed_reader() {
	capture_add left0 "${small[@]}"
	traffic -s 300 $SILENT 30
	start_ready first ready device take "$device" 7 11
	slay first
	same "tail" $((7 * 358)) "$(shown "$capture" tail)"
	start_ready second ready device take "$device" 8 0
	slay second
	capture_drain "$capture" third.pcap
	head -c 24 third.pcap | cat - first.out second.out > taken.pcap
	numbered taken.pcap 15
	numbered third.pcap 15 15
	same "skips" 0 "$(shown "$capture" skips)"
}

killed_reader_under_traffic() {
	local i sent

	capture_add left0 "${large[@]}"
	start traffic traffic -i 500 -s 1400 -r $SILENT 0
	for i in {1..8}; do
		start_ready "copy$i" ready device copy "$device" copy.pcap
		wait_for 10 "packets" has_captured "$capture" $((i * 40))
		slay "copy$i"
	done
	kill -TERM "${started[traffic]}"
	finish traffic
	sent=$(cat traffic.out)
	start_ready last ready device copy "$device" copy.pcap
	pcapring del "$capture"
	finish last
	numbered copy.pcap "$sent"
}

torn_tail() {
	capture_add left0 "${small[@]}"
	traffic $SILENT 10
	device tear "$device"
	start_reader hold device hold "$device"
	same "skips" 1 "$(shown "$capture" skips)"
	slay hold
	wait_for 5 "no reader" shows "$capture" reader false
	capture_drain "$capture" nothing.pcap
	same "records after the skip" 0 "$(records nothing.pcap)"
	traffic $SILENT 5
	capture_drain "$capture" after.pcap
	numbered after.pcap 5
	same "skips" 1 "$(shown "$capture" skips)"
}

# The way to the collector

unconfirmed() { # NAME...: what the relays reported, added up
	local name

	for name; do
		sed -n 's/.* \([0-9]*\) unconfirmed, [0-9]* reconnects.*/\1/p' \
			"$name.err"
	done | awk '{ sum += $1 } END { print sum + 0 }'
}

# How often 0..COUNT-1 are missing from FILE, and are there again.
missing_and_twice() { # FILE COUNT
	savefile sequence "$1" | awk -v count="$2" '
		{ times[$1]++ }
		END {
			for (i = 0; i < count; i++)
				if (!times[i]) missing++
				else twice += times[i] - 1
			print missing + 0, twice + 0
		}'
}

has_number() { # FILE NUMBER
	savefile sequence "$1" 2> /dev/null | grep -x "$2" > /dev/null
}

# Records of datagrams of 500 bytes are 558 bytes long, so that a position tells
# the number. What lies before the tail was away, or on its way; SIGKILL keeps
# a relay from reporting how much that was.
relay_killed() {
	local sent tail

	capture_add left0 "${large[@]}"
	collector_start stream 50051
	relay_start stream 50051 "$device" --protocol packet --nanoseconds
	start traffic traffic -i 2000 -s 500 $SILENT 0
	wait_for 20 "packets arrive" has_number stream.pcap 100
	slay stream-relay
	wait_for 20 "the device is free" shows "$capture" reader false
	tail=$(shown "$capture" tail)
	same "tail is a record boundary" 0 $((tail % 558))
	relay_start stream 50051 "$device" --protocol packet --nanoseconds
	wait_for 20 "packets arrive again" has_number stream.pcap \
		$(($(shown "$capture" head) / 558))
	kill -TERM "${started[traffic]}"
	finish traffic
	sent=$(cat traffic.out)
	wait_for 20 "the last packet arrives" has_number stream.pcap $((sent - 1))
	stop stream-relay
	stop stream-collector
	savefile sequence stream.pcap | sort -n | uniq |
		awk -v from=$((tail / 558)) '$1 >= from' > numbers
	seq $((tail / 558)) $((sent - 1)) | cmp - numbers
	echo "$sent sent, missing and twice: $(missing_and_twice stream.pcap "$sent")"
	same "skips" 0 "$(shown "$capture" skips)"
	same "dropped" 0 "$(shown "$capture" dropped)"
}

collector_killed() {
	local sent missing twice counted

	capture_add left0 "${large[@]}"
	collector_start stream 50051
	relay_start stream 50051 "$device" --protocol packet --nanoseconds
	start traffic traffic -i 2000 -s 500 $SILENT 0
	wait_for 20 "packets arrive" has_number stream.pcap 50
	slay stream-collector
	wait_for 20 "the relay says so" says stream-relay "is away"
	collector_start stream 50051
	wait_for 20 "the relay is back" \
		says stream-relay 'connected to.*connected to'
	kill -TERM "${started[traffic]}"
	finish traffic
	sent=$(cat traffic.out)
	wait_for 20 "the last packet arrives" has_number stream.pcap $((sent - 1))
	stop stream-relay
	stop stream-collector
	read -r missing twice < <(missing_and_twice stream.pcap "$sent")
	counted=$(unconfirmed stream-relay)
	echo "$sent sent, $missing missing, $twice twice, $counted unconfirmed"
	at_least "unconfirmed" $((missing + twice)) "$counted"
	same "dropped" 0 "$(shown "$capture" dropped)"
}

behaviour link_down_up "a link goes down and up: the same file goes on"
behaviour deleted_and_created "an interface is deleted and created: it goes on"
behaviour deleted_under_traffic "an interface is deleted and created under traffic"
behaviour renamed "a renamed interface is followed"
behaviour renamed_to_any "an interface that is renamed to any is one like others"
behaviour mtu_changed "the MTU changes under traffic"
behaviour moved_away_and_back "an interface leaves the namespace and comes back"
behaviour not_there_yet "a capture waits for an interface"
behaviour other_link_type "an interface of another link type stays detached"
behaviour namespace_deleted "a namespace is deleted with its capture"
behaviour promiscuous "promiscuity is given back exactly"
behaviour snaplen_set "snaplen is lowered at once, raised when nobody reads"
behaviour loaded_and_unloaded "the module is loaded and unloaded under traffic, 20 times"
behaviour pinned_by_reader "the module stays while a reader has the device open"
behaviour several_interfaces "one capture for each interface of iface="
behaviour all_parameters "each parameter is what captures are made with"
behaviour bad_parameters "bad parameters: the load fails, the log says why"
behaviour events "events are told in order"
behaviour deleted_under_read "a capture deleted under a sleeping reader: end of file"
behaviour deleted_drains "a deleted capture gives what is left"
behaviour deleted_under_poll "a capture deleted under poll: POLLHUP"
behaviour deleted_while_mapped "a deleted capture's mapping stays, a new one is refused"
behaviour killed_reader "a killed reader's successor starts at the tail exactly"
behaviour killed_reader_under_traffic "readers killed under traffic: nothing lost or twice"
behaviour torn_tail "a tail inside of a record is skipped and counted"
behaviour relay_killed "packet by packet, a killed relay's successor goes on at the tail"
behaviour collector_killed "packet by packet, a killed collector: the loss is within what is counted"
behaviours_run "$@"
