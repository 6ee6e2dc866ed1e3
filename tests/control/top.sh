# SPDX-License-Identifier: MIT
# tests/control/top.sh: part of tests/control/guest: top, as lines and on a
# terminal. Ends with the module unloaded.

sends() { # COUNT: packets, out of ether0 and into ether1
	for _ in $(seq "$1"); do
		printf '%100s' >&5
	done 5>/dev/udp/192.0.2.3/9
}

# Cells have fixed widths, but for the first two columns.
lines_count() {
	sends 50
	pcapring top -d 0.1 -n 2 >"$work/top" || return
	cat "$work/top"
	[ "$(grep -c '^DEVICE ' "$work/top")" = 2 ] && [ "$(grep -c '^pcapring' "$work/top")" = 4 ] &&
		grep -Eq "^pcapring0 ether0 .* 0 bit/s +50 pkt +0 pkt +0 pkt +0.0 % +0.6 % +no capturing" "$work/top"
}

moves() {
	sends 20
	grep -Eq "^pcapring0 ether0 +[1-9][0-9.]* k?pkt/s +[0-9.]+ [kM]?bit/s" "$work/top" &&
		grep -Eq "^pcapring1 ether1 .* [1-9][0-9.]* k?pkt +[1-9][0-9.]* % " "$work/top"
}

lines_move() {
	local status

	pcapring top --interval 0.2 >"$work/top" </dev/null &
	until_true moves
	status=$?
	kill $!
	wait $!
	[ $status = 0 ] || { tail "$work/top"; return 1; }
}

top_says() { # WORD
	pcapring top -d 0.1 -n 1 | tee "$work/top" | grep -q "$1" || { cat "$work/top"; return 1; }
}

modprobe pcapring 2>"$work/ignored"
delete_all
pcapring add ether0 ring-bytes 1M rings 1 snaplen 100 >"$work/ignored"
pcapring add ether1 ring-bytes 4k rings 1 snaplen 40 >"$work/ignored"
tap_ok "top: lines, as many looks as told" lines_count
tap_ok "top: lines, rates and drops" lines_move
pcapring freeze 1
tap_ok "top: a capture that is frozen" top_says "pcapring1 .* frozen"
pcapring del 1
pcapring add later1 ring-bytes 4k rings 1 snaplen 40 >"$work/ignored"
tap_ok "top: a capture that waits" top_says "pcapring1 later1 .* waiting"
full_top() {
	pcapring top -d 0.1 >/dev/full
}
tap_ok "top: standard output that is full ends it" eval '! full_top'
tap_ok "top: everyone may look" as_nobody top -d 0.1 -n 1
pcapring del 1
pcapring del 0
pcapring add ether0 ring-bytes 32M rings 1 >"$work/ignored"
pcapring add ether1 ring-bytes 4k rings 1 snaplen 40 >"$work/ignored"
tap_from "top on a terminal: no more than that" tests/control/terminal
