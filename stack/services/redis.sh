# Redis: a cache that may vanish at any time, so it keeps nothing on disk.
# shellcheck shell=bash

# Redis rewrites its command line to "redis-server 127.0.0.1:<port>".
mark_redis() { echo "redis-server 127.0.0.1:$(recorded_port redis)"; }
log_redis() { echo "$STACK_DIR/redis/log"; }

ready_redis() { [ "$(redis-cli -h 127.0.0.1 -p "$(port redis)" ping 2>/dev/null)" = PONG ]; }

start_redis() {
  mkdir -p "$STACK_DIR/redis"
  launch redis "$(log_redis)" redis-server --bind 127.0.0.1 --port "$(port redis)" --dir "$STACK_DIR/redis" \
    --save '' --appendonly no --maxmemory 128mb --maxmemory-policy allkeys-lru
}

stop_redis() { end_process redis TERM 10; }

note_redis() { echo "redis://127.0.0.1:$(port redis)"; }
