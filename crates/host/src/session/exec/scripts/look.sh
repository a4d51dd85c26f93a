# How kill.sh and signal.sh begin. $1: tag in the environment of the processes that are meant; the other arguments are
# pids that are meant too. All that descends from these by parent, group or session is found as well. Needs no program
# beside the shell: the sandbox may be at its limit of processes.
tag=$1
shift
known=" $* "

# The words of a file of /proc; `read` leaves out the NULs.
slurp() {
  text=
  while IFS= read -r line || [ -n "$line" ]; do
    text="$text$line "
  done <"$1"
} 2>/dev/null

# Sets $victims and $groups. A process's name may hold anything; what follows its last bracket is
# state, parent, group, session.
look() {
  victims=' ' table=
  for dir in /proc/[0-9]*; do
    pid=${dir#/proc/}
    case $pid in 1 | $$) continue ;; esac
    slurp "$dir/stat"
    set -- ${text##*) }
    case $1 in '' | Z | X | x) continue ;; esac
    table="$table$pid $2 $3 $4 "
    case $known in
    *" $pid "*) victims="$victims$pid " ;;
    *)
      slurp "$dir/environ"
      case $text in *"$tag"*) victims="$victims$pid " ;; esac
      ;;
    esac
  done
  again=1
  while [ -n "$again" ]; do
    again= groups=
    set -- $table
    while [ $# -gt 0 ]; do
      case $victims in
      *" $1 "*) groups="$groups -$3" ;;
      *" $2 "* | *" $3 "* | *" $4 "*) victims="$victims$1 " again=1 ;;
      esac
      shift 4
    done
  done
}

