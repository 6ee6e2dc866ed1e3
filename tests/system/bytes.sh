#!/bin/bash
# SPDX-License-Identifier: MIT
#
# The same traffic, captured by tcpdump, by a reader of the device and by three
# collectors at the end of three relays, is the same byte for byte.
#
#	interface -> tcpdump -w                        tcpdump.pcap
#	          -> capture -> cat                    read.pcap
#	          -> capture -> relay -> collector     records.pcap
#	          -> capture -> relay --protocol packet
#	                              -> collector     microseconds.pcap
#	          -> capture -> relay --protocol packet --nanoseconds
#	                              -> collector     nanoseconds.pcap
#
# On one CPU the order of packets is defined, and the files are compared with
# cmp. On several it is not, not even between two tcpdumps: there the records
# are sorted first.
#
# A TCP segment that this machine's own stack sends carries its departure time
# where the time of its arrival would be noted, so that where it is received,
# on veth and on lo, each tap reads the clock for itself (skb_tstamp() in the
# kernel; two tcpdumps differ as well). Outgoing ones have one stamp for all.
# So TCP is compared byte for byte going out, and frame for frame both ways.

. "$(dirname "$0")/lib.sh"

CPUS=${CPUS:-$(nproc)}
if [ "$CPUS" = 1 ]; then
	HOW="cmp-identical"
else
	HOW="the same set of records"
fi

# Compare

identical() { # FILE FILE
	if [ "$CPUS" = 1 ]; then
		cmp "$1" "$2"
	else
		cmp <(savefile sorted "$1") <(savefile sorted "$2")
	fi
}

relay_stop() { # NAME RECORDS
	wait_for 20 "$1.pcap holds $2 records" has_records "$1.pcap" "$2"
	stop "$1-relay"
	stop "$1-collector"
}

# All captures saw as much as tcpdump did; each file is whole after that.
everything_stop() { # CAPTURE...
	local total

	total=$(shown "$1" captured)
	tcpdump_stop tcpdump "$total"
	for capture; do
		same "captured by $capture" "$total" \
			"$(shown "$capture" captured)"
		same "dropped by $capture" 0 "$(shown "$capture" dropped)"
	done
	pcapring del "$1"
	finish cat
	relay_stop records "$total"
	relay_stop microseconds "$total"
	relay_stop nanoseconds "$total"
	at_least "packets captured" 1 "$total"
}

# The same frames; stamps may be apart, but not by a second.
alike() { # FILE FILE
	local apart

	savefile unstamped "$1" > unstamped1.pcap
	savefile unstamped "$2" > unstamped2.pcap
	identical unstamped1.pcap unstamped2.pcap
	apart=$(savefile apart "$1" "$2")
	at_least "nanoseconds between stamps, at most" "$apart" 1000000000
}

# Run TRAFFIC while everybody captures INTERFACE; then compare. tcpdump gets
# $tcpdump (words) and $filter, captures get $keys (words) and $filter.
compare() { # INTERFACE TRAFFIC
	local ids=() settings=(ring-bytes 4M ${keys:-})

	[ -z "${filter:-}" ] || settings+=(filter "$filter")
	# The kernel stamps early as long as there is a capture; the probes that
	# tell when it does so are not for those that are compared.
	capture_add left0 ring-bytes 64k snaplen 1500
	stamping
	for _ in 1 2 3 4; do
		capture_add "$1" "${settings[@]}"
		ids+=("$capture")
	done
	tcpdump_start tcpdump "$1" -s "${snaplen:-262144}" ${tcpdump:-} \
		${filter:+"$filter"}
	start cat cat "/dev/pcapring${ids[0]}"
	collector_start records 50051
	relay_start records 50051 "/dev/pcapring${ids[1]}"
	collector_start microseconds 50052
	relay_start microseconds 50052 "/dev/pcapring${ids[2]}" --protocol packet
	collector_start nanoseconds 50053
	relay_start nanoseconds 50053 "/dev/pcapring${ids[3]}" \
		--protocol packet --nanoseconds
	"$2" > traffic.log 2>&1 || { cat traffic.log; return 1; }
	everything_stop "${ids[@]}"
	savefile microseconds tcpdump.pcap > reduced.pcap
	"${compared:-identical}" tcpdump.pcap cat.out
	"${compared:-identical}" tcpdump.pcap records.pcap
	"${compared:-identical}" tcpdump.pcap nanoseconds.pcap
	"${compared:-identical}" reduced.pcap microseconds.pcap
}

# Traffic

ping_some() {
	ping -q -n -c 3 -i 0.01 10.7.0.2
	ping -q -n -c 2 -i 0.01 -s 1400 10.7.0.2
	right ping -q -n -c 2 -i 0.01 -s 5000 10.7.0.1
}

udp_some() {
	traffic -s 1472 -r $SILENT 300
	traffic -s 20000 $SILENT 5
}

tcp_some() { # [ADDRESS]
	start_ready server "listening" right iperf3 -s -1 --forceflush
	iperf3 -c "${1:-10.7.0.2}" -n 500k
	finish server
	wait_for 10 "TCP is silent here" tcp_silent
	wait_for 10 "TCP is silent there" tcp_silent right
}

ipv6_some() {
	ping -q -n -c 3 -i 0.01 fd07::2
	right ping -q -n -c 2 -i 0.01 -s 5000 fd07::1
	traffic -s 1452 -r fd07::2 50
}

vlan_some() { # [ID]
	ping -q -n -c 3 -i 0.01 "10.7.${1:-5}.2"
	traffic -p 53 -s 500 -r "10.7.${1:-5}.2" 20
	ping -q -n -c 2 -i 0.01 10.7.0.2
	traffic -p 53 -s 500 -r $SILENT 20
}

loopback_some() {
	ping -q -n -c 3 -i 0.01 127.0.0.1
	traffic -s 1472 -r 127.0.0.1 50
	traffic -s 20000 127.0.0.1 5
}

loopback_tcp_some() {
	start_ready server "listening" iperf3 -s -1 --forceflush
	iperf3 -c 127.0.0.1 -n 500k
	finish server
	wait_for 10 "TCP is silent" tcp_silent
}

tunnel_some() {
	ping -q -n -c 5 -i 0.01 10.8.0.2
	ping -q -n -c 2 -i 0.01 -s 5000 10.8.0.3
}

processors_some() {
	traffic -c "$CPUS" -s 64 $SILENT 2000
	right traffic -c "$CPUS" -s 64 $SILENT_LEFT 500
}

replay_some() {
	savefile generate 200 > generated.pcap
	right tcpreplay -q -t -i right0 generated.pcap
}

# Behaviours

icmp() { compare left0 ping_some; }

udp() { compare left0 udp_some; }

tcp_out() {
	local keys="direction out" tcpdump="-Q out"

	compare left0 tcp_some
	at_least "longest packet" 1515 "$(savefile longest tcpdump.pcap)"
}

tcp_both() {
	local compared=alike

	compare left0 tcp_some
	at_least "longest packet" 1515 "$(savefile longest tcpdump.pcap)"
}

tcp_ipv6() {
	local keys="direction out" tcpdump="-Q out"

	link_ipv6
	ping -q -n -c 1 fd07::2 > /dev/null
	tcp_ipv6_some() { tcp_some fd07::2; }
	compare left0 tcp_ipv6_some
	at_least "longest packet" 1515 "$(savefile longest tcpdump.pcap)"
}

ipv6() {
	link_ipv6
	ping -q -n -c 1 fd07::2 > /dev/null
	compare left0 ipv6_some
}

vlan() {
	link_vlan SIDE0 SIDE0.5 802.1q 5
	compare left0 vlan_some
	at_least "tagged packets" 20 "$(savefile match cat.out 12 81000005)"
	at_least "untagged packets" 20 "$(savefile match cat.out 12 0800)"
}

# A card that does not insert tags gets them in the data.
vlan_inside() {
	link_vlan SIDE0 SIDE0.5 802.1q 5
	ethtool -K left0 txvlan off
	compare left0 vlan_some
	at_least "tagged packets" 20 "$(savefile match cat.out 12 81000005)"
}

qinq() {
	link_vlan SIDE0 SIDE0.7 802.1ad 7
	link_vlan SIDE0.7 SIDE0.7.5 802.1q 5
	compare left0 vlan_some
	at_least "packets with two tags" 20 \
		"$(savefile match cat.out 12 88a8000781000005)"
}

loopback() { compare lo loopback_some; }

loopback_tcp() {
	local compared=alike

	compare lo loopback_tcp_some
	at_least "longest packet" 1515 "$(savefile longest tcpdump.pcap)"
}

tun_device() {
	start tunnel tunnel tun7
	wait_for 10 "tun7 appears" test -e /sys/class/net/tun7
	ip address add 10.8.0.1/24 dev tun7
	ip link set tun7 up
	compare tun7 tunnel_some
	same "link type" 101 "$(od -An -tu4 -j20 -N4 cat.out | tr -d ' ')"
}

short_snaplen() {
	local snaplen=96 keys="snaplen 96"

	link_vlan SIDE0 SIDE0.5 802.1q 5
	compare left0 vlan_some
	same "longest record" 96 "$(savefile longest cat.out)"
}

filter_expression() {
	local filter="icmp or (udp and greater 1000)"

	udp_and_ping() { ping_some && udp_some; }
	compare left0 udp_and_ping
}

filter_udp() {
	local filter="udp"

	link_vlan SIDE0 SIDE0.5 802.1q 5
	compare left0 vlan_some
}

filter_vlan() {
	local filter="vlan 5"

	link_vlan SIDE0 SIDE0.5 802.1q 5
	compare left0 vlan_some
	same "tagged packets" "$(records cat.out)" \
		"$(savefile match cat.out 12 81000005)"
}

filter_vlan_udp() {
	local filter="vlan and udp"

	link_vlan SIDE0 SIDE0.5 802.1q 5
	compare left0 vlan_some
	same "tagged packets" "$(records cat.out)" \
		"$(savefile match cat.out 12 81000005)"
}

direction_in() {
	local keys="direction in" tcpdump="-Q in"

	compare left0 ping_some
}

direction_out() {
	local keys="direction out" tcpdump="-Q out"

	compare left0 ping_some
}

many_packets() {
	local keys="rings $CPUS"

	compare left0 processors_some
	same "packets" $((2500 / CPUS * CPUS)) "$(records cat.out)"
}

replay() {
	compare left0 replay_some
	same "frames" 200 "$(records cat.out)"
	same "tagged frames" 100 "$(savefile match cat.out 12 8100000588b5)"
	savefile unstamped generated.pcap > unstamped1.pcap
	savefile unstamped cat.out > unstamped2.pcap
	identical unstamped1.pcap unstamped2.pcap
}

behaviour udp "UDP of all sizes and its fragments over veth: $HOW"
behaviour tcp_out "TCP going out over veth, GSO superframes: $HOW"
behaviour tcp_both "TCP both ways over veth, GSO superframes: the same frames"
behaviour loopback "loopback, each packet once: $HOW"
behaviour many_packets "many small packets on $CPUS CPUs, as many rings: $HOW"
if [ "$CPUS" = 1 ]; then
	behaviour icmp "ping over veth: $HOW"
	behaviour ipv6 "IPv6 over veth: $HOW"
	behaviour tcp_ipv6 "TCP over IPv6 going out, GSO superframes: $HOW"
	behaviour loopback_tcp "TCP on loopback, GSO superframes: the same frames"
	behaviour vlan "VLAN over veth: $HOW"
	behaviour vlan_inside "VLAN over veth that does not insert tags: $HOW"
	behaviour qinq "QinQ over veth: $HOW"
	behaviour tun_device "a tun device: $HOW"
	behaviour short_snaplen "snaplen 96, with and without a tag: $HOW"
	behaviour filter_expression "a filter expression: $HOW"
	behaviour filter_udp "the filter 'udp' where some of it is tagged: $HOW"
	behaviour filter_vlan "the filter 'vlan 5': $HOW"
	behaviour filter_vlan_udp "the filter 'vlan and udp': $HOW"
	behaviour direction_in "incoming packets only: $HOW"
	behaviour direction_out "outgoing packets only: $HOW"
	behaviour replay "a savefile replayed by tcpreplay: $HOW"
fi
behaviours_run "$@"
