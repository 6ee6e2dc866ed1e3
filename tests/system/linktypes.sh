#!/bin/bash
# SPDX-License-Identifier: MIT
#
# The link type of each device, and the bytes of its packets, are those that
# libpcap chooses, for every type of device that this kernel can make. Cooked
# headers are masked where libpcap leaves old bytes (see savefile.c).

. "$(dirname "$0")/lib.sh"

# One of each type that `ip` can make, on top of two dummies.
zoo_batch() {
	cat <<- END
		link add dummy9 type dummy
		address add 10.9.0.1/24 dev dummy9
		link set dummy9 up
		link add dummy8 type dummy
		link add isdn9 type dummy
		link add cdma_rmnet9 type dummy
		link add veth9 type veth peer name veth8
		link add bridge9 type bridge
		link add bond9 type bond
		link add team9 type team
		link add ifb9 type ifb
		link add vrf9 type vrf table 9
		link add link dummy9 name vlan9 type vlan id 5
		link add link dummy9 name macvlan9 type macvlan
		link add link dummy9 name macvtap9 type macvtap
		link add link dummy8 name ipvlan9 type ipvlan
		link add link veth9 name macsec9 type macsec
		link add vxlan9 type vxlan id 5 dev dummy9 dstport 4789
		link add geneve9 type geneve id 5 remote 10.9.0.2
		link add gre9 type gre local 10.9.0.1 remote 10.9.0.2
		link add gretap9 type gretap local 10.9.0.1 remote 10.9.0.2 key 3
		link add erspan9 type erspan local 10.9.0.1 remote 10.9.0.2 seq key 7 erspan_ver 1
		link add ipip9 type ipip local 10.9.0.1 remote 10.9.0.2
		link add sit9 type sit local 10.9.0.1 remote 10.9.0.2
		link add vti9 type vti local 10.9.0.1 remote 10.9.0.2 key 9
		link add ip6gre9 type ip6gre local fd09::1 remote fd09::2
		link add ip6tnl9 type ip6tnl local fd09::1 remote fd09::2
		link add vti69 type vti6 local fd09::1 remote fd09::2 key 9
		link add xfrm9 type xfrm dev dummy9 if_id 9
		tuntap add tun9 mode tun
		tuntap add tap9 mode tap
		link add wireguard9 type wireguard
		link add vcan9 type vcan
		link add vxcan9 type vxcan
		link add nlmon9 type nlmon
		link add vsockmon9 type vsockmon
		link add batadv9 type batadv
		link add gtp9 type gtp role sgsn
	END
}

# And those that come with their module: radiotap, 802.15.4, AX.25, NET/ROM.
zoo_modules=(mac80211_hwsim fakelb bpqether netrom)

zoo_create() {
	local module

	for module in "${zoo_modules[@]}"; do
		modprobe "$module"
	done
	zoo_batch | ip -batch -
	ip link add link wpan0 name lowpan9 type lowpan
}

# All that can be up: libpcap opens no other.
zoo_up() {
	local device

	for device in /sys/class/net/*; do
		device=${device##*/}
		case $device in
		bonding_masters) ;;
		*)	ip link set "$device" up 2> /dev/null || :
			(($(< "/sys/class/net/$device/flags") & 1)) && zoo+=("$device") ;;
		esac
	done
}

# The fallbacks of tunnels outlive modules that are in use; while up, they take
# other tunnels' packets.
zoo_delete() {
	printf 'link set %s down\n' {tunl,gre,gretap,erspan,sit,ip6tnl,ip6gre,ip_vti,ip6_vti}0 |
		ip -force -batch - 2> /dev/null || :
	sed -n 's/.*add \(link [^ ]* name \)\?\([a-z0-9_]*9\) \(type\|mode\).*/link del \2/p' \
		<<< "$(zoo_batch)" | ip -force -batch - 2> /dev/null || :
	ip link del dummy8
	modprobe -r -a "${zoo_modules[@]}"
}

# The number is libpcap's own choice; that each kind is among them is ours.
table() {
	local zoo=() linktype

	drivers_needed "${zoo_modules[@]}"
	trap zoo_delete EXIT
	zoo_create
	zoo_up
	module_reload "iface=$(IFS=,; echo "${zoo[*]}")" ring_bytes=4096 snaplen=1000
	datalink "${zoo[@]}" | sort > expected
	pcapring show --json | jq -r '.[] | "\(.interface) \(.linktype)"' | sort > actual
	cat expected
	diff expected actual
	at_least "device types" 40 "$(wc -l < actual)"
	for linktype in 1 101 113 127 202 227 230 253 271; do
		grep -q " $linktype$" expected
	done
}

# Capture devices, each beside a tcpdump, while TRAFFIC runs; then compare. Where
# there is other traffic, too, tcpdump waits for $noisy packets.
compare() { # TRAFFIC DEVICE...
	local traffic=$1 name total
	local -A number

	shift
	capture_add left0 ring-bytes 64k snaplen 1500
	stamping
	for name; do
		capture_add "$name" ring-bytes 1M ${keys:-}
		number[$name]=$capture
		tcpdump_start "$name" "$name" ${tcpdump:-}
	done
	"$traffic" > traffic.log 2>&1 || { cat traffic.log; return 1; }
	for name; do
		total=$(shown "${number[$name]}" captured)
		echo "$name: $total packets"
		at_least "packets of $name" "${least:-2}" "$total"
		tcpdump_stop "$name" "${noisy:-$total}"
		capture_drain "${number[$name]}" "$name.ours"
		if [ "${noisy:-}" ]; then
			at_least "records of $name in common" "${least:-2}" \
				"$(in_common "$name.pcap" "$name.ours")"
		else
			cmp <("${compared:-comparable}" "$name.pcap") \
				<("${compared:-comparable}" "$name.ours")
		fi
	done
}

# Where it is never silent, what both saw is compared from when the second began
# until the first ended. Prints how many records that are.
in_common() { # FILE FILE
	savefile masked "$1" > common1.pcap
	savefile masked "$2" > common2.pcap
	python3 - common1.pcap common2.pcap <<- 'END'
		import struct, sys
		def records(path):
		    file = open(path, "rb")
		    file.read(24)
		    while header := file.read(16):
		        seconds, nanoseconds, caplen, _ = struct.unpack("=4I", header)
		        yield (seconds, nanoseconds), header, file.read(caplen)
		one, other = (sorted(records(path)) for path in sys.argv[1:])
		begin = max(one[0][0], other[0][0])
		end = min(one[-1][0], other[-1][0])
		one, other = ([r for r in of if begin <= r[0] <= end] for of in (one, other))
		print(len(one) if one == other else "they differ")
	END
}

# Whatever comes of the behaviour, the next one finds none of these.
delete_after() { # DEVICE...
	# shellcheck disable=SC2064 # now
	trap "printf 'link del %s\\n' $* | ip -force -batch - 2> /dev/null || :" EXIT
}

comparable() { savefile masked "$1" | savefile sorted -; } # FILE

linktype_is() { # DEVICE LINKTYPE
	same "link type of $1" "$2" "$(od -An -tu4 -j20 -N4 "$1.ours" | tr -d ' ')"
}

# Tunnels between the two namespaces, with the addresses 10.7.NUMBER.1 and .2.

tunnel_create() { # NAME NUMBER TYPE [KEY VALUE...]
	local name=$1 number=$2 type=$3

	shift 3
	ip -batch - <<- END
		link add $name type $type local ${local:-10.7.0.1} remote ${remote:-10.7.0.2} $*
		address add 10.7.$number.1/24 dev $name
		link set $name up
	END
	ip -n right -batch - <<- END
		link add $name type $type local ${remote:-10.7.0.2} remote ${local:-10.7.0.1} $*
		address add 10.7.$number.2/24 dev $name
		link set $name up
	END
}

tunnels_some() {
	local number

	for number in 11 12 13 14 15; do
		ping -q -n -c 2 -i 0.01 -s 1000 "10.7.$number.2"
	done
}

tunnels() {
	drivers_needed ip_gre ipip sit ip6_tunnel ip6_gre
	delete_after gre9 ipip9 sit9 ip6tnl9 ip6gre9
	link_ipv6
	tunnel_create gre9 11 gre
	tunnel_create ipip9 12 ipip
	# it would take what is for ipip9 if it had the same ends
	ip neighbour replace 10.7.0.3 lladdr $RIGHT_MAC dev left0
	ip -n right address add 10.7.0.3/24 dev right0
	remote=10.7.0.3 tunnel_create sit9 13 sit mode any
	local local=fd07::1 remote=fd07::2
	tunnel_create ip6tnl9 14 ip6tnl mode any
	tunnel_create ip6gre9 15 ip6gre
	least=4 compare tunnels_some gre9 ipip9 sit9 ip6tnl9 ip6gre9
	linktype_is gre9 113
	linktype_is ipip9 101
	linktype_is sit9 101
	linktype_is ip6tnl9 113
	linktype_is ip6gre9 113
}

# Ethernet on top of Ethernet: each shows its own part of the traffic.
stacked_some() {
	ping -q -n -c 2 -i 0.01 10.7.5.2
	ping -q -n -c 2 -i 0.01 10.7.6.2
	ping -q -n -c 2 -i 0.01 10.7.7.2
}

stacked() {
	drivers_needed vxlan
	delete_after bridge9 vxlan9
	link_vlan SIDE0 SIDE0.5 802.1q 5
	link_vlan SIDE0 SIDE0.6 802.1q 6
	# a bridge that snoops reports a group of its own, within a second
	ip link add bridge9 address $LEFT_MAC type bridge mcast_snooping 0
	ip address flush dev left0.6
	ip link set left0.6 master bridge9
	ip address add 10.7.6.1/24 dev bridge9
	ip link set bridge9 up
	ip neighbour replace 10.7.6.2 lladdr $RIGHT_MAC dev bridge9
	ip -batch - <<- END
		link add vxlan9 address $LEFT_MAC type vxlan id 9 local 10.7.0.1 remote 10.7.0.2 dstport 4789
		address add 10.7.7.1/24 dev vxlan9
		link set vxlan9 up
		neighbour replace 10.7.7.2 lladdr $RIGHT_MAC dev vxlan9
	END
	ip -n right -batch - <<- END
		link add vxlan9 address $RIGHT_MAC type vxlan id 9 local 10.7.0.2 remote 10.7.0.1 dstport 4789
		address add 10.7.7.2/24 dev vxlan9
		link set vxlan9 up
		neighbour replace 10.7.7.1 lladdr $LEFT_MAC dev vxlan9
	END
	least=4 compare stacked_some left0.5 left0.6 bridge9 vxlan9
}

# A name that libpcap takes for a device whose header says nothing.
named_isdn() {
	delete_after isdn7
	ip link set left0 down
	ip link set left0 name isdn7
	ip link set isdn7 up
	ip neighbour replace 10.7.0.2 lladdr $RIGHT_MAC dev isdn7
	ip link add link isdn7 name left0.5 type vlan id 5
	ip link set left0.5 up
	ip address add 10.7.5.1/24 dev left0.5
	ip neighbour add 10.7.5.9 lladdr $RIGHT_MAC dev left0.5
	ip link add left0 type dummy
	least=10 compare isdn_some isdn7
	linktype_is isdn7 113
	# the tag stands before the protocol
	same "tagged packets" 5 "$(savefile match isdn7.ours 14 810000050800)"
}

isdn_some() {
	ping -q -n -c 3 -i 0.01 10.7.0.2
	traffic -s 100 10.7.5.9 5
}

# CAN. libpcap 1.10.3 clears the flags of CAN FD frames that it means to keep;
# ours have the one that marks them, as its later versions and the link type's
# description want.

can_send() { # DEVICE
	python3 - "$1" <<- 'END'
		import socket, struct, sys
		can = socket.socket(socket.AF_CAN, socket.SOCK_RAW, socket.CAN_RAW)
		can.setsockopt(socket.SOL_CAN_RAW, socket.CAN_RAW_FD_FRAMES, 1)
		can.bind((sys.argv[1],))
		for number in range(5):
		    can.send(struct.pack("=IB3x8s", 0x123 + number, number, b"classic"))
		can.send(struct.pack("=IB3x8s", socket.CAN_EFF_FLAG | 0x1abcdef, 8, b"extended"))
		for number in range(5):
		    can.send(struct.pack("=IBB2x64s", 0x423 + number, 64, 1, b"fd"))
	END
}

can_some() { can_send vcan9; }

can_comparable() { # FILE
	python3 - "$1" <<- 'END' | savefile sorted -
		import struct, sys
		file = open(sys.argv[1], "rb")
		sys.stdout.buffer.write(file.read(24))
		while header := file.read(16):
		    frame = bytearray(file.read(struct.unpack("=4I", header)[2]))
		    if len(frame) == 72:
		        frame[5] = 0
		    sys.stdout.buffer.write(header + frame)
	END
}

can() {
	local fd

	drivers_needed can_raw
	delete_after vcan9
	ip link add vcan9 mtu 72 type vcan
	ip link set vcan9 up
	least=11 compared=can_comparable compare can_some vcan9
	same "each frame once" 11 "$(records vcan9.ours)"
	same "identifiers in network byte order" 1 \
		"$(savefile match vcan9.ours 0 81abcdef)"
	fd=$(savefile match vcan9.ours 4 4005)
	same "frames marked as CAN FD, with their own flag" 5 "$fd"
	keys="direction out" tcpdump="-Q out" compared=can_comparable \
		compare can_some vcan9
	capture_add vcan9 ring-bytes 4k snaplen 2
	can_some
	capture_drain "$capture" short.pcap
	same "identifiers cut at snaplen" 1 "$(savefile match short.pcap 0 81ab)"
}

# Who asks for counters of ours is part of it.
netlink() {
	delete_after nlmon9
	ip link add nlmon9 type nlmon
	ip link set nlmon9 up
	capture_add left0 ring-bytes 64k snaplen 1500
	stamping
	capture_add nlmon9 ring-bytes 1M
	tcpdump_start nlmon9 nlmon9
	for _ in 1 2 3; do
		ip link show left0
		ip -n right link show
	done
	tcpdump_stop nlmon9 12
	capture_drain "$capture" nlmon9.ours
	linktype_is nlmon9 253
	at_least "records in common" 12 "$(in_common nlmon9.pcap nlmon9.ours)"
}

vsock_some() {
	python3 - <<- 'END'
		import socket
		server = socket.socket(socket.AF_VSOCK, socket.SOCK_STREAM)
		server.bind((1, 7777))
		server.listen()
		client = socket.socket(socket.AF_VSOCK, socket.SOCK_STREAM)
		client.connect((1, 7777))
		client.sendall(b"hello" * 100)
		assert server.accept()[0].recv(500, socket.MSG_WAITALL) == b"hello" * 100
	END
}

vsock() {
	drivers_needed vsock_loopback
	delete_after vsockmon9
	modprobe vsock_loopback
	ip link add vsockmon9 type vsockmon
	ip link set vsockmon9 up
	compare vsock_some vsockmon9
	linktype_is vsockmon9 271
}

ppp_some() {
	ping -q -n -c 2 -i 0.1 10.8.1.2
	ping -q -n -c 2 -i 0.1 -s 1000 10.8.1.2
}

# Not its name alone: with its address, so that no packet goes another way.
ppp_is_up() { ip -o address show dev ppp0 up | grep -q 10.8.1.2; }

ppp() {
	drivers_needed ppp_generic ppp_async
	modprobe -a ppp_generic ppp_async
	start pppd pppd nodetach local noauth nolock noccp novj noipv6 ipcp-accept-remote \
		10.8.1.1:10.8.1.2 \
		pty "ip netns exec right pppd nodetach local noauth nolock noccp novj noipv6 notty"
	wait_for 30 "ppp0 is up" ppp_is_up
	wait_for 30 "the other end answers" ping -q -n -c 1 -W 1 -I ppp0 10.8.1.2
	least=8 compare ppp_some ppp0
	linktype_is ppp0 113
	stop pppd || :
}

# What two simulated radios say to each other, in the monitor that comes with them.
radio_some() {
	wait_for 20 "they are in one cell" iw dev wlan1 station get \
		"$(< /sys/class/net/wlan0/address)"
	ip address add 10.8.2.1/24 dev wlan0
	ping -q -n -c 2 -i 0.1 -W 0.1 -b 10.8.2.255 || :
}

radio() {
	drivers_needed mac80211_hwsim
	trap 'modprobe -r mac80211_hwsim' EXIT
	modprobe mac80211_hwsim radios=2
	for device in wlan0 wlan1; do
		iw dev $device set type ibss
		ip link set $device up
	done
	ip link set hwsim0 up
	for device in wlan0 wlan1; do
		iw dev $device ibss join cell 2412 fixed-freq 02:07:00:00:00:09
	done
	noisy=30 least=10 compare radio_some hwsim0
	linktype_is hwsim0 127
}

# IPv6 over simulated 802.15.4, whose addresses are longer than a cooked header's.
lowpan_some() { ping -q -n -c 2 -i 0.1 -W 0.1 ff02::1%lowpan9 || :; }

lowpan() {
	drivers_needed fakelb
	trap 'ip link del lowpan9; modprobe -r fakelb' EXIT
	modprobe fakelb numlbs=2
	ip link set wpan1 up
	ip link add link wpan0 name lowpan9 type lowpan
	link_ipv6_allow lowpan9
	ip link set wpan0 up
	ip link set lowpan9 up
	ip address add fe80::9/64 dev lowpan9 nodad
	lowpan_some
	noisy=2 compare lowpan_some wpan0 wpan1 lowpan9
	linktype_is wpan0 230
	linktype_is wpan1 230
	linktype_is lowpan9 113
}

behaviour table "every type of device has the link type that libpcap chooses"
behaviour tunnels "IP tunnels, raw and cooked, as tcpdump writes them"
behaviour stacked "VLAN, bridge and VXLAN as tcpdump writes them"
behaviour named_isdn "Ethernet that libpcap cooks for its name, with tags"
behaviour can "CAN and CAN FD, each frame once, in the link type's byte order"
behaviour netlink "netlink messages as tcpdump writes them"
behaviour vsock "vsock packets as tcpdump writes them"
behaviour ppp "PPP as tcpdump writes it"
behaviour radio "802.11 with radiotap as tcpdump writes it"
behaviour lowpan "802.15.4 and 6LoWPAN as tcpdump writes them"

behaviours_run "$@"
