# SPDX-License-Identifier: MIT
# tests/install/boot.sh: part of tests/install/guest: saved captures, as systemd
# makes them when it starts.

. tests/install/systemd.sh

boot_prepare() {
	systemd_prepare systemd-journald.socket systemd-journald.service \
		systemd-tmpfiles-setup.service
	# Whatever came of the one that is tested.
	cat >$systemd_units/test-end.service <<-END
	[Unit]
	Wants=pcapring-captures.service network-pre.target
	After=network-pre.target
	SuccessAction=exit-force
	FailureAction=exit-force
	[Service]
	Type=oneshot
	ExecStart=sh -c 'systemctl show -p ActiveState,ConditionResult,ExecMainStatus pcapring-captures >/tmp/booted'
	END
}

# boots WORD...: at its end, systemd says so of the unit.
boots() {
	local word

	rm -f /tmp/booted
	systemd_boot 240
	for word; do
		grep -x "$word" /tmp/booted || { cat /tmp/booted; dmesg | tail -n 40; return 1; }
	done
}

delete_captures() {
	for id in $(pcapring show --json | jq '.[].id'); do
		pcapring del "$id" || return
	done
}

# An expression has to be compiled on an interface, in the unit's sandbox.
captures_to_save() {
	ip link set ether1 up && delete_captures &&
		pcapring add ether1 ring-bytes 512k direction in filter udp &&
		pcapring add later1 ring-bytes 512k promisc on && pcapring save &&
		jq '.captures += [{interface: "ether1", "ring-bytes": "512k", filter: "tcp port 80"}]' \
			/etc/pcapring/captures.json >/tmp/captures.json &&
		cp /tmp/captures.json /etc/pcapring/captures.json
}

captures_are_back() {
	pcapring save /tmp/again.json && jq '.captures[:2]' /tmp/again.json >/tmp/again &&
		jq '.captures[:2]' /etc/pcapring/captures.json | diff - /tmp/again &&
		jq -e '.captures | length == 3 and (.[2].filter | length > 5)' /tmp/again.json
}

boot_prepare
tap_ok "captures are saved" captures_to_save
rmmod pcapring
tap_ok "systemd starts, and restores them" \
	boots ActiveState=active ConditionResult=yes ExecMainStatus=0
tap_ok "they are as they were" captures_are_back
echo '{' >/etc/pcapring/captures.json
tap_ok "a file that is wrong fails the unit" boots ActiveState=failed ExecMainStatus=1
rm /etc/pcapring/captures.json
tap_ok "without a file there is nothing to do" boots ActiveState=inactive ConditionResult=no
