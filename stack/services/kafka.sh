# Kafka: one node in KRaft mode, both broker and controller.
# shellcheck shell=bash

kafka_controller_port() { echo "${HOLDFAST_KAFKA_CONTROLLER_PORT:-$(($(port kafka) + 1))}"; }

mark_kafka() { echo "-Dholdfast.stack=$STACK_DIR/kafka "; }
log_kafka() { echo "$STACK_DIR/kafka/log"; }

kafka_java() {
  "$(java_home)/bin/java" "-Dholdfast.stack=$STACK_DIR/kafka" -cp "$STACK_SOURCE/kafka:$JARS_DIR/kafka/*" "$@"
}

# Ready when a client gets the list of topics, not already when the port opens.
ready_kafka() {
  port_answers "$(port kafka)" &&
    kafka_java -Xmx128m org.apache.kafka.tools.TopicCommand --bootstrap-server "127.0.0.1:$(port kafka)" --list >/dev/null 2>&1
}

start_kafka() {
  local home=$STACK_DIR/kafka
  mkdir -p "$home"
  sed -e "s#@PORT@#$(port kafka)#g" -e "s#@CONTROLLER_PORT@#$(kafka_controller_port)#g" -e "s#@DATA@#$home/data#g" \
    "$STACK_SOURCE/kafka/server.properties" >"$home/server.properties"
  if [ ! -e "$home/data/meta.properties" ]; then
    rm -rf "$home/data"
    kafka_java -Xmx256m kafka.tools.StorageTool format --standalone -t "$(kafka_java -Xmx128m kafka.tools.StorageTool random-uuid 2>/dev/null | tail -n 1)" \
      -c "$home/server.properties" >"$home/format.log" 2>&1 || {
      show_log "$home/format.log"
      fail "Kafka could not format its storage; the log is above"
    }
  fi
  launch kafka "$(log_kafka)" "$(java_home)/bin/java" "-Dholdfast.stack=$home" -Xms256m -Xmx512m -cp "$STACK_SOURCE/kafka:$JARS_DIR/kafka/*" \
    kafka.Kafka "$home/server.properties"
}

stop_kafka() { end_process kafka TERM 30; }

note_kafka() { echo "bootstrap server 127.0.0.1:$(port kafka)"; }
