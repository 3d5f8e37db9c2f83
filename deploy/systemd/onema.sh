#!/bin/sh
# The command line with the settings, database and server key of onema.service, for root: /usr/local/sbin/onema.
# Files come on standard input (`onema apply - < my.toml`): the server's user need not be allowed to read yours.
unit=onema-cli-$$
exec systemd-run --quiet --collect --pipe --wait --unit="$unit" --uid=onema \
    --property=EnvironmentFile=-/etc/onema/environment \
    --property=LoadCredential=server.key:/etc/onema/server.key \
    --property=StateDirectory=onema --property=StateDirectoryMode=0700 --property=UMask=0077 \
    --setenv=ONEMA_SETTINGS=/etc/onema/onema.toml --setenv=ONEMA_DATA=/var/lib/onema \
    --setenv=ONEMA_SERVER_KEY_FILE="/run/credentials/$unit.service/server.key" \
    /opt/onema/bin/onema "$@"
