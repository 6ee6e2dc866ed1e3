#!/bin/bash
# SPDX-License-Identifier: MIT
#
# A capture of all interfaces of its network namespace is what `tcpdump -i any
# -y LINUX_SLL2` writes beside it, record for record: libpcap leaves what was
# in its buffer behind a short address, which is masked first.

. "$(dirname "$0")/lib.sh"

# In the order of stamps and bytes: on several CPUs that of records is not defined.
comparable() { # FILE
	savefile masked "$1" | savefile sorted -
}

# Run TRAFFIC while both capture; then compare. Both get $filter, tcpdump gets
# $tcpdump and the capture $keys (words).
compare() { # TRAFFIC
	local total

	capture_add left0 ring-bytes 64k snaplen 1500
	stamping
	capture_add any ring-bytes 4M ${keys:-} ${filter:+filter "$filter"}
	tcpdump_start tcpdump any -y LINUX_SLL2 ${tcpdump:-} ${filter:+"$filter"}
	"$1" > traffic.log 2>&1 || { cat traffic.log; return 1; }
	total=$(shown "$capture" captured)
	tcpdump_stop tcpdump "$total"
	same "dropped" 0 "$(shown "$capture" dropped)"
	capture_drain "$capture" any.pcap
	same "link type" 276 "$(od -An -tu4 -j20 -N4 any.pcap | tr -d ' ')"
	cmp <(comparable tcpdump.pcap) <(comparable any.pcap)
	at_least "packets captured" 1 "$total"
}

# Traffic

link_some() {
	ping -q -n -c 2 -i 0.01 10.7.0.2
	right ping -q -n -c 2 -i 0.01 -s 5000 10.7.0.1
	traffic -s 1472 -r $SILENT 50
	traffic -s 20000 $SILENT 2
}

loopback_some() {
	ping -q -n -c 2 -i 0.01 127.0.0.1
	traffic -s 20000 127.0.0.1 2
}

vlan_some() {
	ping -q -n -c 2 -i 0.01 10.7.5.2
	right ping -q -n -c 2 -i 0.01 10.7.5.1
}

everything_some() {
	link_some
	loopback_some
	vlan_some
	ping -q -n -c 2 -i 0.01 fd07::2
	ping -q -n -c 2 -i 0.01 10.8.0.2
}

elsewhere_some() {
	right ping -q -n -c 3 -i 0.01 127.0.0.1
	right ping -q -n -c 3 -i 0.01 10.7.0.2
	collect ping -q -n -c 3 -i 0.01 127.0.0.1
}

can_some() {
	python3 - <<- 'END'
		import socket, struct
		can = socket.socket(socket.AF_CAN, socket.SOCK_RAW, socket.CAN_RAW)
		can.bind(("vcan9",))
		for number in range(3):
		    can.send(struct.pack("=IB3x8s", number, 8, b"12345678"))
	END
}

# Behaviours

tunnel_create() {
	start tunnel tunnel tun7
	wait_for 10 "tun7 appears" test -e /sys/class/net/tun7
	ip address add 10.8.0.1/24 dev tun7
	ip link set tun7 up
}

# Ethernet, VLAN, loopback and what has no link header at all, in both families.
everything() {
	tunnel_create
	link_vlan SIDE0 SIDE0.5 802.1q 5
	link_ipv6
	ping -q -n -c 1 fd07::2 > /dev/null
	compare everything_some
	# three interfaces name themselves: their number is at 4
	at_least "packets of left0" 4 "$(of_interface left0)"
	at_least "packets of left0.5" 4 "$(of_interface left0.5)"
	at_least "packets of lo" 4 "$(of_interface lo)"
	at_least "packets of tun7" 2 "$(of_interface tun7)"
}

of_interface() { # NAME
	savefile match any.pcap 4 \
		"$(printf '%08x' "$(< "/sys/class/net/$1/ifindex")")"
}

# What the core puts into the data of a packet that goes out.
vlan_inside() {
	link_vlan SIDE0 SIDE0.5 802.1q 5
	ethtool -K left0 txvlan off
	compare vlan_some
	same "packets that name a tag as their protocol" 0 \
		"$(savefile match any.pcap 0 8100)"
}

short_snaplen() {
	local keys="snaplen 64" tcpdump="-s 64"

	compare link_some
	same "longest record" 64 "$(savefile longest any.pcap)"
}

direction_in() {
	local keys="direction in" tcpdump="-Q in"

	compare link_some
	same "packets that go out" 0 "$(savefile match any.pcap 10 04)"
}

direction_out() {
	local keys="direction out" tcpdump="-Q out"

	compare link_some
	same "packets that go out" "$(records any.pcap)" \
		"$(savefile match any.pcap 10 04)"
}

filter_icmp() {
	local filter="icmp and host 10.7.0.2"

	compare everything_but_tunnel
}

everything_but_tunnel() {
	link_some
	loopback_some
}

filter_udp() {
	local filter="udp and greater 500"

	compare everything_but_tunnel
}

loopback_once() {
	capture_add any ring-bytes 1M
	ping -q -n -c 3 -i 0.01 127.0.0.1
	same "seen" 6 "$(shown "$capture" seen)"
}

# They come in again; cooked, their identifier stays in host byte order.
can_once() {
	drivers_needed can_raw
	ip link add vcan9 type vcan
	ip link set vcan9 up
	compare can_some
	same "frames" 3 "$(records any.pcap)"
	ip link del vcan9
}

other_namespaces() {
	local in_right

	capture_add any ring-bytes 1M
	in_right=$(right pcapring add any ring-bytes 1M)
	elsewhere_some
	same "seen here" 0 "$(shown "$capture" seen)"
	in_right=$(right pcapring show --json "${in_right#/dev/pcapring}")
	[[ $in_right =~ \"seen\":\ 12, ]]
}

# A link that comes, and one that leaves for another namespace and returns.
interfaces_come_and_go() {
	capture_add any ring-bytes 1M
	ip link add later0 type dummy
	ip link set later0 up
	ip address add 10.9.0.1/24 dev later0
	ip neighbour add 10.9.0.2 lladdr $RIGHT_MAC dev later0
	traffic 10.9.0.2 10
	same "seen on a new interface" 10 "$(shown "$capture" seen)"
	ip link set left0 netns right
	right ip link set left0 up
	right ip link set left0 netns 1
	link_up
	ip address add 10.7.0.1/24 dev left0
	ip neighbour replace $SILENT lladdr $RIGHT_MAC dev left0
	traffic $SILENT 10
	same "seen on one that returned" 20 "$(shown "$capture" seen)"
}

namespace_ends() {
	local away

	ip netns add away
	ip -n away link set lo up
	away=$(ip netns exec away pcapring add any ring-bytes 1M)
	ip netns exec away ping -q -n -c 3 -i 0.01 127.0.0.1
	ip netns del away
	wait_for 10 "the capture is the host's" is_listed "${away#/dev/pcapring}"
	capture_drain "${away#/dev/pcapring}" away.pcap
	same "records" 6 "$(records away.pcap)"
	ping -q -n -c 3 -i 0.01 127.0.0.1
	same "seen" 6 "$(shown "${away#/dev/pcapring}" seen)"
	pcapring del "${away#/dev/pcapring}"
}

is_listed() { pcapring show "$1" > /dev/null 2>&1; }

behaviour everything "everything that passes, as tcpdump -i any writes it"
behaviour vlan_inside "tags in the data of packets that go out are passed over"
behaviour short_snaplen "snaplen counts the cooked header"
behaviour direction_in "direction in, of all interfaces"
behaviour direction_out "direction out, of all interfaces"
behaviour filter_icmp "a filter of addresses, of all interfaces"
behaviour filter_udp "a filter of lengths, of all interfaces"
behaviour loopback_once "of all interfaces, loopback shows each packet once"
behaviour can_once "of all interfaces, CAN shows each frame once"
behaviour other_namespaces "other namespaces are never seen"
behaviour interfaces_come_and_go "all interfaces means those to come, too"
behaviour namespace_ends "a capture of all interfaces ends with its namespace"

behaviours_run "$@"
