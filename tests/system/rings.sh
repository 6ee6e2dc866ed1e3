#!/bin/bash
# SPDX-License-Identifier: MIT
#
# Where the memory of rings is: on the node of the CPUs that feed them. The
# machine has a node for each of its two CPUs.

. "$(dirname "$0")/lib.sh"

small=(ring-bytes 64k snaplen 1500)

# Pages of each ring on the nodes 0 and 1: its 16, consumer and producer page.
nodes() { recorder nodes "$device" | paste -s -d ,; }

two_nodes() {
	[ ! -e /sys/devices/system/node/node1 ] || return 0
	echo "the machine has one memory node only"
	exit 77
}

# Ring i is fed by the CPUs i, i + rings, and so on.
near() {
	two_nodes
	capture_add left0 "${small[@]}" rings 2
	same "pages of ring 0, ring 1" "18 0,0 18" "$(nodes)"
}

# CPUs of both nodes feed them: they are where their creator runs.
anywhere() {
	local here pages=("18 0" "0 18")

	two_nodes
	for here in 0 1; do
		device=$(taskset -c $here pcapring add left0 "${small[@]}" rings 1)
		same "pages of the ring" "${pages[here]}" "$(nodes)"
		device=$(taskset -c $here pcapring add left0 "${small[@]}" \
			rings 2 steer flow)
		same "pages of both rings" "${pages[here]},${pages[here]}" \
			"$(nodes)"
	done
}

behaviour near "a ring's memory is near the CPUs that feed it"
behaviour anywhere "where CPUs of several nodes feed it, it is near its creator"
behaviours_run "$@"
