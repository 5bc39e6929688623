# Camunda 7: REST API, Cockpit and Tasklist, on PostgreSQL, in its own database. Operaton starts by the same function.
# shellcheck shell=bash

mark_engine() { echo "-Dholdfast.stack=$STACK_DIR/engine "; }
log_engine() { echo "$STACK_DIR/engine/log"; }
ready_engine() { engine_answers engine; }
start_engine() { engine_start engine camunda camunda; }
stop_engine() { end_process engine TERM 30; }
note_engine() {
  echo "http://127.0.0.1:$(port engine)/engine-rest, http://127.0.0.1:$(port engine)/camunda/app/cockpit/ (demo/demo)"
}

engine_answers() {
  curl -fsS -m 5 -o /dev/null "http://127.0.0.1:$(port "$1")/engine-rest/version" 2>/dev/null &&
    # The filter is made last, after the admin user: without it Tasklist would look empty.
    [ "$(curl -fsS -m 5 "http://127.0.0.1:$(port "$1")/engine-rest/filter/count" 2>/dev/null)" != '{"count":0}' ]
}

# engine_start SERVICE PRODUCT DATABASE: PRODUCT is the prefix of the settings, `camunda` or `operaton`.
engine_start() {
  local service=$1 product=$2 database=$3 home=$STACK_DIR/$1
  mkdir -p "$home"
  engine_settings "$product" "$database" "$(port "$service")" >"$home/application.properties"
  launch "$service" "$home/log" "$(java_home)/bin/java" "-Dholdfast.stack=$home" -Xms256m -Xmx768m \
    -cp "$JARS_DIR/$service/*" "$STACK_SOURCE/Engine.java" "--spring.config.location=file:$home/application.properties"
}

engine_settings() {
  cat <<SETTINGS
server.address=127.0.0.1
server.port=$3
server.tomcat.threads.max=250
server.tomcat.threads.min-spare=20

spring.datasource.url=jdbc:postgresql://127.0.0.1:$(port postgres)/$2
spring.datasource.username=$2
spring.datasource.password=$2
spring.datasource.hikari.maximum-pool-size=60
spring.datasource.hikari.minimum-idle=10
spring.main.banner-mode=off
spring.jmx.enabled=false

$1.bpm.history-level=full
$1.bpm.default-serialization-format=application/json
$1.bpm.authorization.enabled=false
$1.bpm.metrics.enabled=false
$1.bpm.metrics.db-reporter-activate=false
$1.bpm.admin-user.id=demo
$1.bpm.admin-user.password=demo
$1.bpm.admin-user.first-name=Demo
$1.bpm.filter.create=All tasks

# Timers and retries fire within a second, not within a minute, so that a demo and a test need not wait.
$1.bpm.job-execution.enabled=true
$1.bpm.job-execution.core-pool-size=4
$1.bpm.job-execution.max-pool-size=10
$1.bpm.job-execution.queue-capacity=20
$1.bpm.job-execution.wait-time-in-millis=500
$1.bpm.job-execution.max-wait=1000
$1.bpm.job-execution.backoff-time-in-millis=50
$1.bpm.job-execution.max-backoff=500
$1.bpm.generic-properties.properties.job-executor-acquire-by-due-date=true
SETTINGS
}
