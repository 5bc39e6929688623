# Operaton: the open continuation of Camunda 7; the engine contract is tested against both.
# shellcheck shell=bash

mark_operaton() { echo "-Dholdfast.stack=$STACK_DIR/operaton "; }
log_operaton() { echo "$STACK_DIR/operaton/log"; }
ready_operaton() { engine_answers operaton; }
start_operaton() { engine_start operaton operaton operaton; }
stop_operaton() { end_process operaton TERM 30; }
note_operaton() {
  echo "http://127.0.0.1:$(port operaton)/engine-rest, http://127.0.0.1:$(port operaton)/operaton/app/cockpit/ (demo/demo)"
}
