# SPDX-License-Identifier: MIT
# tests/service/files.sh: part of tests/service/guest: files of configuration and
# keys, as who installs has to have them.

conf=/etc/pcapring

put() { # FILE LINE...
	printf '%s\n' "${@:2}" >"$conf/$1"
}

test_files_wrong() {
	tap_ok "the collector wants its file" unit_fails_to start $collector
	tap_ok "... names it, and is not tried again" \
		unit_says $collector "collector.conf: No such file"
	tap_ok "... with status 2" \
		unit_is $collector ActiveState=failed ExecMainStatus=2 NRestarts=0
	mkdir -p $conf
	cp packaging/examples/collector.conf $conf
	tap_ok "with the example, it starts" inside systemctl start $collector
}

test_files_again() {
	local pid

	pid=$(unit_main $collector)
	sed -i 's/^listen/lisen/' $conf/collector.conf
	tap_ok "a reload of a file that is wrong fails" unit_fails_to reload $collector
	tap_ok "... says why" unit_says $collector \
		"collector.conf:6: unknown key 'lisen'; did you mean 'listen'\?"
	sed -i 's/^lisen/listen/; s/^#sync = 1/sync = 2/' $conf/collector.conf
	tap_ok "one that is right is read" inside systemctl reload $collector
	tap_ok "... as it says" unit_says $collector "the configuration was read again"
	tap_ok "... by the same process" unit_is $collector "MainPID=$pid"
	tap_ok "its log has priorities: errors are some" \
		unit_has_said $collector "unknown key 'lisen'" err
	tap_ok "... what else it says is none" \
		unit_has_said $collector "listening on" info..info
}

# Keys are root's and the group's.
test_files_keys() {
	openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 9 -subj /CN=x \
		-keyout $conf/key -out $conf/certificate 2>/run/openssl
	printf '%s\n' "tls-cert = $conf/certificate" "tls-key = $conf/key" >>$conf/collector.conf
	chmod 600 $conf/key
	tap_ok "a key that is only root's fails the start" unit_fails_to restart $collector
	tap_ok "... with the remedy" unit_says $collector \
		"tls-key $conf/key: Permission denied; make it readable"
	chgrp pcapring-keys $conf/key
	chmod 640 $conf/key
	tap_ok "one of group pcapring-keys can be read" inside systemctl restart $collector
}

# What all that follows has.
test_files_plain() {
	put collector.conf "listen = 127.0.0.1:50051" "write = $file"
	put relay.conf "target = 127.0.0.1:50051"
	put relay-ether0.conf "spool = /var/lib/pcapring-relay/ether0" "verbose = true"
	tap_ok "files without TLS" inside systemctl restart $collector
}

test_files() {
	test_files_wrong
	test_files_again
	test_files_keys
	test_files_plain
}
