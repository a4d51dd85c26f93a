# Kills what carries the tag $1 in its environment, with all that descends from it by parent, group or session, until
# a look finds nothing alive. The other arguments are pids that an earlier look found. Needs no program beside the
# shell: the sandbox may be at its limit of processes. Exit 1: the pids on stdout could not be killed.
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

round=0
while [ "$round" -lt 40 ]; do
  round=$((round + 1))
  look
  [ "$victims" != ' ' ] || exit 0
  known=$victims
  # A group at once: a chain of forks in it cannot run ahead.
  for target in $groups $victims; do
    case $target in -0 | -1) continue ;; esac
    kill -9 "$target" 2>/dev/null
  done
done
printf '%s' "$victims"
exit 1
