#!/bin/bash
# SPDX-License-Identifier: MIT
#
# Promiscuous and all-multicast mode are counted in the device, and each count
# of ours is given back, whatever ends it; those of others stay.

. "$(dirname "$0")/lib.sh"

small=(ring-bytes 64k snaplen 1500)

counts() { # PROMISCUITY ALLMULTI [COMMAND that enters a namespace...]
	"${@:3}" ip -d link show left0 | grep -q "promiscuity $1 *allmulti $2 "
}

counts_become() { # PROMISCUITY ALLMULTI WHEN [COMMAND...]
	wait_for 10 "promiscuity $1, allmulti $2, $3" counts "$1" "$2" "${@:4}"
}

# Two captures, of which one changes its mind, beside one who is not us.
each_setting() {
	local first

	counts_become 0 0 "at first"
	ip link set left0 allmulticast on
	counts_become 0 1 "set by hand"
	capture_add left0 "${small[@]}" allmulti on
	first=$capture
	counts_become 0 2 "with one capture"
	capture_add left0 "${small[@]}" allmulti on promisc on
	counts_become 1 3 "with two"
	pcapring set "$capture" allmulti on
	pcapring set "$first" allmulti off
	counts_become 1 2 "one switched off"
	pcapring set "$first" promisc on allmulti on
	counts_become 2 3 "both on"
	pcapring del "$capture"
	counts_become 1 2 "one deleted"
	rmmod pcapring
	counts_become 0 1 "the module gone"
	ip link set left0 allmulticast off
	counts_become 0 0 "at last"
}

# What is not attached counts nowhere.
follows_the_device() {
	capture_add left0 "${small[@]}" allmulti on promisc on
	counts_become 1 1 "attached"
	ip link set left0 down
	ip link set left0 up
	counts_become 1 1 "after it was down"
	ip netns add away
	ip link set left0 netns away
	counts_become 0 0 "in another namespace" ip netns exec away
	ip -n away link set left0 netns 1
	counts_become 1 1 "back again"
	ip link set left0 down
	ip link set left0 name later0
	ip link set later0 name left0
	counts_become 1 1 "renamed and named back"
	pcapring del "$capture"
	counts_become 0 0 "at last"
}

comes_later() {
	ip link del left0
	capture_add left0 "${small[@]}" allmulti on
	link_create
	counts_become 0 1 "when it comes"
	ip link del left0
	link_create
	counts_become 0 1 "when another comes"
	pcapring del "$capture"
	counts_become 0 0 "at last"
}

behaviour each_setting "both modes are counted once for each capture"
behaviour follows_the_device "counts follow the device through namespaces and names"
behaviour comes_later "counts are taken of devices that come later"

behaviours_run "$@"
