# What `make demo` leaves running: a daemon and its inventories. `holdfast demo` starts and records them as "pid port mark";
# here they are only shown and ended.
# shellcheck shell=bash

# In the order in which they end: nobody is left who could miss an inventory.
DEMO_PARTS="demo_daemon demo_main demo_flaky demo_legacy"

# The mark stands in the record: a file of the demo's folder that is named on the command line.
demo_mark() { cut -d' ' -f3- "$RUN_DIR/$1" 2>/dev/null || true; }
mark_demo_daemon() { demo_mark demo_daemon; }
mark_demo_main() { demo_mark demo_main; }
mark_demo_flaky() { demo_mark demo_flaky; }
mark_demo_legacy() { demo_mark demo_legacy; }

demo_title() {
  case $1 in
    demo_daemon) echo "the demo's daemon" ;;
    *) echo "the demo's inventory ${1#demo_}" ;;
  esac
}

# Ends what runs, and says so by its exit code.
stop_demo() {
  local part stopped=1
  for part in $DEMO_PARTS; do
    if is_ours "$part"; then
      end_process "$part" TERM 10
      say "$(title "$part"): stopped"
      stopped=0
    fi
    forget "$part"
  done
  return "$stopped"
}

status_demo() {
  local part
  for part in $DEMO_PARTS; do
    is_ours "$part" && printf '%-11s %6s %8s  %s\n' "$part" "$(recorded_port "$part")" "$(recorded_pid "$part")" running
  done
  return 0
}
