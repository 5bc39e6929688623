# Shared by every script in stack/: names, ports, folders, messages, and what "running" means.
# shellcheck shell=bash disable=SC2034

set -euo pipefail

STACK_SOURCE=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
STACK_DIR=${HOLDFAST_STACK_DIR:-$(dirname "$STACK_SOURCE")/.stack}
case $STACK_DIR in /*) ;; *) STACK_DIR=$PWD/$STACK_DIR ;; esac
RUN_DIR=$STACK_DIR/run
JARS_DIR=$STACK_DIR/jars
TOOLS_DIR=$STACK_DIR/tools

# In the order in which they start; `down` goes the other way.
ALL_SERVICES="postgres redis kafka engine operaton"

export LC_ALL=C.UTF-8
# Debian keeps some of the tools used here outside of an ordinary user's path.
PATH=$PATH:/usr/local/sbin:/usr/sbin:/sbin

say() { printf '%s\n' "$*"; }
fail() {
  printf 'stack: %s\n' "$*" >&2
  exit 1
}
have() { command -v "$1" >/dev/null 2>&1; }

# port_variable SERVICE, port SERVICE, title SERVICE: what a person sees and can change.
port_variable() {
  case $1 in
    postgres) echo HOLDFAST_PG_PORT ;;
    *) echo "HOLDFAST_${1^^}_PORT" ;;
  esac
}
port() {
  local variable default
  variable=$(port_variable "$1")
  case $1 in
    postgres) default=25432 ;;
    redis) default=26379 ;;
    kafka) default=29092 ;;
    engine) default=28080 ;;
    operaton) default=28081 ;;
    *) fail "there is no service '$1'; the services are: $ALL_SERVICES" ;;
  esac
  echo "${!variable:-$default}"
}
# Every port that a service listens on.
ports() {
  port "$1"
  [ "$1" != kafka ] || kafka_controller_port
}
title() {
  case $1 in
    postgres) echo PostgreSQL ;;
    redis) echo Redis ;;
    kafka) echo Kafka ;;
    engine) echo "Camunda 7" ;;
    operaton) echo Operaton ;;
    demo_*) demo_title "$1" ;;
  esac
}

# A TCP connection tells whether a port is in use, whichever program and user holds it.
port_answers() { (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null; }

# The first of the given ports that nothing answers on, else a random one.
free_port() {
  local candidate=$1
  while port_answers "$candidate"; do candidate=$((20000 + RANDOM % 12000)); done
  echo "$candidate"
}

# --- What runs -------------------------------------------------------------------------------------------------------
# run/<service> holds "pid port". A process counts as ours only if it still carries the mark that was given to it on its
# command line: a pid may have been handed to another program since.

recorded_pid() { cut -d' ' -f1 "$RUN_DIR/$1" 2>/dev/null || true; }
recorded_port() { cut -d' ' -f2 "$RUN_DIR/$1" 2>/dev/null || true; }
record() { echo "$2 $(port "$1")" >"$RUN_DIR/$1"; }
forget() { rm -f "$RUN_DIR/$1"; }

is_ours() {
  local pid
  pid=$(recorded_pid "$1")
  [ -n "$pid" ] && [ -r "/proc/$pid/cmdline" ] &&
    tr '\0' ' ' <"/proc/$pid/cmdline" | grep -qF -- "$("mark_$1")"
}

# launch SERVICE LOG COMMAND ...: in the background, in a session of its own, without the lock of this script (descriptor 9).
launch() {
  local service=$1 log=$2
  shift 2
  setsid nohup "$@" >"$log" 2>&1 </dev/null 9>&- &
  record "$service" $!
}

# How many seconds a service may take to start, on a slow and busy machine.
patience() {
  case $1 in
    postgres | redis) echo 60 ;;
    *) echo 240 ;;
  esac
}

# wait_until_ready SERVICE: until ready_SERVICE says yes; shows the end of its log if it does not.
wait_until_ready() {
  local service=$1 seconds log deadline
  seconds=$(patience "$service")
  log=$("log_$service")
  deadline=$((SECONDS + seconds))
  until "ready_$service"; do
    if ! [ -d "/proc/$(recorded_pid "$service")" ]; then
      show_log "$log"
      forget "$service"
      fail "$(title "$service") ended while it was starting; the end of its log ($log) is above"
    fi
    if [ "$SECONDS" -ge "$deadline" ]; then
      show_log "$log"
      fail "$(title "$service") was not ready after $seconds s; the end of its log ($log) is above"
    fi
    sleep 0.2
  done
}
show_log() { tail -n 40 "$1" 2>/dev/null | sed 's/^/  | /' >&2; }

# end_process SERVICE SIGNAL SECONDS: a polite request first, then SIGKILL.
end_process() {
  local service=$1 pid deadline=$((SECONDS + $3))
  pid=$(recorded_pid "$service")
  kill -s "$2" "$pid" 2>/dev/null || true
  while is_ours "$service"; do
    if [ "$SECONDS" -ge "$deadline" ]; then
      say "$(title "$service") did not end within $3 s and is killed"
      kill -s KILL "$pid" 2>/dev/null || true
      sleep 0.2
    fi
    sleep 0.1
  done
}

# One script at a time in one stack folder, so that two `make test` do not start the same service twice.
prepare_folder() {
  if ! mkdir -p "$RUN_DIR" 2>/dev/null || ! [ -w "$RUN_DIR" ]; then
    fail "cannot write to $STACK_DIR; if another user made it, remove it as that user, or set HOLDFAST_STACK_DIR to another folder"
  fi
  exec 9>"$STACK_DIR/lock"
  flock -w 900 9 || fail "another script has been working in $STACK_DIR for 15 minutes (it holds $STACK_DIR/lock)"
}

# The newest Java from 17 on; a Java that is first on the path but older does not matter.
java_home() {
  local candidate
  for candidate in "${JAVA_HOME:-}" "$(dirname "$(dirname "$(readlink -f "$(command -v javac || echo /none/none/none)")")")" /usr/lib/jvm/*; do
    # Without JAVA_HOME the first is empty, and /bin/javac may well be there.
    [ -n "$candidate" ] && [ -x "$candidate/bin/javac" ] || continue
    case $("$candidate/bin/javac" -version 2>&1) in
      "javac 17"* | "javac 18"* | "javac 19"* | "javac 2"[0-9]*) echo "$candidate" && return 0 ;;
    esac
  done
  return 1
}

# shellcheck source=/dev/null
for service_file in "$STACK_SOURCE"/services/*.sh; do . "$service_file"; done
