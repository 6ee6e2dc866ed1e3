#!/bin/bash
# SPDX-License-Identifier: MIT
#
# A reader is woken when it sleeps and there is what it waits for, and at no
# other time: the kernel counts.

. "$(dirname "$0")/lib.sh"

small=(ring-bytes 64k snaplen 1500 rings 1)

# At 100 packets a second each wakes the reader, and is all that it gets: nothing
# waits for company, and the next one comes only after it was read.
paced() {
	capture_add left0 "${small[@]}"
	recorder pace "$device" $SILENT 100
	same "wake-ups" 100 "$(shown "$capture" wakeups)"
	same "captured" 100 "$(shown "$capture" captured)"
}

pktgen() { # FILE COMMAND...
	local file=/proc/net/pktgen/$1 command

	shift
	for command; do
		echo "$command" > "$file"
	done
}

# Packets that come in as fast as they can be made, on the last CPU.
flood() { # COUNT
	modprobe pktgen
	pktgen "kpktgend_$(($(nproc) - 1))" rem_device_all "add_device left0"
	pktgen left0 "xmit_mode netif_receive" "burst 32" "pkt_size 60" \
		"count $1" "delay 0" "dst_mac $LEFT_MAC" "dst $SILENT_LEFT"
	pktgen pgctrl start
	# it holds left0
	pktgen "kpktgend_$(($(nproc) - 1))" rem_device_all
}

# A reader that gets what the flood leaves it of the same CPU has always more to
# read.
saturated() {
	capture_add left0 ring-bytes 256k snaplen 1500 rings 1
	start_reader dd taskset -c $(($(nproc) - 1)) nice -n 19 \
		dd if="$device" bs=76 of=/dev/null status=none
	flood 32000
	same "seen" 32000 "$(shown "$capture" seen)"
	at_least "dropped" 1 "$(shown "$capture" dropped)"
	at_least "packets for each wake-up" 1000 \
		$((32000 / $(shown "$capture" wakeups)))
	slay dd
}

# A reader that asks for so many bytes sleeps until they are there. 32 KiB are 71
# records of 16 + 42 + 400 bytes, and a bit of the next.
watermark() {
	capture_add left0 "${small[@]}"
	start_ready doze ready recorder doze "$device" 32768
	wait_for 10 "the reader sleeps" sleeps doze
	traffic -s 400 $SILENT 71
	same "wake-ups below the watermark" 0 "$(shown "$capture" wakeups)"
	sleeps doze
	traffic -s 400 $SILENT 1
	wait_for 10 "the reader is woken" says doze "$((72 * 458))"
	same "wake-ups at the watermark" 1 "$(shown "$capture" wakeups)"
	wait_for 10 "the reader sleeps" sleeps doze
	traffic -s 400 $SILENT 3000
	at_least "bytes for each wake-up" 32768 \
		$(($(shown "$capture" head) / $(shown "$capture" wakeups)))
	pcapring del "$capture"
	finish doze
}

# The next reader begins without a watermark.
watermark_gone() {
	capture_add left0 "${small[@]}"
	start_ready doze ready recorder doze "$device" 1000000
	traffic $SILENT 1
	slay doze
	capture_drain "$capture" first.pcap
	numbered first.pcap 1
	start_reader cat cat "$device"
	wait_for 10 "cat sleeps" sleeps cat
	traffic $SILENT 1
	wait_for 10 "cat reads the packet" has_records cat.out 1
}

behaviour paced "at 100 packets a second each wakes the reader at once"
behaviour saturated "at saturation there is hardly a wake-up"
behaviour watermark "a watermark holds the waking up, and no longer"
behaviour watermark_gone "a watermark ends with its reader"
behaviours_run "$@"
