#!/usr/bin/env bash
# A standby's entrypoint: copies PRIMARY when there is no data yet, then does what the image does.
set -euo pipefail

if [ ! -s "$PGDATA/PG_VERSION" ]; then
    # The password is taken from PGPASSWORD and kept in postgresql.auto.conf, for streaming.
    until pg_basebackup --pgdata="$PGDATA" --write-recovery-conf --wal-method=stream --checkpoint=fast \
        --dbname="host=$PRIMARY user=replicator application_name=$NAME"; do
        sleep 1
    done
    chmod 0700 "$PGDATA"
fi
exec docker-entrypoint.sh "$@"
