#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Claim: what is installed for those who run machines is right: systemd takes the units and finds little exposed, the alerts are about
# metrics that a machine has.
. "$(dirname "$0")/lib.sh"
HUFUD=${HUFUD:-$top_builddir/hufud}
[ -x "$HUFUD" ] || { echo "1..0 # SKIP hufud is not built"; exit 0; }
need python3 curl

# -- units: as installed, but for the program, which is not --------------------------------------------
mkdir "$work/units"
for unit in hufud.service hufu-devices.service hufud.socket; do
	check "$unit was filled in" absent '@[a-z]*@' "$top_builddir/$unit"
	sed -E "s|^(Exec[A-Za-z]*=)/[^ ]*/hufud|\\1$HUFUD|" "$top_builddir/$unit" >"$work/units/$unit"
done
if command -v systemd-analyze >/dev/null; then
	for unit in hufud.service hufu-devices.service hufud.socket; do
		check "systemd takes $unit" systemd-analyze --man=no verify "$work/units/$unit"
		check "and has nothing to say of it" test ! -s "$work/out"
	done
	for unit in hufud.service hufu-devices.service; do
		check "$unit exposes little" systemd-analyze --no-pager security --offline=yes --threshold=20 "$work/units/$unit"
		score=$(sed -n 's/.*Overall exposure level.*: \([0-9.]*\) .*/\1/p' "$work/out")
		diag "exposure of $unit: $score"
		check "at most 2.0" awk -v score="$score" 'BEGIN { exit !(score != "" && score <= 2.0) }'
	done
else
	skip "systemd takes the units" "no systemd-analyze"
fi
if command -v systemd-sysusers >/dev/null; then
	check "systemd knows the user to make" systemd-sysusers --dry-run "$top_builddir/data/sysusers.d/hufud.conf"
fi
check "the user of the unit is the one that is made" contains "^User=$(awk '$1 == "u" { print $2 }' "$top_builddir/data/sysusers.d/hufud.conf")\$" "$top_builddir/hufud.service"

# -- alerts ----------------------------------------------------------------------------------------------
rules=$top_srcdir/data/prometheus/hufu.rules.yml
port=$(free_port) http=$(free_port)
check "a machine is made" hufu_core machine init "$work/m" --port "$port" --token bank
sed -i "s/^machine {/machine {\n\thttp = \"127.0.0.1:$http\"/" "$work/m/machine1.conf"
echo "audit { file = \"$work/trail\" }" >>"$work/m/machine1.conf"
background "$HUFUD" -c "$work/m/machine1.conf"
check "and started" wait_for curl -sf "http://127.0.0.1:$http/livez"
curl -s "http://127.0.0.1:$http/metrics" >"$work/metrics"
cat >"$work/rules.py" <<'END'
import re, sys
# As much of YAML as rule files take: mappings and lists of them by indentation, plain and quoted scalars.
def parse(lines, indent):
    value = None
    while lines and lines[0][0] >= indent:
        depth, text, number = lines[0]
        assert depth == indent, f"line {number}: indented by {depth}, not {indent}"
        if text.startswith("- "):
            value = [] if value is None else value
            lines[0] = (indent + 2, text[2:], number)
            value.append(parse(lines, indent + 2))
            continue
        key, colon, rest = text.partition(":")
        assert colon and re.fullmatch(r"\w+", key), f"line {number}: no key"
        value = {} if value is None else value
        assert isinstance(value, dict) and key not in value, f"line {number}: {key} again"
        lines.pop(0)
        rest = rest.strip()
        value[key] = scalar(rest, number) if rest else parse(lines, lines[0][0] if lines and lines[0][0] > indent else indent + 2)
    return value
def scalar(text, number):
    if text[0] == '"':
        assert re.fullmatch(r'"[^"\\]*"', text), f"line {number}: the quotes"
        return text[1:-1]
    # YAML 1.2, 7.3.3: what a plain scalar cannot hold.
    assert ": " not in text and " #" not in text and text[0] not in "[]{}>|*&!%@`", f"line {number}: {text} wants quotes"
    return text
KEYWORDS = set("by sum rate increase histogram_quantile time count and or on job instance token op le result state member".split())
def names(expr):
    depth = 0
    for c in re.sub(r'"[^"]*"', '""', expr):
        depth += {"(": 1, "{": 1, "[": 1, ")": -1, "}": -1, "]": -1}.get(c, 0)
        assert depth >= 0, expr
    assert depth == 0, expr
    return set(re.findall(r"[a-z_]+", re.sub(r'"[^"]*"|\[[0-9]+[smhd]\]|\d+(\.\d+)?', " ", expr))) - KEYWORDS
lines = [(len(l) - len(l.lstrip()), l.strip(), n) for n, l in enumerate(open(sys.argv[1]), 1) if l.strip() and not l.lstrip().startswith("#")]
rules = [r for g in parse(lines, 0)["groups"] for r in g["rules"]]
known = set(re.findall(r"^# TYPE (\w+) ", open(sys.argv[2]).read(), re.M)) | {"up"}
manual = open(sys.argv[3]).read()
for rule in rules:
    assert set(rule) <= {"alert", "expr", "for", "labels", "annotations"} and rule["labels"]["severity"] in ("warning", "critical"), rule
    assert re.fullmatch(r"\d+[smh]", rule.get("for", "1s")), rule
    unknown = {n for n in names(rule["expr"]) if re.sub("_bucket$", "", n) not in known}
    print(("not ok " if unknown else "ok ") + rule["alert"] + " is about what there is" + (f": {unknown}" if unknown else ""))
    print("ok" if rule["alert"] in manual else "not ok", rule["alert"], "is explained: OPERATIONS.md")
END
check_claims "alerts" python3 "$work/rules.py" "$rules" "$work/metrics" "$top_srcdir/docs/OPERATIONS.md"
states=$(grep -o 'state=~\?"[^"]*"' "$rules" | sed 's/.*"\(.*\)"/\1/' | tr '|' '\n' | sort -u)
while IFS= read -r state; do
	check "a device can be \"$state\"" contains "state=\"$state\"" "$work/metrics"
done <<<"$states"
results=$(grep -o 'result=~\?"[^"]*"' "$rules" | sed 's/.*"\(.*\)"/\1/' | tr '|' '\n' | sort -u)
while IFS= read -r result; do
	check "a request can end as \"$result\"" contains "\"$result\"" "$top_srcdir/src/hufud/metrics.c"
done <<<"$results"
finish
