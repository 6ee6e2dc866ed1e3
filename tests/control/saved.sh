# SPDX-License-Identifier: MIT
# tests/control/saved.sh: part of tests/control/guest: save and restore.

saved=/etc/pcapring/captures.json

delete_all() {
	for id in $(pcapring show --json | jq '.[].id'); do
		pcapring del "$id" || return
	done
}

settings() {
	pcapring show --json | jq 'map({interface, attached, ifindex, linktype, snaplen,
		ring_bytes, steer, mode, direction, promisc, allmulti, tstamp, sample,
		limits, filter_instructions, rings: (.rings | length)})'
}

captures_are() { # COUNT
	[ "$(pcapring show --json | jq length)" = "$1" ] && return
	pcapring show
	return 1
}

# Each key has a value that is not the default in one of them.
make_captures() {
	pcapring add ether1 snaplen 96 ring-bytes 1M rings 2 steer flow direction in \
		promisc on allmulti on tstamp hardware sample 3 limit packets 7 \
		limit bytes 1G limit seconds 3000 filter vlan 5 and udp &&
	pcapring add later0 ring-bytes 512k rings 1 limit packets 18446744073709551615 filter udp &&
	pcapring add any mode overwrite ring-bytes 512k rings 1 &&
	pcapring add ether0 ring-bytes 512k rings 1 direction out
}

saves() { # FILE...
	pcapring save "$@" && jq -e '.captures | length == 4' "${1:-$saved}" &&
		[ "$(stat -c %a "${1:-$saved}")" = 644 ] && ls "$(dirname "${1:-$saved}")" &&
		[ "$(find "$(dirname "${1:-$saved}")" -name 'captures*' | wc -l)" = 1 ]
}

# restores FILE MADE THERE: so many are made, so many were there.
restores() {
	pcapring restore "$1" | tee "$work/restored"
	[ "${PIPESTATUS[0]}" = 0 ] && [ "$(grep -c ': made' "$work/restored")" = "$2" ] &&
		[ "$(grep -c ': was there' "$work/restored")" = "$3" ]
}

# restore_refused COUNT WORD JSON: nothing is made, and there are still COUNT.
restore_refused() {
	local output

	printf '%s' "$3" >"$work/wrong.json"
	output=$(pcapring restore "$work/wrong.json" 2>&1)
	[ $? = 1 ] && [[ $output == *"$2"* ]] && captures_are "$1" && return
	echo "$output"
	return 1
}

leaves_out() { # WORD: what is not UTF-8, or eBPF
	local output

	output=$(pcapring save "$work/most.json" 2>&1)
	[ $? = 3 ] && [[ $output == *"$1"* ]] && cmp "$saved" "$work/most.json" && return
	echo "$output"
	return 1
}

reloaded() {
	rmmod pcapring && modprobe pcapring && captures_are 0
}

same_as_before() {
	settings >"$work/settings.new" && diff "$work/settings" "$work/settings.new" &&
		pcapring save - | cmp - "$saved"
}

# What the service may.
as_service() {
	setpriv --bounding-set=-all,+net_admin,+net_raw pcapring restore
}

full_disk_keeps_the_old() {
	local size=$(($(stat -f -c %a "$work/full") * $(stat -f -c %S "$work/full")))

	cp "$saved" "$work/full/captures.json" &&
		head -c "$size" /dev/zero >"$work/full/filler" 2>"$work/ignored"
	says 1 "No space left" save "$work/full/captures.json" &&
		cmp "$saved" "$work/full/captures.json" &&
		[ "$(ls "$work/full")" = "captures.json
filler" ]
}

delete_all
make_captures >"$work/ignored" 2>&1
settings >"$work/settings"
tap_ok "save: the file is there, readable, and alone" saves
tap_ok "save: keys and values are those of add" jq -e '.captures[0] | del(.filter) == {
	interface: "ether1", snaplen: 96, "ring-bytes": 1048576, rings: 2, steer: "flow",
	mode: "normal", direction: "in", promisc: true, allmulti: true, tstamp: "hardware",
	sample: 3, "limit packets": 7, "limit bytes": 1073741824, "limit seconds": 3000}' $saved
tap_ok "restore: what is there is left" restores $saved 0 4
tap_ok "... and nothing is made" captures_are 4
tap_ok "the module goes, and comes without captures" reloaded
tap_ok "restore makes them" restores $saved 4 0
tap_ok "... as they were" same_as_before
tap_ok "... one waits for its interface" grep 'later0: made, waits' "$work/restored"
pcapring del "$(pcapring show --json | jq '.[] | select(.interface == "ether0").id')"
tap_ok "restore makes the one that is missing" restores $saved 1 3
pcapring set 0 sample 4
tap_ok "restore: one that was changed is another" restores $saved 1 3
delete_all
tap_ok "restore: with what the service may" as_service
tap_ok "... they are the same" same_as_before
tap_ok "save and restore in a pipe" sh -c 'pcapring save - | pcapring restore -'
chmod 600 $saved
tap_ok "save: the file's mode stays" sh -c "pcapring save && [ \$(stat -c %a $saved) = 600 ]"
tap_ok "save: a full disk leaves the file that was there" full_disk_keeps_the_old
tap_ok "save: not in the place of a device" says 1 "no regular file" save /dev/null
tap_ok "save: not where there is no folder" says 1 "No such file" save /none/x
full() {
	pcapring save - >/dev/full
}
tap_ok "save: standard output that is full is a failure" eval '! full'
id=$(pcapring add ether0 ring-bytes 512k filter bpf /sys/fs/bpf/none | tr -dc 0-9)
tap_ok "save: an eBPF filter is left out, and said" leaves_out "/dev/pcapring$id is left out: its filter"
pcapring del "$id"
id=$(pcapring add "$strange" ring-bytes 512k | tr -dc 0-9)
tap_ok "save: a name that is no text, too" leaves_out "/dev/pcapring$id is left out: the name"
pcapring del "$id"
tap_ok "restore: what the kernel refuses is named, and nothing is made" restore_refused 4 \
	"captures[1]: promisc: must be 0" '{"captures": [{"interface": "ether0", "sample": 9},
		{"interface": "any", "promisc": true}, {"interface": "ether1"}]}'
tap_ok "restore: a program that is none" restore_refused 4 "captures[0]: filter: is not a valid" \
	'{"captures": [{"interface": "ether0", "filter": ["40 0 0 12"]}]}'
tap_ok "restore: too much memory" restore_refused 4 "captures[1]: " \
	'{"captures": [{"interface": "ether0", "sample": 9},
		{"interface": "ether0", "ring-bytes": "1G", "rings": 64}]}'
tap_ok "restore: vlan needs the interface" restore_refused 4 "captures[0]: the filter" \
	'{"captures": [{"interface": "later1", "filter": "vlan 5"}]}'
ip link property add dev ether1 altname ether1-other
echo '{"captures": [{"interface": "ether1-other", "ring-bytes": "512k", "filter": "vlan 5 and udp"},
	{"interface": "ether1", "ring-bytes": "512k", "filter": "vlan 5 and udp"},
	{"interface": "ether1", "ring-bytes": "512k"}]}' >"$work/hand.json"
tap_ok "restore: written by hand" restores "$work/hand.json" 3 0
tap_ok "... it is the same the second time" restores "$work/hand.json" 0 3
tap_ok "... with as many as it names" captures_are 7
nobody_restores() {
	refused_to_nobody restore - <"$work/hand.json"
}
pcapring del 4
tap_ok "nobody may restore" nobody_restores
tap_ok "everyone may save" as_nobody save -
