#!/bin/bash
# SPDX-License-Identifier: MIT
#
# smoke.sh [--list]: in a virtual machine, what the module must do on every
# kernel. TAP.

cd "$(dirname "$0")/../.." || exit
. tests/system/lib.sh

small=(ring-bytes 64k snaplen 1500 rings 1)

# As tcpdump does it

# Run TRAFFIC while tcpdump and a capture with $keys (words) and $filter see
# it. Two taps agree on the order of packets on one CPU only.
compare() { # TRAFFIC
	local settings=(ring-bytes 4M ${keys:-})

	[ -z "${filter:-}" ] || settings+=(filter "$filter")
	capture_add left0 "${settings[@]}"
	stamping
	tcpdump_start tcpdump left0 -s 262144 ${tcpdump:-} ${filter:+"$filter"}
	"$1" > traffic.log 2>&1 || { cat traffic.log; return 1; }
	tcpdump_stop tcpdump "$(shown "$capture" captured)"
	same "dropped" 0 "$(shown "$capture" dropped)"
	capture_drain "$capture" captured.pcap
	at_least "packets" 10 "$(records captured.pcap)"
	cmp <(savefile sorted tcpdump.pcap) <(savefile sorted captured.pcap)
}

datagrams() {
	ping -q -n -c 3 -i 0.01 10.7.0.2
	right ping -q -n -c 2 -i 0.01 -s 5000 10.7.0.1
	traffic -s 1472 -r $SILENT 200
	traffic -s 20000 $SILENT 5
}

stream() {
	start_ready server "listening" right iperf3 -s -1 --forceflush
	iperf3 -c 10.7.0.2 -n 200k
	finish server
	wait_for 10 "TCP is silent here" tcp_silent
	wait_for 10 "TCP is silent there" tcp_silent right
}

tagged() {
	ping -q -n -c 3 -i 0.01 10.7.5.2
	traffic -p 53 -s 500 -r 10.7.5.2 20
	traffic -p 53 -s 500 -r $SILENT 20
}

captured() { compare datagrams; }

captured_tcp() {
	local keys="direction out" tcpdump="-Q out"

	compare stream
	at_least "longest packet" 1515 "$(savefile longest tcpdump.pcap)"
}

captured_tagged() {
	link_vlan SIDE0 SIDE0.5 802.1q 5
	compare tagged
	at_least "tagged packets" 20 "$(savefile match captured.pcap 12 81000005)"
	at_least "untagged packets" 20 "$(savefile match captured.pcap 12 0800)"
}

filtered() {
	local filter="vlan 5 and udp"

	link_vlan SIDE0 SIDE0.5 802.1q 5
	compare tagged
	same "tagged packets" "$(records captured.pcap)" \
		"$(savefile match captured.pcap 12 81000005)"
}

# What comes and goes

removed() {
	capture_add left0 "${small[@]}"
	start_reader cat cat "$device"
	start traffic traffic -i 2000 $SILENT 0
	for _ in 1 2; do
		wait_for 10 "packets" has_captured "$capture" 1
		ip link del left0
		shows "$capture" attached false
		link_create
		shows "$capture" attached true
	done
	stop traffic
	pcapring del "$capture"
	finish cat
	at_least "packets" 1 "$(records cat.out)"
}

unloaded() {
	start traffic traffic -c 2 -i 500 $SILENT 0
	for _ in {1..3}; do
		capture_add left0 "${small[@]}"
		wait_for 10 "packets" has_captured "$capture" 20
		rmmod pcapring
		modprobe pcapring
	done
	stop traffic
}

behaviour captured "ping, UDP and fragments as tcpdump writes them"
behaviour captured_tcp "TCP superframes going out as tcpdump writes them"
behaviour captured_tagged "VLAN-tagged packets as tcpdump writes them"
behaviour filtered "a filter refuses what tcpdump's does"
behaviour removed "an interface goes and comes back under traffic"
behaviour unloaded "the module is unloaded and loaded under traffic"

if [ "${1:-}" != --list ]; then
	export PATH=$BUILD/system:$PATH
	for module in veth 8021q; do
		modprobe $module
	done
fi
behaviours_run "$@"
