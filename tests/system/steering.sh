#!/bin/bash
# SPDX-License-Identifier: MIT
#
# steer=flow: both directions of a flow are in one ring, whatever it is made of,
# and flows are spread over the rings.

. "$(dirname "$0")/lib.sh"

flows="$(dirname "$0")/flows"
rings=4

# Conversations with ADDRESSes, each found whole in one ring.
conversations() { # COUNT ADDRESS...
	local count=$1 name

	shift
	start_ready server ready right "$flows" serve "$@"
	capture_add left0 rings $rings steer flow ring-bytes 256k snaplen 1500
	"$flows" talk "$count" "$@"
	wait_for 10 "TCP is silent here" tcp_silent
	wait_for 10 "TCP is silent there" tcp_silent right
	"$flows" rings "/dev/pcapring$capture" > found
	cat found
	same "dropped" 0 "$(shown "$capture" dropped)"
	same "flows in more than one ring" "" \
		"$(cut -d ' ' -f 4- found | sort | uniq -d)"
	for name in tcp udp; do
		same "$name flows" $((count * $#)) "$(grep -c " 2 $name " found)"
	done
	same "pairs that fragments are between" $# "$(grep -c " 2 fragments " found)"
	at_least "rings in use" 2 "$(cut -d ' ' -f 1 found | sort -u | wc -l)"
	stop server || :
}

ipv4() { conversations 8 10.7.0.2; }

ipv6() {
	link_ipv6
	ping -q -n -c 1 fd07::2 > /dev/null
	conversations 8 fd07::2
}

# One tag beside the data, and two, of which one is in the data.
vlan() {
	link_vlan SIDE0 SIDE0.5 802.1q 5
	link_vlan SIDE0 SIDE0.7 802.1ad 7
	link_vlan SIDE0.7 SIDE0.7.6 802.1q 6
	conversations 6 10.7.5.2 10.7.6.2
}

# Tagged by the card in one direction, by the core in the other.
vlan_inside() {
	ethtool -K left0 txvlan off
	link_vlan SIDE0 SIDE0.5 802.1q 5
	conversations 6 10.7.5.2
}

# By CPU, each of two senders fills a ring of its own.
by_cpu() {
	local ring

	capture_add left0 rings 2 steer cpu ring-bytes 1M snaplen 1500
	traffic -c 2 -s 100 $SILENT 200
	for ring in 0 1; do
		same "packets in ring $ring" 100 \
			"$(judged "$capture" ".rings[$ring].stats.seen")"
	done
}

behaviour ipv4 "TCP, UDP and fragments: both directions in one ring"
behaviour ipv6 "TCP, UDP and fragments over IPv6: both directions in one ring"
behaviour vlan "TCP, UDP and fragments with tags: both directions in one ring"
behaviour vlan_inside "tags in the data of one direction: both in one ring"
[ "${CPUS:-$(nproc)}" -lt 2 ] || behaviour by_cpu "steer=cpu: each CPU fills its own ring"

behaviours_run "$@"
