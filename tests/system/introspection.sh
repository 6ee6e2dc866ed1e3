#!/bin/bash
# SPDX-License-Identifier: MIT
#
# What sysfs and tracepoints tell is what netlink tells, and what happened.

. "$(dirname "$0")/lib.sh"

small=(ring-bytes 64k snaplen 1500 rings 1)
tracefs=/sys/kernel/tracing

file() { # NAME
	cat "/sys/class/pcapring/pcapring$capture/$1"
}

# Without wake-ups and rings' positions, which go on by themselves.
settings() {
	capture_add left0 "${small[@]}" mode overwrite
	same "uuid" "$(shown "$capture" uuid)" "$(file uuid)"
	same "ifname" left0 "$(file ifname)"
	same "linktype" 1 "$(file linktype)"
	same "snaplen" 1500 "$(file snaplen)"
	same "ring_bytes" 65536 "$(file ring_bytes)"
	same "rings" 1 "$(file rings)"
	same "mode" overwrite "$(file mode)"
	same "frozen, reader" "0 0" "$(file frozen) $(file reader)"
	pcapring freeze "$capture"
	start_reader hold device hold "$device"
	same "frozen, reader" "1 1" "$(file frozen) $(file reader)"
	slay hold
	ip link set left0 down
	ip link set left0 name other0
	same "ifname" other0 "$(file ifname)"
	capture_add later0 "${small[@]}"
	same "linktype before it is known" none "$(file linktype)"
	same "mode" normal "$(file mode)"
}

# Each counter of `pcapring show`, and no other.
counters_in_files() {
	local name

	capture_add left0 ring-bytes 64k snaplen 1500 rings 2 sample 2 \
		filter 'udp[23] & 3 != 0'
	traffic -c 2 -s 400 $SILENT 1000
	pcapring freeze "$capture"
	traffic -s 400 $SILENT 10
	judged "$capture" '.stats | to_entries[] | "\(.key) \(.value)"' | sort > netlink
	for name in "/sys/class/pcapring/pcapring$capture/statistics/"*; do
		echo "${name##*/} $(< "$name")"
	done | sort > sysfs
	diff netlink sysfs
	grep -q '^paused 10$' sysfs
	fails grep -q '^\(sampled\|filtered\|dropped\|captured\) 0$' sysfs
}

# A file that is open while its capture is deleted keeps nothing from going on.
deleted() {
	capture_add left0 "${small[@]}"
	exec 9< "/sys/class/pcapring/pcapring$capture/statistics/seen"
	pcapring del "$capture"
	[ ! -e "/sys/class/pcapring/pcapring$capture" ]
	fails cat <&9 2> error
	exec 9<&-
}

nobody_reads() { # FILE
	setpriv --reuid=65534 --regid=65534 --clear-groups \
		cat "/sys/class/pcapring/pcapring$capture/$1"
}

# sysfs shows the same to all network namespaces.
nobody_learns_whose() {
	capture_add left0 "${small[@]}"
	same "mode, for nobody" normal "$(nobody_reads mode)"
	for file in uuid ifname statistics/seen statistics/captured; do
		fails nobody_reads $file
	done
}

trace_start() {
	[ -e $tracefs/events ] || mount -t tracefs tracefs $tracefs
	echo > $tracefs/trace
	echo 1 > $tracefs/events/pcapring/enable
}

traced() { # EVENT
	grep -o "pcapring_$1: .*" $tracefs/trace
}

# A ring of 65536 bytes has room for 143 records of 458.
tracepoints() {
	trace_start
	capture_add left0 "${small[@]}"
	traffic -s 400 $SILENT 150
	capture_drain "$capture" drained.pcap
	recorder pace "$device" $SILENT 3
	pcapring del "$capture"
	echo 0 > $tracefs/events/pcapring/enable
	same "attached" "pcapring_attach: id=0 ifname=left0" "$(traced attach)"
	same "drops" 7 "$(traced drop | grep -c "id=0 ring=0 len=442$")"
	same "wake-ups" 3 "$(traced wakeup | grep -c "id=0 ring=0 bytes=59$")"
	same "detached" \
		'pcapring_detach: id=0 ifname=left0 reason="the capture was deleted"' \
		"$(traced detach)"
}

# perf knows them by the same files.
perf_counts() {
	type -P perf > /dev/null || { echo "perf is not installed"; exit 77; }
	capture_add left0 "${small[@]}"
	perf stat -a -x ' ' -o counted -e pcapring:pcapring_drop -- \
		traffic -s 400 $SILENT 150
	grep -q '^7 .*pcapring:pcapring_drop' counted || { cat counted; return 1; }
}

behaviour settings "each file in sysfs has the value that netlink tells"
behaviour counters_in_files "each counter is a file, with the value that netlink tells"
behaviour deleted "a file that is open does not hold up a deletion"
behaviour nobody_learns_whose "those that tell whose packets they are, for root only"
behaviour tracepoints "tracepoints tell drops, wake-ups, attachments, detachments"
behaviour perf_counts "perf counts them"
behaviours_run "$@"
