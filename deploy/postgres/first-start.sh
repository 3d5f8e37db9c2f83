#!/usr/bin/env bash
# Run once by the image's entrypoint in db1's empty database: lets standbys connect, and takes up onema.conf. The
# server that runs now has not read that file, so nothing here waits for a standby that does not exist yet.
set -euo pipefail

psql -v ON_ERROR_STOP=1 -v password="$REPLICATION_PASSWORD" --username "$POSTGRES_USER" --dbname "$POSTGRES_DB" <<'SQL'
CREATE ROLE replicator LOGIN REPLICATION PASSWORD :'password';
SQL
echo "host replication replicator all scram-sha-256" >> "$PGDATA/pg_hba.conf"
echo "include '/etc/postgresql/onema.conf'" >> "$PGDATA/postgresql.conf"
