#!/bin/bash
# SPDX-License-Identifier: MIT
#
# Network namespaces, and the user namespaces that own them: what their root may
# do with captures, and what is left when they end.

. "$(dirname "$0")/lib.sh"

small=(ring-bytes 64k snaplen 1500 rings 1)

# A network namespace of a user namespace of its own, held by a process; its
# loopback is up. What nobody may not reach is copied.
container_start() {
	install -D -m 755 "$(type -P pcapring)" /tmp/within-reach/pcapring
	start container setpriv --reuid=65534 --regid=65534 --clear-groups \
		--bounding-set=-all unshare --user --map-root-user --net \
		bash -c 'ip link set lo up; echo ready; exec sleep 1000'
	wait_for 20 "the container is there" says container ready
}

container() { # COMMAND...
	nsenter --user --net --target "${started[container]}" "$@"
}

contained() { # pcapring's arguments
	container /tmp/within-reach/pcapring "$@"
}

refused() { # WORDS pcapring's arguments...
	local words=$1

	shift
	fails contained "$@" 2> error
	grep -q -- "$words" error || { cat error; return 1; }
}

not_allowed() {
	container_start
	refused "administrator allows: see the module's parameter userns_bytes" \
		add lo "${small[@]}"
	same "captures" 0 "$(pcapring show --json | jq length)"
	# nor with one that the administrator made for it
	container_capture_add lo
	refused "administrator allows" set "$capture" snaplen 100
	refused "administrator allows" del "$capture"
	refused "administrator allows" freeze "$capture"
	same "captures shown there" 1 "$(contained show --json | jq length)"
}

# The administrator's capture in the container's network namespace.
container_capture_add() { # IFACE
	device=$(nsenter --net --target "${started[container]}" \
		pcapring add "$1" "${small[@]}")
	capture=${device#/dev/pcapring}
}

# Two rings of 64 KiB are allowed, whoever makes them.
allowed() {
	module_reload userns_bytes=128k
	container_start
	same "the first" /dev/pcapring0 "$(contained add lo "${small[@]}")"
	same "the second" /dev/pcapring1 "$(contained add any "${small[@]}")"
	refused "left of the module's userns_bytes" add lo "${small[@]}"
	# the administrator's own are not charged
	capture_add left0 "${small[@]}"
	contained del 0
	contained add lo "${small[@]}" > /dev/null
	container ping -q -n -c 5 -i 0.01 127.0.0.1
	contained show --json 0 > json
	same "captured" 10 "$(jq '.[0].stats.captured' json)"
	contained set 0 snaplen 100 filter icmp
	contained freeze 0
	contained thaw 0
}

# Of the host's captures, and of those that the host made for it.
only_its_own() {
	module_reload userns_bytes=128k
	container_start
	capture_add left0 "${small[@]}"
	refused "no capture of this network namespace" del "$capture"
	refused "no capture of this network namespace" set "$capture" snaplen 100
	container_capture_add lo
	refused "the capture is the administrator's" set "$capture" snaplen 100
	refused "the capture is the administrator's" del "$capture"
	same "captures of the host" 1 "$(pcapring show --json | jq length)"
	# while the host's root, there, may change what the container made
	contained add lo "${small[@]}" > /dev/null
	nsenter --net --target "${started[container]}" pcapring del 2
}


# What it captured can be read after its end; its bytes are free once it is deleted.
ends() {
	module_reload userns_bytes=64k
	container_start
	contained add lo "${small[@]}" > /dev/null
	container ping -q -n -c 5 -i 0.01 127.0.0.1
	slay container
	wait_for 20 "the capture is the host's" shows 0 attached false
	same "captured" 10 "$(shown 0 captured)"
	capture_drain 0 drained.pcap
	same "records" 10 "$(records drained.pcap)"
	container_start
	refused "userns_bytes" add lo "${small[@]}"
	pcapring del 0
	contained add lo "${small[@]}" > /dev/null
	slay container
}

# Captures of both kinds are attached while their namespace ends, with traffic.
ends_under_traffic() {
	local i

	for i in 1 2; do
		ip netns add away
		ip -n away link set lo up
		ip netns exec away pcapring add any "${small[@]}" > /dev/null
		ip netns exec away pcapring add lo "${small[@]}" > /dev/null
		start "flood$i" ip netns exec away ping -q -f 127.0.0.1
		wait_for 20 "it captures" away_captures
		ip netns del away
		slay "flood$i"
		wait_for 20 "the captures are the host's" host_shows $((i * 2))
	done
	# nor do they see what goes on elsewhere
	pcapring show --json | jq 'map(.stats.seen)' > before
	ping -q -n -c 5 -i 0.01 127.0.0.1
	pcapring show --json | jq 'map(.stats.seen)' | diff before -
	same "interfaces attached" 0 "$(pcapring show --json |
		jq 'map(select(.attached and .interface != "any")) | length')"
}

away_captures() {
	[ "$(ip netns exec away pcapring show --json |
		jq 'map(select(.stats.captured > 0)) | length')" = 2 ]
}

host_shows() { [ "$(pcapring show --json | jq length)" = "$1" ]; }

behaviour not_allowed "a user namespace may make and change nothing, unless allowed"
behaviour allowed "with userns_bytes it makes captures, until these are used up"
behaviour only_its_own "it changes and deletes only what it made"
behaviour ends "what it made is the host's when it ends, and paid for until deleted"
behaviour ends_under_traffic "namespaces end with captures attached, under traffic"
behaviours_run "$@"
