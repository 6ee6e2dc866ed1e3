# SPDX-License-Identifier: MIT
# For shell tests that print TAP: source it, call these, end with tap_end.

tap_count=0
tap_failed=0

# tap_ok NAME COMMAND [ARG...]: passes when COMMAND does; else shows its output.
tap_ok() {
	tap_name=$1
	shift
	tap_count=$((tap_count + 1))
	if tap_output=$("$@" 2>&1); then
		echo "ok $tap_count - $tap_name"
	else
		echo "not ok $tap_count - $tap_name"
		tap_failed=1
		printf '%s\n' "$tap_output" | sed 's/^/# /'
	fi
}

# tap_skip NAME WHY
tap_skip() {
	tap_count=$((tap_count + 1))
	echo "ok $tap_count - $1 # SKIP $2"
}

# tap_from NAME COMMAND [ARG...]: the results of another program that prints TAP,
# numbered on; NAME passes when it kept its plan and said no more than that.
tap_from() {
	tap_source=$1
	shift
	tap_file=$(mktemp)
	"$@" >"$tap_file" 2>&1
	tap_status=$?
	tap_first=$tap_count
	while IFS= read -r tap_line; do
		case $tap_line in
		"ok "*|"not ok "*)
			tap_count=$((tap_count + 1))
			echo "${tap_line%%ok *}ok $tap_count - ${tap_line#* - }"
			;;
		1..*) ;;
		*) echo "# ${tap_line#\# }" ;;
		esac
	done <"$tap_file"
	! grep -q '^not ok' "$tap_file" || tap_failed=1
	tap_ok "$tap_source" tap_kept "$tap_file" "$tap_status" $((tap_count - tap_first))
	rm -f "$tap_file"
}

# What else the program said tells why.
tap_kept() {
	[ "$2" -eq 0 ] || grep -q '^not ok' "$1" || { echo "exit status $2"; tap_said "$1"; return 1; }
	grep -qx "1\.\.$3" "$1" || {
		echo "$3 results, planned: $(grep '^1\.\.' "$1")"
		tap_said "$1"
		return 1
	}
}

tap_said() {
	grep -v '^\(not ok\|ok\|#\|1\.\.\)' "$1" | tail -n 20
}

tap_end() {
	echo "1..$tap_count"
	exit $tap_failed
}
