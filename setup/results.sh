# SPDX-License-Identifier: Apache-2.0
# What automake's TAP driver left of a run, as people are told it: a TEST.trs and a TEST.log a test. Sourced by check.

# results TRS: how many results of which kind.
results() { sed -n 's/^:test-result: //p' "$1" | sort | uniq -c; }

# ending LOG: its last lines. Whoever reads the output of a machine elsewhere has no other look at it.
ending() { tail -n 20 "$1" | cut -c 1-200 | sed 's/^/      | /'; }

# reasons_in NAME TRS: why cases were skipped or failed, as the test itself says, and how the log of one that failed ends.
reasons_in() {
	local log=${2%.trs}.log test
	test=$(basename "${2%.trs}")
	sed -n -e "s/^ok [0-9]* *-* *\(.*\) # SKIP \(.*\)/  skipped ($1): $test: \1: \2/p" -e "s/^1\.\.0 # SKIP/  skipped ($1): $test:/p" \
		-e "s/^not ok [0-9]* *-* *\(.*\)/  FAILED ($1): $test: \1/p" "$log"
	grep -qE '^:test-result: (FAIL|ERROR)' "$2" || return 0
	# The driver's own words: it exited with a status, was killed, or ended before its plan did.
	sed -n "s/^ERROR: .*$test - \(.*\)/  FAILED ($1): $test: \1/p" "$log"
	printf '      %s ends:\n' "$log"
	ending "$log"
}

# show_failures DIR: of each test that failed, its failed cases with what they say, and how it ended.
show_failures() {
	find "$1" -name '*.trs' | sort | while IFS= read -r trs; do
		grep -qE ':test-result: (FAIL|ERROR)' "$trs" || continue
		say "-- ${trs%.trs}"
		awk '/^(PASS|SKIP|FAIL|XFAIL):/ { next } /^not ok|^Bail out|ERROR|runtime error|Sanitizer/ { show = 1; print; next } /^ok |^1\.\./ { show = 0 } show { print }' "${trs%.trs}.log" | head -n 80
	done
}
