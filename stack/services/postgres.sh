# PostgreSQL: a cluster of its own, on loopback only, with passwords; never one of the machine's.
# shellcheck shell=bash

PG_ADMIN=holdfast_admin
PG_ADMIN_PASSWORD=holdfast-admin

# The newest installed server that has both initdb and postgres.
pg_bin() {
  local candidate
  for candidate in $(printf '%s\n' /usr/lib/postgresql/*/bin | sort -t/ -k5 -rn) "$(dirname "$(command -v postgres || echo /none/none)")"; do
    [ -x "$candidate/initdb" ] && [ -x "$candidate/postgres" ] && echo "$candidate" && return 0
  done
  return 1
}

# PostgreSQL refuses to run as root: then it runs as Debian's `postgres` user. Its programs want a current folder that
# this user may enter.
pg_user() { if [ "$(id -u)" = 0 ]; then echo postgres; else id -un; fi; }
as_pg() {
  if [ "$(id -u)" = 0 ]; then
    (cd / && setpriv --reuid=postgres --regid=postgres --init-groups "$@")
  else
    "$@"
  fi
}

# Where the cluster lives. Under a folder that the postgres user may not enter (a clone in /root, say) it moves to
# /var/tmp; the choice is written down, so that it stays the same.
pg_home() {
  local home
  if [ -r "$STACK_DIR/postgres-home" ]; then cat "$STACK_DIR/postgres-home" && return 0; fi
  home=$STACK_DIR/postgres
  if [ "$(id -u)" = 0 ]; then
    id postgres >/dev/null 2>&1 || fail "PostgreSQL refuses to run as root and there is no user 'postgres' to run it as"
    mkdir -p "$home"
    as_pg test -x "$home" || home=$(mktemp -d /var/tmp/holdfast-XXXXXX)
  fi
  echo "$home" | tee "$STACK_DIR/postgres-home"
}

mark_postgres() { echo "-D $(pg_home)/data"; }
log_postgres() { echo "$(pg_home)/log"; }

ready_postgres() { "$(pg_bin)/pg_isready" -q -h 127.0.0.1 -p "$(port postgres)" -U "$PG_ADMIN" -d postgres; }

# Reads SQL from standard input.
psql_admin() {
  PGPASSWORD=$PG_ADMIN_PASSWORD "$(pg_bin)/psql" -X -q -v ON_ERROR_STOP=1 -h 127.0.0.1 -p "$(port postgres)" -U "$PG_ADMIN" -d postgres
}

pg_make_cluster() {
  local home=$1 password_file=$1/password
  say "PostgreSQL: making a cluster in $home"
  mkdir -p "$home"
  chown "$(pg_user)" "$home"
  chmod 755 "$home"
  rm -rf "$home/data.new"
  (umask 077 && printf '%s\n' "$PG_ADMIN_PASSWORD" >"$password_file")
  chown "$(pg_user)" "$password_file"
  as_pg "$(pg_bin)/initdb" -D "$home/data.new" -U "$PG_ADMIN" --pwfile="$password_file" --auth=scram-sha-256 \
    --encoding=UTF8 --locale=C.UTF-8 >"$STACK_DIR/initdb.log" 2>&1 || {
    show_log "$STACK_DIR/initdb.log"
    fail "initdb failed; its log is above"
  }
  rm -f "$password_file"
  # Named last: a set-up that was interrupted half way starts again from nothing.
  as_pg mv "$home/data.new" "$home/data"
}

pg_write_settings() {
  local preload=
  # From postgresql-contrib; `make bench` counts commits and statements with it when it is there.
  [ -e "$("$(pg_bin)/pg_config" --pkglibdir 2>/dev/null || echo /none)/pg_stat_statements.so" ] ||
    [ -e "$(dirname "$(pg_bin)")/lib/pg_stat_statements.so" ] && preload=pg_stat_statements
  cat <<SETTINGS
listen_addresses = '127.0.0.1'
unix_socket_directories = ''
password_encryption = 'scram-sha-256'
max_connections = 400
shared_buffers = '256MB'
max_wal_size = '2GB'
# A client that stops in the middle of its log-in holds up every DROP DATABASE until then.
authentication_timeout = '20s'
fsync = ${HOLDFAST_PG_FSYNC:-on}
synchronous_commit = on
autovacuum = on
shared_preload_libraries = '$preload'
log_line_prefix = '%m [%p] %q%u@%d '
log_min_duration_statement = '2s'
timezone = 'UTC'
log_timezone = 'UTC'
SETTINGS
}

# The engines' databases, each owned by a role of its own.
pg_make_database() {
  psql_admin <<SQL
select format('create role %I login password %L', '$1', '$1') where not exists (select from pg_roles where rolname = '$1') \gexec
select format('create database %I owner %I', '$1', '$1') where not exists (select from pg_database where datname = '$1') \gexec
revoke all on database $1 from public;
SQL
}

start_postgres() {
  local home log
  home=$(pg_home)
  log=$(log_postgres)
  [ -d "$home/data" ] || pg_make_cluster "$home"
  pg_write_settings | as_pg tee "$home/data/postgresql.auto.conf" >/dev/null
  # Started directly, not by pg_ctl, so that the process id is known at once and never read from a stale file.
  local as_user=()
  [ "$(id -u)" != 0 ] || as_user=(setpriv --reuid=postgres --regid=postgres --init-groups)
  (cd "$home" && launch postgres "$log" "${as_user[@]}" "$(pg_bin)/postgres" -D "$home/data" -p "$(port postgres)")
  wait_until_ready postgres
  pg_make_database camunda
  pg_make_database operaton
}

# Fast shutdown: open sessions are ended, nothing committed is lost.
stop_postgres() { end_process postgres INT 30; }

note_postgres() { echo "user $PG_ADMIN, password $PG_ADMIN_PASSWORD"; }
