#!/usr/bin/env bash
# Patroni's command line as a module. Needs python3 with venv.
#
# Believed: `python3 -m patroni.ctl` is `patronictl`, as `python3 -m patroni` is `patroni`; or it fails.
# So: it imports the module, does nothing, says nothing and exits 0, whatever it is told, also to switch over, also with
# words that it has not. A script that orders a switchover so believes it done. The installed program `patronictl`
# refuses the same words.
# Seen: patroni 4.1.5; 2026-11-29.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check 'patroni[etcd3]==4.1.5' 'psycopg[binary]==3.3.9' 2>/dev/null
cd "$folder"

run() { local status=0; "$@" >said 2>&1 || status=$?; echo "$status"; }
module=$(run venv/bin/python -m patroni.ctl switchover onema --leader nobody --force); said=$(wc -c <said)
nonsense=$(run venv/bin/python -m patroni.ctl no-such-command); said_nonsense=$(wc -c <said)
program=$(run venv/bin/patronictl no-such-command)
echo "python3 -m patroni.ctl switchover: exit $module, $said characters"
echo "python3 -m patroni.ctl no-such-command: exit $nonsense, $said_nonsense characters"
echo "patronictl no-such-command: exit $program, $(tail -1 said)"
[ "$module $said $nonsense $said_nonsense" = "0 0 0 0" ]
[ "$program" = 2 ]
